"""Hidden states, head, log-probabilities, DPO, gradients of hidden states and head: head.py plain|trl|liger|liger-compile

case SEQUENCES TOKENS VOCABULARY HIDDEN: the first half of the sequences are chosen responses, the second half rejected ones.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence

import numpy
import torch

import inputs
import protocol
from logits import BETA, dpo, log_softmax_and_gather


def plain(hidden: torch.Tensor, weight: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
    return dpo(log_softmax_and_gather(hidden @ weight.T, labels))


def trl_head() -> Callable:
    from trl.kernels.chunked_logprob import ChunkedLogProbFunction
    from trl.trainer.utils import _CHUNKED_LOGPROB_CHUNK_SIZE as chunk_size

    def loss(hidden: torch.Tensor, weight: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
        states = hidden.reshape(-1, hidden.shape[-1])
        log_probs = ChunkedLogProbFunction.apply(
            states, weight, None, labels.reshape(-1), 1.0, chunk_size, None, 1.0, ("log_probs",)
        )[0]
        return dpo(log_probs.view(labels.shape))

    return loss


def liger_head(compiled: bool) -> Callable:
    from liger_kernel.chunked_loss import LigerFusedLinearDPOLoss

    head = LigerFusedLinearDPOLoss(beta=BETA, compiled=compiled, use_ref_model=False)

    def loss(hidden: torch.Tensor, weight: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
        return head(weight, hidden, labels)[0]

    return loss


class Head:
    def __init__(self, kind: str) -> None:
        if kind == "trl":
            self.loss = trl_head()
        elif kind.startswith("liger"):
            self.loss = liger_head(compiled=kind == "liger-compile")
        else:
            self.loss = plain

    def prepare(self, words: Sequence[str]) -> None:
        sequences, tokens, vocabulary, size = (int(word) for word in words)
        count = sequences * tokens
        self.hidden = inputs.uniform(count * size, 5, -1, 2).view(sequences, tokens, size).requires_grad_()
        self.weight = inputs.uniform(vocabulary * size, 6, -0.0625, 0.125).view(vocabulary, size).requires_grad_()
        self.labels = inputs.labels(count, 4, vocabulary).view(sequences, tokens)

    def call(self) -> None:
        self.hidden.grad = self.weight.grad = None
        self.value = self.loss(self.hidden, self.weight, self.labels)
        self.value.backward()

    def results(self) -> numpy.ndarray:
        states = self.hidden.grad.view(-1, self.hidden.shape[-1])
        return numpy.concatenate([[self.value.item()], protocol.sampled(states), protocol.sampled(self.weight.grad)])


if __name__ == "__main__":
    protocol.serve(Head(sys.argv[1]))
