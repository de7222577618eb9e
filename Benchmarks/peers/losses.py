"""Loss and gradient from log-probabilities, in PyTorch: losses.py eager|compile|trl [mapped]

case LOSS PAIRS, with LOSS one of dpo, ipo, cal-dpo; β is 0.1.
"""

from __future__ import annotations

import collections
import sys
import types
from collections.abc import Callable, Sequence

import numpy
import torch
import torch.nn.functional as F

import inputs
import protocol

BETA = 0.1


def dpo(chosen, rejected, ref_chosen, ref_rejected):
    return -F.logsigmoid(BETA * ((chosen - ref_chosen) - (rejected - ref_rejected))).mean()


def ipo(chosen, rejected, ref_chosen, ref_rejected):
    return ((chosen - ref_chosen) - (rejected - ref_rejected) - 1 / (2 * BETA)).square().mean()


def cal_dpo(chosen, rejected, ref_chosen, ref_rejected):
    chosen_reward, rejected_reward = chosen - ref_chosen, rejected - ref_rejected
    target = 1 / (2 * BETA)
    calibration = (chosen_reward - target).square() + (rejected_reward + target).square()
    return (calibration - F.logsigmoid(chosen_reward - rejected_reward)).mean()


LOSSES = {"dpo": dpo, "ipo": ipo, "cal-dpo": cal_dpo}


class Functions:
    """A loss in a few lines of PyTorch, eager or compiled."""

    def __init__(self, compiled: bool) -> None:
        self.compiled = compiled

    def prepare(self, words: Sequence[str]) -> None:
        pairs = int(words[1])
        policy = inputs.uniform(2 * pairs, 1, -120, 40)
        reference = policy + inputs.uniform(2 * pairs, 2, -2, 4)
        self.policy = [part.clone().requires_grad_() for part in policy.split(pairs)]
        self.reference = [part.clone() for part in reference.split(pairs)]
        self.loss: Callable = LOSSES[words[0]]
        if self.compiled:
            torch._dynamo.reset()
            self.loss = torch.compile(self.loss, dynamic=False)

    def call(self) -> None:
        self.value = self.loss(*self.policy, *self.reference)
        self.gradients = torch.autograd.grad(self.value, self.policy)

    def results(self) -> numpy.ndarray:
        return torch.cat([self.value.detach().reshape(1), *self.gradients]).double().numpy()


class TRL:
    """TRL's `_compute_loss` with its metrics, on a model that returns given log-probabilities."""

    TYPES = {"dpo": "sigmoid", "ipo": "ipo"}

    def __init__(self) -> None:
        from trl import DPOTrainer

        self.compute = DPOTrainer._compute_loss

    def prepare(self, words: Sequence[str]) -> None:
        pairs = int(words[1])
        policy = inputs.uniform(2 * pairs, 1, -120, 40)
        reference = policy + inputs.uniform(2 * pairs, 2, -2, 4)
        self.log_probs = policy.reshape(-1, 1).clone().requires_grad_()
        # One token of prompt and one of response each: the log-probabilities are already sums.
        zeros = torch.zeros(2 * pairs, 1)
        outputs = types.SimpleNamespace(
            log_probs=self.log_probs, entropy=zeros, mean_logits=zeros, is_top1=torch.zeros(2 * pairs, 1, dtype=torch.bool)
        )
        self.model = lambda **_: outputs
        self.batch = {
            "input_ids": torch.zeros(2 * pairs, 2, dtype=torch.long),
            "attention_mask": torch.ones(2 * pairs, 2, dtype=torch.long),
            "completion_mask": torch.tensor([[0, 1]]).repeat(2 * pairs, 1),
            "ref_chosen_logps": reference[:pairs].clone(),
            "ref_rejected_logps": reference[pairs:].clone(),
        }
        self.trainer = types.SimpleNamespace(
            model=types.SimpleNamespace(training=True),
            accelerator=types.SimpleNamespace(
                device=torch.device("cpu"), gather=lambda values: values, gather_for_metrics=lambda values: values
            ),
            args=types.SimpleNamespace(discopop_tau=0.05), aux_loss_enabled=False, ld_alpha=None, precompute_ref_logps=True,
            f_divergence_type="reverse_kl", loss_types=[self.TYPES[words[0]]], loss_weights=[1.0], beta=BETA,
            label_smoothing=0.0, use_weighting=False, _metrics={"train": collections.defaultdict(list)},
            _total_train_tokens=0, _tp_size=1,
        )  # fmt: skip

    def call(self) -> None:
        self.value = self.compute(self.trainer, self.model, self.batch, False)
        (self.gradient,) = torch.autograd.grad(self.value, [self.log_probs])
        self.trainer._metrics["train"].clear()

    def results(self) -> numpy.ndarray:
        return torch.cat([self.value.detach().reshape(1), self.gradient.reshape(-1)]).double().numpy()


if __name__ == "__main__":
    if "mapped" in sys.argv[2:]:
        protocol.map_constants()
    protocol.serve(TRL() if sys.argv[1] == "trl" else Functions(compiled=sys.argv[1] == "compile"))
