"""An exported formula and its partial derivatives as one differentiable function of torch tensors."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from typing import Any

import torch

import losskit
from losskit._library import LossKitError
from losskit._source import function_of, module_of

# A column as the exported source takes it: in one piece, or as the rows that it has.
_Column = torch.Tensor | tuple[torch.Tensor, ...]


class CannotBeTraced(LossKitError):
    """A part of the objective exports no formula, or one that torch has no operations for."""


class Traced:
    """An objective for columns of certain names and shapes, made of torch operations.

    `call(token_offsets, state, *columns)` gives the mean loss, the state after the step where one is kept, and the metrics,
    whose names are `metrics`. torch.compile takes the call as it is and looks at its operations alone, so that
    nothing of how they are put together is looked at again in each step.
    """

    def __init__(
        self, objective: losskit.Objective, names: tuple[str, ...], leading: tuple[tuple[int, ...], ...], has_tokens: bool
    ) -> None:
        self._objective = objective
        responses, references = _ranks(objective, names, leading, has_tokens)
        try:
            source = objective.export("torch", responses=responses, references=references)
        except LossKitError as problem:
            raise CannotBeTraced(str(problem)) from None
        self._module = module_of(source)
        defaults = function_of(source).__kwdefaults__ or {}
        self._numbers = tuple(value for name, value in defaults.items() if name != "state")
        self._layout = _layout(objective, names, leading)
        self._extents = _extents(objective, names, leading, responses)
        self._order = [name for name in inspect.signature(self._module._values).parameters if name in self._layout]
        self.keeps_state = "state" in defaults
        self.metrics = _metric_names(objective, self._layout, responses)

        def call(offsets: torch.Tensor | None, state: torch.Tensor | None, *tensors: torch.Tensor) -> tuple[Any, ...]:
            return self._evaluate(offsets, state, tensors)

        self.call: Callable[..., tuple[Any, ...]] = torch.compiler.allow_in_graph(call)

    def _evaluate(
        self, offsets: torch.Tensor | None, state: torch.Tensor | None, tensors: Sequence[torch.Tensor]
    ) -> tuple[Any, ...]:
        self._check(tensors)
        loss, rewards, state = _Evaluation.apply(self, offsets, state, *tensors)
        with torch.no_grad():
            metrics = _metrics(self._objective, loss, rewards, self._columns(tensors))
        return (loss, *metrics) if state is None else (loss, state, *metrics)

    def _check(self, tensors: Sequence[torch.Tensor]) -> None:
        """Refuses lengths and devices that operations of torch would spread over the others."""
        first: dict[str, tuple[str, torch.Tensor, int]] = {}
        for (name, extent, rows), tensor in zip(self._extents, tensors):
            if tensor.dim() == 0:
                raise LossKitError(f"{name}: an axis of {extent}s is needed, and this is a single number")
            length = tensor.shape[-1] // rows
            if length == 0 and extent == "prompt":
                raise LossKitError(f"{name}: the batch has no prompts, and so no mean loss; leave the call out")
            other, its, expected = first.setdefault(extent, (name, tensor, length))
            if length != expected or tensor.shape[-1] % rows != 0:
                raise LossKitError(f"{name}: it is for {length} {extent}s, and {other} for {expected}; pass as many")
            if tensor.device != its.device:
                raise LossKitError(f"{name}: it is on {tensor.device}, and {other} on {its.device}; move one of them")

    def values(
        self, offsets: torch.Tensor | None, state: torch.Tensor | None, tensors: Sequence[torch.Tensor]
    ) -> tuple[torch.Tensor, torch.Tensor | None, torch.Tensor | None]:
        """The loss of each prompt, the rewards, and the state after the step."""
        results = self._module._values(*self._arguments(offsets, state, tensors))
        rewards = results[1] if self._objective.has_reward else None
        if state is None:
            return results[0], rewards, None
        return results[0], rewards, torch.stack([value.to(state) for value in results[-len(state) :]])

    def gradients(
        self, cotangent: torch.Tensor, offsets: torch.Tensor | None, state: torch.Tensor | None, tensors: Sequence[torch.Tensor]
    ) -> list[torch.Tensor | None]:
        """The gradient of the sum of cotangent * loss by each tensor."""
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


class _Evaluation(torch.autograd.Function):
    """The mean loss with the partial derivatives that were exported, the rewards and the state after the step."""

    @staticmethod
    def forward(
        ctx: Any, traced: Traced, offsets: torch.Tensor | None, state: torch.Tensor | None, *tensors: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor | None, torch.Tensor | None]:
        losses, rewards, after = traced.values(offsets, state, tensors)
        ctx.traced, ctx.count = traced, losses.shape[0]
        ctx.save_for_backward(offsets, state, *tensors)
        ctx.mark_non_differentiable(*(result for result in (rewards, after) if result is not None))
        return losses.mean(), rewards, after

    @staticmethod
    def backward(ctx: Any, cotangent: torch.Tensor, *_: Any) -> tuple[torch.Tensor | None, ...]:
        offsets, state, *tensors = ctx.saved_tensors
        each = (cotangent / ctx.count).expand(ctx.count)
        return None, None, None, *ctx.traced.gradients(each, offsets, state, tensors)


def _ranks(
    objective: losskit.Objective, names: tuple[str, ...], leading: tuple[tuple[int, ...], ...], has_tokens: bool
) -> tuple[int, int]:
    """The numbers of responses and references."""
    shapes = {name: _Shaped((*axes, 1)) for name, axes in zip(names, leading)}
    # How many prompts there are does not matter.
    offsets = range(1) if has_tokens else None
    _, responses, references = objective._shape(shapes, objective._places(names), None, offsets)
    return responses, references


class _Shaped:
    """What is known of a tensor before it is there."""

    def __init__(self, shape: tuple[int, ...]) -> None:
        self.shape = shape


def _layout(
    objective: losskit.Objective, names: tuple[str, ...], leading: tuple[tuple[int, ...], ...]
) -> dict[str, int | tuple[int, int]]:
    """For each column where its tensor stands among the arguments, or its chosen and its rejected part."""
    places = objective._places(names)
    parts: dict[str, dict[int | None, int]] = {}
    for index, name in enumerate(names):
        parts.setdefault(places[name].column, {})[places[name].response] = index
    layout: dict[str, int | tuple[int, int]] = {}
    for name, found in parts.items():
        if None in found:
            layout[name] = found[None]
        elif len(found) == 2:
            layout[name] = (found[0], found[1])
            if leading[found[0]] != leading[found[1]]:
                raise LossKitError(f"{name}: its chosen and its rejected part have different numbers of dimensions")
        else:
            raise LossKitError(f"{name}: its chosen and its rejected part are needed, one of them is missing")
    missing = [column for column in objective.columns if column not in layout]
    if missing:
        raise LossKitError(f"{objective.text}: the column {missing[0]} is missing")
    return layout


def _extents(
    objective: losskit.Objective, names: tuple[str, ...], leading: tuple[tuple[int, ...], ...], responses: int
) -> list[tuple[str, str, int]]:
    """For each argument its name, what its last axis has an entry for, and how many such entries stand in a row of it."""
    extents = []
    for name, axes in zip(names, leading):
        where = objective._places(names)[name]
        column = objective.columns[where.column]
        is_flat = column.per == "response" and where.response is None and not axes
        extents.append((name, "token" if column.per == "token" else "prompt", responses if is_flat else 1))
    return extents


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
    """The metrics that a native evaluation gives, as tensors, in the order of `_metric_names`."""
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
    """The means of the best responses and of the others; of unpaired feedback those of what is desirable and what is not."""
    if isinstance(values, tuple):
        return values[0].detach().mean(), values[1].detach().mean()
    values = values.detach()
    values = values if values.dim() > 1 else values[None]
    if len(values) > 1:
        return values[0].mean(), values[1:].mean()
    labels = columns.get("label")
    desirable = torch.ones_like(values[0]) if labels is None else (labels.reshape(-1) > 0).to(values.dtype)
    return (values[0] * desirable).sum() / desirable.sum(), (values[0] * (1 - desirable)).sum() / (1 - desirable).sum()
