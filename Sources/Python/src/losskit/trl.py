"""TRL's DPOTrainer with any of LossKit's objectives.

>>> from losskit.trl import LossKitDPOTrainer
>>> trainer = LossKitDPOTrainer(model, args=DPOConfig(...), train_dataset=data, loss="cal-dpo(beta=0.01)")  # doctest: +SKIP

Config, data, reference model, precomputed log-probabilities and metrics are TRL's; the loss, and the rewards in the metrics, are
the objective's. Under DDP and FSDP, what is not rowwise sees the columns of all processes.
"""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Iterator
from typing import Any

import torch
import trl
from packaging.version import Version

from losskit._library import LossKitError
from losskit.torch import Objective, flatten_tokens

__all__ = ["LossKitDPOTrainer"]

_OLDEST, _TOO_NEW = Version("1.16"), Version("1.17")
if not _OLDEST <= Version(trl.__version__) < _TOO_NEW:
    raise ImportError(
        f"losskit.trl works inside TRL's DPOTrainer and is tested with TRL {_OLDEST} up to, not including, {_TOO_NEW}; this is "
        f"{trl.__version__}: pip install 'trl>={_OLDEST},<{_TOO_NEW}'"
    )

# TRL's own ways of changing the loss; LossKit has each of them as a name.
_TRL_OPTIONS = {
    "f_divergence_type": ("reverse_kl", "dpo @ forward-kl, @ jensen-shannon or @ alpha-divergence"),
    "ld_alpha": (None, "ld-dpo"),
    "use_weighting": (False, "wpo"),
    "loss_weights": (None, "a sum such as dpo + 0.2*sft(per=token)"),
}
_SUPPLIED = ("policy_logp", "reference_logp", "token_count", "policy_token_logp", "reference_token_logp", "policy_log_collision")
_STATE_FILE = "losskit_state.json"


class LossKitDPOTrainer(trl.DPOTrainer):
    """TRL's DPOTrainer whose loss is an objective of LossKit.

    loss: the objective's text, such as `"cal-dpo"` or `"dpo(beta=0.05) + 0.2*sft(per=token)"`, or a `losskit.torch.Objective`.
    All other arguments are DPOTrainer's. `args.beta` is set to the objective's own.
    """

    def __init__(self, *positional: Any, loss: str | Objective, **arguments: Any) -> None:
        module = loss if isinstance(loss, Objective) else Objective(loss)
        _check_columns(module)
        config = next((value for value in (*positional, *arguments.values()) if isinstance(value, trl.DPOConfig)), None)
        if config is not None:
            _check_config(config)
        with _collisions(config, module):
            super().__init__(*positional, **arguments)
        self.use_weighting = False
        self.losskit_objective = module.to(self.accelerator.device)
        if module.state is not None:
            module.state = module.state.to(torch.float64)
        self.beta = module.objective.reward_scale
        if not module.objective.is_rowwise and self.args.gradient_accumulation_steps > 1:
            raise LossKitError(
                f"gradient_accumulation_steps={self.args.gradient_accumulation_steps}: {module.objective.text} looks at the whole "
                "optimizer batch at once; set it to 1 and raise per_device_train_batch_size"
            )

    def _compute_loss(self, model: Any, inputs: dict[str, Any], return_outputs: bool) -> Any:
        """TRL's own computation gives the log-probabilities and the metrics; its loss is replaced."""
        captured = _Outputs(model, self)
        with captured:
            result = super()._compute_loss(model, inputs, return_outputs)
        columns = self._columns(inputs, captured)
        loss, rewards = self._evaluate(columns, inputs)
        mode = "train" if self.model.training else "eval"
        if self.aux_loss_enabled:
            loss = loss + self.router_aux_loss_coef * captured.policy.aux_loss
        if rewards is not None:
            self._report(mode, rewards)
        return (loss, result[1]) if return_outputs else loss

    def _columns(self, inputs: dict[str, Any], captured: _Outputs) -> dict[str, torch.Tensor]:
        """The columns that the objective reads, [2, G] each, chosen responses first."""
        wanted = self.losskit_objective.objective.columns
        mask = inputs["completion_mask"][..., 1:]
        tokens = captured.policy.log_probs[:, -mask.size(1) :]
        columns: dict[str, torch.Tensor] = {}
        if "policy_logp" in wanted:
            columns["policy_logp"] = tokens.sum(dim=1).view(2, -1)
        if "token_count" in wanted:
            columns["token_count"] = mask.sum(dim=1).view(2, -1).to(tokens.dtype)
        if "policy_token_logp" in wanted:
            columns["policy_token_logp"], columns["token_offsets"] = flatten_tokens(tokens, mask)
        if "policy_log_collision" in wanted:
            collision = captured.policy.log_sum_sq_probs[:, -mask.size(1) :].detach() * mask
            columns["policy_log_collision"] = collision.sum(dim=1).view(2, -1)
        if "reference_logp" in wanted or "reference_token_logp" in wanted:
            columns |= self._reference_columns(inputs, captured, mask, wanted)
        return columns

    def _reference_columns(
        self, inputs: dict[str, Any], captured: _Outputs, mask: torch.Tensor, wanted: dict[str, Any]
    ) -> dict[str, torch.Tensor]:
        if self.precompute_ref_logps:
            if "reference_token_logp" in wanted:
                raise LossKitError(
                    f"{self.losskit_objective.objective.text} reads the reference's log-probabilities token by token, and TRL "
                    "precomputes their sums alone; set precompute_ref_log_probs=False"
                )
            return {"reference_logp": torch.stack([inputs["ref_chosen_logps"], inputs["ref_rejected_logps"]])}
        tokens = captured.reference.log_probs[:, -mask.size(1) :].detach()
        columns = {}
        if "reference_logp" in wanted:
            columns["reference_logp"] = tokens.sum(dim=1).view(2, -1)
        if "reference_token_logp" in wanted:
            columns["reference_token_logp"] = flatten_tokens(tokens, mask)[0]
        return columns

    def _evaluate(
        self, columns: dict[str, torch.Tensor], inputs: dict[str, Any]
    ) -> tuple[torch.Tensor, torch.Tensor | None]:
        """The loss, and the rewards of this process, [2, G]."""
        module = self.losskit_objective
        module.train(self.model.training)
        offsets = columns.pop("token_offsets", None)
        seed = self.state.global_step + self.args.seed
        if module.objective.is_rowwise or self.accelerator.num_processes == 1:
            own, others = columns, 1
        else:
            own, others = self._gathered(columns, offsets), self.accelerator.num_processes
        loss, metrics = module(**own, token_offsets=offsets, seed=seed)
        if others > 1:
            # The mean over processes is what DDP and FSDP take of the gradients; each holds the part of its own rows.
            loss = loss.detach() + others * (loss - loss.detach())
        return loss, self._rewards(columns, offsets)

    def _gathered(self, columns: dict[str, torch.Tensor], offsets: torch.Tensor | None) -> dict[str, torch.Tensor]:
        """The columns of all processes, with gradients to the rows of this one."""
        if offsets is not None:
            raise LossKitError(
                f"{self.losskit_objective.objective.text}: token columns of an objective that looks at the whole batch are not "
                "gathered across processes; train in one process"
            )
        gathered = {}
        for name, column in columns.items():
            counts = self.accelerator.gather(torch.tensor([column.shape[-1]], device=column.device))
            width = int(counts.max())
            padded = torch.nn.functional.pad(column.detach(), (0, width - column.shape[-1]))
            parts = list(self.accelerator.gather(padded.t().contiguous()).t().split(width, dim=-1))
            parts = [part[..., : int(count)] for part, count in zip(parts, counts)]
            parts[self.accelerator.process_index] = column
            gathered[name] = torch.cat(parts, dim=-1)
        return gathered

    def _rewards(self, columns: dict[str, torch.Tensor], offsets: torch.Tensor | None) -> torch.Tensor | None:
        """The rewards of this process's responses, scaled as metrics scale them; None where TRL's log-ratios are what they are."""
        objective = self.losskit_objective.objective
        if not objective.has_reward or "@ log-ratio" in objective.text:
            return None
        arrays = {name: column.detach().cpu().double().numpy() for name, column in columns.items()}
        token_offsets = None if offsets is None else offsets.cpu().numpy()
        result = objective.evaluate(**arrays, token_offsets=token_offsets, gradients=False)
        return objective.reward_scale * torch.from_numpy(result.rewards).to(self.accelerator.device)

    def _report(self, mode: str, rewards: torch.Tensor) -> None:
        """Puts the objective's rewards in the place of TRL's log-ratios."""
        chosen, rejected = rewards
        values = {
            "rewards/chosen": chosen,
            "rewards/rejected": rejected,
            "rewards/accuracies": (chosen > rejected).float(),
            "rewards/margins": chosen - rejected,
        }
        for name, value in values.items():
            self._metrics[mode][name][-1] = self.accelerator.gather(value.contiguous()).mean().item()

    def _save_checkpoint(self, model: Any, trial: Any) -> None:
        super()._save_checkpoint(model, trial)
        state = self.losskit_objective.state
        if state is not None and self.args.should_save:
            directory = os.path.join(self._get_output_dir(trial), f"checkpoint-{self.state.global_step}")
            with open(os.path.join(directory, _STATE_FILE), "w", encoding="utf-8") as file:
                json.dump({"objective": self.losskit_objective.objective.text, "state": state.tolist()}, file)

    def _load_from_checkpoint(self, resume_from_checkpoint: str, model: Any = None) -> None:
        super()._load_from_checkpoint(resume_from_checkpoint, model)
        state = self.losskit_objective.state
        if state is None:
            return
        path = os.path.join(resume_from_checkpoint, _STATE_FILE)
        try:
            with open(path, encoding="utf-8") as file:
                saved = json.load(file)
        except OSError as problem:
            raise LossKitError(f"{path}: what {self.losskit_objective.objective.text} keeps cannot be read: {problem}") from None
        state.copy_(torch.tensor(saved["state"], dtype=torch.float64))


class _Outputs:
    """What policy and reference return within TRL's computation, by forward hooks."""

    def __init__(self, model: torch.nn.Module, trainer: LossKitDPOTrainer) -> None:
        self._modules = [(model, self._keep_policy)]
        reference = getattr(trainer, "ref_model", None)
        if not trainer.precompute_ref_logps:
            # A PEFT model without its adapter is the reference: the same module, run a second time.
            self._modules.append((reference if reference is not None else trainer.model, self._keep_reference))
        self._handles: list[Any] = []
        self.policy: Any = None
        self.reference: Any = None

    def _keep_policy(self, module: Any, arguments: Any, output: Any) -> None:
        if self.policy is None:
            self.policy = output

    def _keep_reference(self, module: Any, arguments: Any, output: Any) -> None:
        self.reference = output

    def __enter__(self) -> None:
        self._handles = [module.register_forward_hook(hook) for module, hook in self._modules]

    def __exit__(self, *problem: Any) -> None:
        for handle in self._handles:
            handle.remove()


@contextlib.contextmanager
def _collisions(config: Any, module: Objective) -> Iterator[None]:
    """Has TRL's model return Σ π² of its distributions where the objective reads it, which it does for its own WPO alone."""
    if "policy_log_collision" not in module.objective.columns:
        yield
        return
    if config is None:
        raise LossKitError(f"args: {module.objective.text} needs a DPOConfig; pass args=DPOConfig(...)")
    config.use_weighting = True
    try:
        yield
    finally:
        config.use_weighting = False


def _check_columns(module: Objective) -> None:
    objective = module.objective
    least, largest = objective.responses
    if least > 2 or (largest is not None and largest < 2):
        raise LossKitError(f"{objective.text} is not a loss of pairs; DPOTrainer has pairs")
    if objective.references > 1:
        raise LossKitError(
            f"{objective.text} compares with {objective.references} references; DPOTrainer has one. Call losskit.torch.Objective in a "
            "trainer of your own"
        )
    for column in objective.columns.values():
        if column.name not in _SUPPLIED and not column.optional:
            raise LossKitError(
                f"{objective.text} reads the column {column.name}, which DPOTrainer does not have; call losskit.torch.Objective in a "
                "trainer of your own"
            )


def _check_config(config: Any) -> None:
    if list(config.loss_type) != ["sigmoid"]:
        raise LossKitError(f"loss_type={config.loss_type}: the loss is named by 'loss'; leave loss_type out of the config")
    for name, (default, instead) in _TRL_OPTIONS.items():
        if getattr(config, name, default) != default:
            raise LossKitError(f"{name}={getattr(config, name)}: TRL's option has no effect here; take {instead}")
