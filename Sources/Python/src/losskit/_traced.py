"""An exported formula and its partial derivatives as one differentiable function of torch tensors."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch

import losskit
from losskit._arguments import not_finite
from losskit._library import LossKitError
from losskit._shape import Extent, prompts
from losskit._source import function_of, module_of

# A column in the form that the exported source takes: one tensor, or a tuple of rows.
_Column = torch.Tensor | tuple[torch.Tensor, ...]


class CannotBeTraced(LossKitError):
    """Raised if a part of the objective exports no formula, or one that torch has no operations for."""


class Traced:
    """An objective for columns of certain names and shapes, built from torch operations.

    `call(is_checked, token_offsets, state, *columns)` returns the mean loss, the state after the step if one is kept, and the
    metrics, whose names are `metrics`. is_checked: whether a number that is not finite is an error. torch.compile records the
    operations of `call`, not the Python code that builds them.
    """

    def __init__(
        self, objective: losskit.Objective, names: tuple[str, ...], leading: tuple[tuple[int, ...] | None, ...], has_tokens: bool
    ) -> None:
        self._objective = objective
        self._ranks = objective._ranks(objective._places(names), leading, False, has_tokens)
        responses, references, _ = self._ranks
        try:
            source = objective.export("torch", responses=responses, references=references)
        except LossKitError as problem:
            raise CannotBeTraced(str(problem)) from None
        self._module = module_of(source)
        defaults = function_of(source).__kwdefaults__ or {}
        self._numbers = tuple(value for name, value in defaults.items() if name != "state")
        self._layout = _layout(objective, names)
        self._names = names
        # The function takes the columns in the objective's order, but may name them differently.
        self._order = [name for name in objective.columns if name in self._layout]
        self.keeps_state = "state" in defaults
        self.metrics = _metric_names(objective, self._layout, responses)

        def call(
            is_checked: bool, offsets: torch.Tensor | None, state: torch.Tensor | None, *tensors: torch.Tensor
        ) -> tuple[Any, ...]:
            return self._evaluate(is_checked, offsets, state, tensors)

        self.call: Callable[..., tuple[Any, ...]] = torch.compiler.allow_in_graph(call)

    def _evaluate(
        self, is_checked: bool, offsets: torch.Tensor | None, state: torch.Tensor | None, tensors: Sequence[torch.Tensor]
    ) -> tuple[Any, ...]:
        self._check(tensors, offsets)
        if is_checked:
            for extent, tensor in zip(self._ranks.extents, tensors):
                _check_finite(extent.name, tensor, extent)
        loss, rewards, state = _Evaluation.apply(self, is_checked, offsets, state, *tensors)
        with torch.no_grad():
            metrics = [value.to(loss.dtype) for value in _metrics(self._objective, loss, rewards, self._ranked_columns(tensors))]
        return (loss, *metrics) if state is None else (loss, state, *metrics)

    def _check(self, tensors: Sequence[torch.Tensor], offsets: torch.Tensor | None) -> None:
        """Rejects lengths and devices that torch operations would broadcast or mix."""
        prompts(self._ranks, [tensor.shape[-1] for tensor in tensors], None, None if offsets is None else offsets.shape[0])
        for name, tensor in zip(self._names, tensors):
            if tensor.device != tensors[0].device:
                raise LossKitError(f"{name}: it is on {tensor.device}, and {self._names[0]} on {tensors[0].device}; move one of them")

    def values(
        self, offsets: torch.Tensor | None, state: torch.Tensor | None, tensors: Sequence[torch.Tensor]
    ) -> tuple[torch.Tensor, torch.Tensor | None, torch.Tensor | None]:
        """Returns the loss of each prompt, the rewards, and the state after the step."""
        results = self._module._values(*self._arguments(offsets, state, tensors))
        rewards = results[1] if self._objective.has_reward else None
        if state is None:
            return results[0], rewards, None
        return results[0], rewards, torch.stack([value.to(state) for value in results[-len(state) :]])

    def gradients(
        self, cotangent: torch.Tensor, offsets: torch.Tensor | None, state: torch.Tensor | None, tensors: Sequence[torch.Tensor]
    ) -> list[torch.Tensor | None]:
        """Returns the gradient of the sum of cotangent * loss by each tensor."""
        found = self._module._gradients(cotangent, *self._arguments(offsets, state, tensors))
        gradients: list[torch.Tensor | None] = [None] * len(tensors)
        for name, gradient in zip(self._order, found):
            where = self._layout[name]
            if gradient is None:
                continue
            if isinstance(where, int):
                gradients[where] = gradient
            else:
                parts = gradient if isinstance(gradient, tuple) else gradient.unbind(-2)
                for index, part in zip(where, parts):
                    gradients[index] = part
        return gradients

    def _arguments(
        self, offsets: torch.Tensor | None, state: torch.Tensor | None, tensors: Sequence[torch.Tensor]
    ) -> list[Any]:
        columns = self._columns(tensors)
        arguments: list[Any] = [columns[name] for name in self._order]
        return [
            *arguments, *([] if offsets is None else [offsets]), *self._numbers, *([] if state is None else [state.unbind()])
        ]  # fmt: skip

    def _columns(self, tensors: Sequence[torch.Tensor]) -> dict[str, _Column]:
        columns: dict[str, _Column] = {}
        for name, where in self._layout.items():
            if isinstance(where, int):
                columns[name] = tensors[where]
            else:
                parts = tuple(tensors[index] for index in where)
                columns[name] = parts if parts[0].dim() == 1 else torch.stack(parts, dim=-2)
        return columns

    def _ranked_columns(self, tensors: Sequence[torch.Tensor]) -> dict[str, _Column]:
        """Returns the columns with an axis for the responses, even if they were passed flat."""
        columns = self._columns(tensors)
        rows = {name: extent.rows for name, extent in zip(self._names, self._ranks.extents)}
        for name, where in self._layout.items():
            if isinstance(where, int) and rows[self._names[where]] > 1:
                columns[name] = tensors[where].reshape(rows[self._names[where]], -1)
        return columns


class _Evaluation(torch.autograd.Function):
    """The mean loss with the exported partial derivatives, the rewards and the state after the step."""

    @staticmethod
    def forward(
        ctx: Any, traced: Traced, is_checked: bool, offsets: torch.Tensor | None, state: torch.Tensor | None, *tensors: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor | None, torch.Tensor | None]:
        losses, rewards, after = traced.values(offsets, state, tensors)
        ctx.traced, ctx.is_checked, ctx.count = traced, is_checked, losses.shape[0]
        ctx.save_for_backward(offsets, state, *tensors)
        ctx.mark_non_differentiable(*(result for result in (rewards, after) if result is not None))
        loss = losses.mean().to(torch.promote_types(tensors[0].dtype, torch.float32))
        if is_checked:
            _check_finite("the loss", losses, _PER_PROMPT)
            if rewards is not None:
                _check_finite("the reward", rewards, _PER_PROMPT)
            if not loss.isfinite():
                raise not_finite("the mean loss", loss.item())
        return loss, rewards, after

    @staticmethod
    def backward(ctx: Any, cotangent: torch.Tensor, *_: Any) -> tuple[torch.Tensor | None, ...]:
        offsets, state, *tensors = ctx.saved_tensors
        each = (cotangent / ctx.count).expand(ctx.count)
        gradients = ctx.traced.gradients(each, offsets, state, tensors)
        # A scaled loss may overflow on purpose, especially in half precision.
        if ctx.is_checked and bool(cotangent.isfinite()):
            for extent, gradient in zip(ctx.traced._ranks.extents, gradients):
                if gradient is not None and gradient.dtype in (torch.float32, torch.float64):
                    _check_finite(f"the gradient by {extent.name}", gradient, extent)
        return None, None, None, None, *gradients


_PER_PROMPT = Extent("", "prompt", 1)


def _check_finite(name: str, values: torch.Tensor, extent: Extent) -> None:
    """Raises for the first number that is not finite."""
    flat = values.detach().reshape(-1)
    if not (finite := flat.isfinite()).all():
        index = int((~finite).nonzero()[0])
        raise not_finite(name, flat[index].item(), extent.per, index % (values.shape[-1] // extent.rows))


def _layout(objective: losskit.Objective, names: tuple[str, ...]) -> dict[str, int | tuple[int, int]]:
    """Returns, for each column, the index of its tensor among the arguments, or those of its chosen and rejected part."""
    places = objective._places(names)
    parts: dict[str, dict[int | None, int]] = {}
    for index, name in enumerate(names):
        parts.setdefault(places[name].column, {})[places[name].response] = index
    return {name: found[None] if None in found else (found[0], found[1]) for name, found in parts.items()}


def _metric_names(objective: losskit.Objective, columns: Any, responses: int) -> tuple[str, ...]:
    names = ["loss"]
    if objective.has_reward:
        names += ["rewards/chosen", "rewards/rejected", "rewards/margins"]
        names += ["rewards/accuracies"] if responses > 1 else []
        names += ["implicit_rewards/chosen", "implicit_rewards/rejected"]
    if "policy_logp" in columns:
        names += ["logps/chosen", "logps/rejected"]
    return tuple(names)


def _metrics(
    objective: losskit.Objective, loss: torch.Tensor, rewards: torch.Tensor | None, columns: dict[str, _Column]
) -> list[torch.Tensor]:
    """Returns the metrics of a native evaluation, as tensors, in the order of `_metric_names`."""
    metrics = [loss.detach()]
    if rewards is not None:
        chosen, rejected = _sides(rewards, columns)
        scale = objective.reward_scale
        metrics += [scale * chosen, scale * rejected, scale * (chosen - rejected)]
        if (count := len(rewards)) > 1:
            pairs = [rewards[better] > rewards[worse] for better in range(count) for worse in range(better + 1, count)]
            metrics.append(torch.stack(pairs).to(rewards.dtype).mean())
        metrics += [chosen, rejected]
    if (logps := columns.get("policy_logp")) is not None:
        metrics += _sides(logps, columns)
    return metrics


def _sides(values: _Column, columns: dict[str, _Column]) -> tuple[torch.Tensor, torch.Tensor]:
    """Returns the means of the best and of the other responses; for unpaired feedback, of the desirable and the undesirable ones."""
    if isinstance(values, tuple):
        return values[0].detach().mean(), values[1].detach().mean()
    values = values.detach()
    values = values if values.dim() > 1 else values[None]
    if len(values) > 1:
        return values[0].mean(), values[1:].mean()
    labels = columns.get("label")
    desirable = torch.ones_like(values[0]) if labels is None else (labels.reshape(-1) > 0).to(values.dtype)
    return (values[0] * desirable).sum() / desirable.sum(), (values[0] * (1 - desirable)).sum() / (1 - desirable).sum()
