"""TRL's DPOTrainer with any objective of LossKit.

>>> from losskit.trl import LossKitDPOTrainer
>>> trainer = LossKitDPOTrainer(model, args=DPOConfig(...), train_dataset=data, loss="cal-dpo(beta=0.01)")  # doctest: +SKIP

Config, data, reference model, precomputed log-probabilities and metrics are TRL's. The objective replaces the loss, and the rewards
in the metrics. Under DDP and FSDP, an objective that is not rowwise sees the columns of all processes.
"""

from __future__ import annotations

import copy
import inspect
import os
from typing import Any

import torch
import trl
from packaging.version import Version

from losskit._library import LossKitError
from losskit._trl_arguments import check, is_of_whole_batch, leave_out_reference, model_card, own_config
from losskit._trl_checkpoint import restore_objective, save_objective
from losskit._trl_columns import Forwards, NoReference, joined
from losskit._trl_data import WithData, data_columns
from losskit._trl_objective import is_trl_spelling, objective_of_config, objective_of_loss
from losskit.torch import Objective

__all__ = ["LossKitDPOTrainer"]

_OLDEST, _TOO_NEW = Version("1.16"), Version("1.17")
if not _OLDEST <= Version(trl.__version__) < _TOO_NEW:
    raise ImportError(
        f"losskit.trl works inside TRL's DPOTrainer and is tested with TRL {_OLDEST} up to, not including, {_TOO_NEW}; this is "
        f"{trl.__version__}: pip install 'trl>={_OLDEST},<{_TOO_NEW}'"
    )

_REWARDS = ("rewards/chosen", "rewards/rejected", "rewards/accuracies", "rewards/margins")


class LossKitDPOTrainer(trl.DPOTrainer):
    """TRL's DPOTrainer whose loss is an objective of LossKit.

    loss: the objective's text, such as `"cal-dpo"` or `"dpo(beta=0.05) + 0.2*sft(per=token)"`, one of TRL's loss types, such as
    `"exo_pair"`, or a `losskit.torch.Objective`. By default, `args.loss_type` as TRL computes it. A name that both define, such as
    `"ipo"`, is LossKit's in `loss` and TRL's in `args`.

    accumulation: what an objective with a state or batch statistics sees when gradients are accumulated. "whole" is the
    optimizer's batch, which takes a second forward pass; "micro-batch" is each micro-batch alone, as in TRL.

    The objective takes its hyperparameters from `args`: `beta`, `label_smoothing`, `discopop_tau`, `ld_alpha` and
    `f_alpha_divergence_coef`. With a text, values that differ from DPOConfig's defaults apply, and a contradiction to the text is
    an error; TRL's loss types take every field that they read. The trainer's copy of `args` names the objective in `loss_type`.

    All other arguments are DPOTrainer's. An objective that reads no reference neither loads nor runs one. Checkpoints hold the
    objective and its state; only the same objective resumes them. Raises LossKitError for an objective that it cannot compute.
    """

    def __init__(
        self, *positional: Any, loss: str | Objective | None = None, accumulation: str = "whole", **arguments: Any
    ) -> None:
        if accumulation not in ("whole", "micro-batch"):
            raise LossKitError(f"accumulation: expected 'whole' or 'micro-batch', not {accumulation!r}")
        call = inspect.signature(trl.DPOTrainer.__init__).bind(self, *positional, **arguments).arguments
        config = own_config(call)
        if is_trl_spelling(loss) and config.loss_type == ["sigmoid"]:
            loss, config.loss_type = None, [loss]
        module = objective_of_config(config) if loss is None else objective_of_loss(loss, config)
        check(module.objective, config, call, accumulation)
        self._losskit_data = data_columns(module.objective)
        self._losskit_reads_reference = any("reference" in name for name in module.objective.columns)
        if not self._losskit_reads_reference:
            leave_out_reference(call, config, module.objective)
        # With this set, TRL's model returns Σ π² of its distributions, which WPO reads.
        config.use_weighting = "policy_log_collision" in module.objective.columns
        self._tag_names, self._name, self._paper = model_card(module.objective)
        super().__init__(**{**{name: value for name, value in call.items() if name != "self"}, "args": config})
        if not self._losskit_reads_reference:
            self.ref_model = None
        if self._losskit_data:
            self.data_collator = WithData(self.data_collator, self._losskit_data_names)
        # TRL's own loss is computed and discarded, so use the simplest one.
        self.use_weighting, self.f_divergence_type = False, "reverse_kl"
        self.loss_types, self.loss_weights = ["sigmoid"], [1.0]
        self.args.loss_type, self.args.loss_weights = [module.objective.text], None
        self.args.beta = self.beta = module.objective.reward_scale
        self.losskit_objective = module.to(self.accelerator.device)
        if module.state is not None:
            module.state = module.state.to(torch.float64)
        self._losskit_sees_whole_batch = is_of_whole_batch(module.objective) and accumulation == "whole"
        self._losskit_micro_batches: list[Any] = []
        self._losskit_shares: list[_Share] = []

    # ---- the loss

    def _compute_loss(self, model: Any, inputs: dict[str, Any], return_outputs: bool) -> Any:
        """Takes the log-probabilities and the metrics from TRL's computation, and replaces its loss."""
        if self.model.training and self._losskit_micro_batches:
            self._losskit_shares = self._losskit_look_ahead(model, self._losskit_micro_batches)
            self._losskit_micro_batches = []
        result, forwards, columns = self._losskit_forward(model, inputs, return_outputs)
        if self.model.training and self._losskit_shares:
            loss, rewards = self._losskit_shares.pop(0).loss(columns)
        else:
            loss, rewards = self._losskit_evaluate([columns])
        if self.aux_loss_enabled:
            loss = loss + self.router_aux_loss_coef * forwards.policy.aux_loss
        self._losskit_report("train" if self.model.training else "eval", rewards)
        return (loss, result[1]) if return_outputs else loss

    def _losskit_forward(
        self, model: Any, inputs: dict[str, Any], return_outputs: bool
    ) -> tuple[Any, Forwards, dict[str, torch.Tensor]]:
        """Returns the result of TRL's computation, its forward passes, and the objective's columns."""
        rest = {name: value for name, value in inputs.items() if name not in self._losskit_data_names}
        runs_reference = self._losskit_reads_reference and not self.precompute_ref_logps
        reference = self.model if self.ref_model is None else self.ref_model
        forwards = Forwards(model, reference if runs_reference else None)
        if not self._losskit_reads_reference:
            self.ref_model = NoReference()
        try:
            with forwards:
                result = super()._compute_loss(model, rest, return_outputs)
        finally:
            if not self._losskit_reads_reference:
                self.ref_model = None
        columns = forwards.columns(rest, self.losskit_objective.objective.columns)
        for name, parts in self._losskit_data.items():
            columns[name] = inputs[parts[0]] if len(parts) == 1 else torch.stack([inputs[part] for part in parts])
        return result, forwards, columns

    def _losskit_evaluate(
        self, batches: list[dict[str, torch.Tensor]]
    ) -> tuple[torch.Tensor, torch.Tensor | None]:
        """Returns the joint loss of several batches, and the rewards of this process, [2, G]."""
        module = self.losskit_objective
        module.train(self.model.training)
        seed = self.state.global_step + self.args.seed
        processes = 1 if module.objective.is_rowwise else self.accelerator.num_processes
        seen = batches if processes == 1 else [part for batch in batches for part in self._losskit_gathered(batch)]
        columns, offsets = joined(seen)
        try:
            loss, _ = module(**columns, token_offsets=offsets, seed=seed)
        except LossKitError as problem:
            raise LossKitError(f"step {self.state.global_step + 1}: {problem}") from None
        # DDP and FSDP average gradients over processes; each process contributes the gradient of its rows.
        loss = loss if processes == 1 else loss.detach() + processes * (loss - loss.detach())
        return loss, self._losskit_rewards(batches, seed)

    def _losskit_gathered(self, batch: dict[str, torch.Tensor]) -> list[dict[str, torch.Tensor]]:
        """Gathers the batches of all processes, with gradients to this process's columns."""
        gather, count = self.accelerator.gather, self.accelerator.num_processes
        batches: list[dict[str, torch.Tensor]] = [{} for _ in range(count)]
        for name, column in batch.items():
            sizes = gather(torch.tensor([column.shape], device=column.device))
            padding = [most - size for most, size in zip(sizes.amax(0).tolist(), column.shape)]
            # Pads each axis at its end; torch lists the last axis first.
            padded = torch.nn.functional.pad(column.detach(), [n for size in reversed(padding) for n in (0, size)])
            for part, size, values in zip(batches, sizes.tolist(), gather(padded[None].contiguous())):
                part[name] = values[tuple(map(slice, size))]
        batches[self.accelerator.process_index] = batch
        return batches

    # ---- data

    @property
    def _losskit_data_names(self) -> list[str]:
        return [name for names in self._losskit_data.values() for name in names]

    def _set_signature_columns_if_needed(self) -> None:
        """Keeps the columns of the data set that the objective reads."""
        if self._signature_columns is None:
            super()._set_signature_columns_if_needed()
            self._signature_columns = [*self._signature_columns, *self._losskit_data_names]

    def compute_ref_log_probs(self, model: Any, inputs: dict[str, Any]) -> Any:
        """Removes the objective's columns, since TRL passes everything in a batch to the model."""
        rest = {name: value for name, value in inputs.items() if name not in self._losskit_data_names}
        return super().compute_ref_log_probs(model, rest)

    # ---- gradient accumulation

    def get_batch_samples(self, epoch_iterator: Any, num_batches: int, device: torch.device) -> tuple[list[Any], Any]:
        """Returns the micro-batches of an optimizer step; remembers them if the objective sees them as one batch."""
        samples, count = super().get_batch_samples(epoch_iterator, num_batches, device)
        is_ahead = self._losskit_sees_whole_batch and len(samples) > 1
        self._losskit_micro_batches, self._losskit_shares = (samples if is_ahead else []), []
        return samples, count

    def _losskit_look_ahead(self, model: Any, samples: list[Any]) -> list[_Share]:
        """Computes each micro-batch's share of the joint loss, from forward passes that keep no graph and so need little memory."""
        metrics = copy.deepcopy(self._metrics["train"]), self._total_train_tokens
        with torch.no_grad():
            batches = [self._losskit_forward(model, self._prepare_inputs(sample), False)[2] for sample in samples]
        self._metrics["train"], self._total_train_tokens = metrics
        columns = self.losskit_objective.objective.columns
        for batch in batches:
            for name in batch.keys() & columns.keys():
                batch[name].requires_grad_(columns[name].differentiable and name.startswith("policy"))
        with torch.enable_grad():
            loss, rewards = self._losskit_evaluate(batches)
            loss.backward()
        parts = [None] * len(batches) if rewards is None else rewards.split([_pairs(batch) for batch in batches], dim=1)
        return [_Share(loss.detach(), batch, part, len(batches)) for batch, part in zip(batches, parts)]

    # ---- metrics

    def _losskit_rewards(self, batches: list[dict[str, torch.Tensor]], seed: int) -> torch.Tensor | None:
        """Returns the rewards of this process's responses, scaled for metrics; None if the objective has none, or uses TRL's."""
        objective = self.losskit_objective.objective
        if not objective.has_reward or self._losskit_has_log_ratio:
            return None
        columns, offsets = joined(batches)
        arrays = {name: column.detach().cpu().double().numpy() for name, column in columns.items()}
        token_offsets = None if offsets is None else offsets.cpu().numpy()
        result = objective.evaluate(**arrays, token_offsets=token_offsets, seed=seed, gradients=False)
        return objective.reward_scale * torch.from_numpy(result.rewards).to(self.accelerator.device)

    @property
    def _losskit_has_log_ratio(self) -> bool:
        return self.losskit_objective.objective.text.endswith("@ log-ratio")

    def _losskit_report(self, mode: str, rewards: torch.Tensor | None) -> None:
        """Replaces TRL's log-ratios by the objective's rewards."""
        if rewards is None:
            if not self._losskit_reads_reference:
                # Without a reference there are no log-ratios, and the objective has no rewards.
                for name in _REWARDS:
                    self._metrics[mode].pop(name, None)
            return
        chosen, rejected = rewards
        values = (chosen, rejected, (chosen > rejected).float(), chosen - rejected)
        for name, value in zip(_REWARDS, values):
            self._metrics[mode][name][-1] = self.accelerator.gather(value.contiguous()).mean().item()

    # ---- checkpoints

    def _save_checkpoint(self, model: Any, trial: Any) -> None:
        """Saves the objective first, because TRL may push the checkpoint to the Hub."""
        if self.args.should_save:
            directory = os.path.join(self._get_output_dir(trial), f"checkpoint-{self.state.global_step}")
            save_objective(self.losskit_objective, directory)
        super()._save_checkpoint(model, trial)

    def _load_optimizer_and_scheduler(self, checkpoint: str | None) -> None:
        """Restores the objective's state: every resumption calls this, also under DeepSpeed and FSDP."""
        if checkpoint is not None:
            restore_objective(self.losskit_objective, checkpoint)
        super()._load_optimizer_and_scheduler(checkpoint)

    def _load_best_model(self) -> None:
        """Restores the state that belongs to the best model."""
        super()._load_best_model()
        restore_objective(self.losskit_objective, self.state.best_model_checkpoint)


class _Share:
    """A micro-batch's share of the loss of an optimizer's batch: the gradients with respect to its columns."""

    def __init__(
        self, total: torch.Tensor, columns: dict[str, torch.Tensor], rewards: torch.Tensor | None, count: int
    ) -> None:
        self._total, self._rewards, self._count = total, rewards, count
        self._gradients = {name: column.grad for name, column in columns.items() if column.grad is not None}

    def loss(self, columns: dict[str, torch.Tensor]) -> tuple[torch.Tensor, torch.Tensor | None]:
        """Returns the loss of the whole batch, with this share's gradient: the trainer divides it by the number of micro-batches."""
        linear = sum((gradient * columns[name]).sum() for name, gradient in self._gradients.items())
        return self._total + self._count * (linear - linear.detach()), self._rewards


def _pairs(columns: dict[str, torch.Tensor]) -> int:
    return next(iter(columns.values())).size(1)
