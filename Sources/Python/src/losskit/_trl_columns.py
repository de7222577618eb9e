"""Collects an objective's columns from what TRL's trainer computes for its own loss."""

from __future__ import annotations

import types
from collections.abc import Mapping
from typing import Any

import torch

from losskit.torch import flatten_tokens


class Forwards:
    """A context manager that records, by forward hooks, what policy and reference return within TRL's computation."""

    def __init__(self, model: torch.nn.Module, reference: torch.nn.Module | None) -> None:
        self._modules = [(model, self._keep_policy)]
        if reference is not None:
            self._modules.append((reference, self._keep_reference))
        self._handles: list[Any] = []
        self.policy: Any = None
        self.reference: Any = None

    def _keep_policy(self, module: Any, arguments: Any, output: Any) -> None:
        if self.policy is None:
            self.policy = output

    def _keep_reference(self, module: Any, arguments: Any, output: Any) -> None:
        # A PEFT model without its adapter is the reference: the same module, run a second time. A third run, for compute_metrics,
        # gives logits and no log-probabilities.
        if getattr(output, "log_probs", None) is not None:
            self.reference = output

    def __enter__(self) -> Forwards:
        self._handles = [module.register_forward_hook(hook) for module, hook in self._modules]
        return self

    def __exit__(self, *problem: Any) -> None:
        for handle in self._handles:
            handle.remove()

    def columns(self, inputs: Mapping[str, torch.Tensor], wanted: Mapping[str, Any]) -> dict[str, torch.Tensor]:
        """Returns the columns that an objective reads, chosen responses first: [2, G], and [2, G, T] with `mask` of tokens."""
        mask = inputs["completion_mask"][..., 1:]

        def tokens(values: torch.Tensor) -> torch.Tensor:
            # Prompt-learning PEFT puts virtual tokens before the real ones.
            return values[:, -mask.size(1) :].unflatten(0, (2, -1))

        mask_of_pairs = mask.unflatten(0, (2, -1))
        policy = tokens(self.policy.log_probs)
        columns = {}
        if "policy_logp" in wanted:
            columns["policy_logp"] = policy.sum(dim=2)
        if "token_count" in wanted:
            columns["token_count"] = mask_of_pairs.sum(dim=2).to(policy.dtype)
        if "policy_token_logp" in wanted:
            columns |= {"policy_token_logp": policy, "mask": mask_of_pairs}
        if "policy_log_collision" in wanted:
            columns["policy_log_collision"] = (tokens(self.policy.log_sum_sq_probs).detach() * mask_of_pairs).sum(dim=2)
        if "reference_logp" in wanted:
            if self.reference is None:
                columns["reference_logp"] = torch.stack([inputs["ref_chosen_logps"], inputs["ref_rejected_logps"]])
            else:
                columns["reference_logp"] = tokens(self.reference.log_probs).detach().sum(dim=2)
        if "reference_token_logp" in wanted:
            columns["reference_token_logp"] = tokens(self.reference.log_probs).detach()
        return columns


def joined(batches: list[dict[str, torch.Tensor]]) -> tuple[dict[str, torch.Tensor], torch.Tensor | None]:
    """Joins the columns of several batches, and returns the token offsets; padding is removed."""
    width = max((batch["mask"].size(2) for batch in batches if "mask" in batch), default=0)
    columns = {}
    for name, first in batches[0].items():
        parts = [batch[name] for batch in batches]
        if first.dim() == 3:
            parts = [torch.nn.functional.pad(part, (0, width - part.size(2))) for part in parts]
        columns[name] = torch.cat(parts, dim=min(1, first.dim() - 1))
    offsets = None
    if "mask" in columns:
        mask = columns.pop("mask").flatten(0, 1)
        for name in [name for name, column in columns.items() if column.dim() == 3]:
            columns[name], offsets = flatten_tokens(columns[name].flatten(0, 1), mask)
    return columns, offsets


class NoReference(torch.nn.Module):
    """A placeholder for TRL's reference model if the objective reads none: all log-probabilities are 0."""

    def __init__(self) -> None:
        super().__init__()
        # TRL reads these when it prepares a reference model; sharding needs a parameter.
        self.config = types.SimpleNamespace(get_text_config=types.SimpleNamespace)
        self.unused = torch.nn.Parameter(torch.zeros(1), requires_grad=False)

    def forward(self, *, labels: torch.Tensor, **inputs: Any) -> types.SimpleNamespace:
        return types.SimpleNamespace(log_probs=torch.zeros(labels.size(0), labels.size(1) - 1, device=labels.device))
