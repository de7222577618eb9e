"""Objectives as PyTorch modules, with gradients through autograd.

There are two ways to compute. *Native*: the plugin itself, on the CPU; tensors there are read without a copy. *Traced*: the
formula and its partial derivatives, rebuilt from torch operations, on any device and under `torch.compile`. Torch's own autograd
is not asked for the derivatives: it has other slopes at kinks, and NaN behind branches that were not taken.
"""

from __future__ import annotations

import operator
import warnings
from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from torch.compiler import is_compiling

import losskit
from losskit import _library
from losskit._batch import Lent, Place, lend
from losskit._library import LossKitError
from losskit._registry import Registry
from losskit._torch_logits import LogProbs, log_probs
from losskit._traced import CannotBeTraced, Traced

__all__ = ["LogProbs", "Objective", "flatten_tokens", "log_probs"]

_KINDS = {torch.float32: _library.FLOAT32, torch.float64: _library.FLOAT64}


class Objective(torch.nn.Module):
    """A preference loss by name: `Objective("cal-dpo", beta=0.01)(policy_chosen_logps=…, …)` gives loss and metrics.

    text, reward, settings, registry and hyperparameters are those of `losskit.Objective`. compute: "native", "traced", or "auto":
    native for tensors on the CPU, traced elsewhere and under torch.compile. What exports no formula is always computed natively,
    with one copy to the host and back per step, and a warning that says so.

    What the objective keeps from step to step (such as BCO's running mean) is the buffer `state`; it moves in training mode
    only, and is saved with the module.
    """

    def __init__(
        self,
        text: str,
        *,
        reward: str | None = None,
        settings: Mapping[str, object] | None = None,
        registry: Registry | None = None,
        compute: str = "auto",
        **hyperparameters: object,
    ) -> None:
        super().__init__()
        if compute not in ("auto", "native", "traced"):
            raise LossKitError(f"compute: {compute!r} is unknown; auto, native and traced are known")
        self.objective = losskit.Objective(
            text, reward=reward, settings=settings, registry=registry, **hyperparameters
        )
        self.compute = compute
        state = self.objective.initial_state()
        self.register_buffer("state", None if state is None else torch.from_numpy(state))
        self._traced: dict[str, Traced | None] = {}

    def extra_repr(self) -> str:
        return f"{self.objective.text!r}, compute={self.compute!r}"

    def forward(
        self,
        *,
        counts: torch.Tensor | None = None,
        token_offsets: torch.Tensor | None = None,
        seed: int = 0,
        **columns: torch.Tensor,
    ) -> tuple[torch.Tensor, dict[str, torch.Tensor | float]]:
        """The mean loss of a batch, differentiable by its columns, and its metrics under TRL's names.

        columns: those of `losskit.Objective.evaluate`, as tensors: policy_chosen_logps, policy_rejected_logps, ref_chosen_logps,
        ref_rejected_logps, chosen_lengths, rejected_scores, … of [G] each, or policy_logp of [K, G]. counts, token_offsets and
        seed as there. Metrics are numbers where they were computed natively, and tensors, which need no synchronization, where
        they were traced.
        """
        is_hosted = True
        for name, tensor in columns.items():
            if not isinstance(tensor, torch.Tensor):
                raise LossKitError(f"{name}: a tensor is needed, not {type(tensor).__name__}")
            is_hosted = is_hosted and tensor.is_cpu
        is_native = self.compute == "native" or (self.compute == "auto" and is_hosted and not is_compiling())
        if not is_native:
            if counts is not None:
                raise LossKitError("counts: rankings of different length are computed natively; use compute='native'")
            # torch.compile makes no symbols of what operator.index was asked of: other ranks are another formula.
            leading = tuple([tuple([operator.index(size) for size in tensor.shape[:-1]]) for tensor in columns.values()])
            key = _traced_key(self, tuple(columns), leading, token_offsets is not None)
            if key is not None:
                return self._forward_traced(self._traced[key], columns, token_offsets)
        return self._forward_natively(columns, counts, token_offsets, seed)

    # ---- native

    def _forward_natively(
        self,
        columns: dict[str, torch.Tensor],
        counts: torch.Tensor | None,
        token_offsets: torch.Tensor | None,
        seed: int,
    ) -> tuple[torch.Tensor, dict[str, torch.Tensor | float]]:
        state = self.state
        if state is not None and (not self.training or state.device.type != "cpu" or state.dtype != torch.float64):
            state = state.detach().to("cpu", torch.float64, copy=True)
        call = _NativeCall(self.objective, tuple(columns), _to_host(counts, np.uint32), _to_host(token_offsets, np.uintp), state, seed)
        loss = _Native.apply(call, *columns.values())
        if self.training and state is not None and state is not self.state:
            self.state.copy_(state)
        return loss, call.metrics

    # ---- traced

    def _forward_traced(
        self, traced: Traced, columns: Mapping[str, torch.Tensor], token_offsets: torch.Tensor | None
    ) -> tuple[torch.Tensor, dict[str, torch.Tensor | float]]:
        if not traced.keeps_state:
            loss, *metrics = traced.call(token_offsets, None, *columns.values())
        else:
            # The backward pass needs the state as it was before this step.
            loss, state, *metrics = traced.call(token_offsets, self.state.clone(), *columns.values())
            if self.training:
                self.state.copy_(state)
        return loss, {name: value for name, value in zip(traced.metrics, metrics)}


@torch.compiler.assume_constant_result
def _traced_key(
    module: Objective, names: tuple[str, ...], leading: tuple[tuple[int, ...], ...], has_tokens: bool
) -> str | None:
    """The key in `_traced` of the function for such columns; None, after a warning, where they are computed natively.

    To torch.compile it is a constant of the module: what is looked up here is not looked at again in each step.
    """
    key = f"{names} {leading} {has_tokens}"
    if key not in module._traced:
        try:
            module._traced[key] = Traced(module.objective, names, leading, has_tokens)
        except CannotBeTraced as problem:
            warnings.warn(
                f"{module.objective.text} is computed natively, with a copy to the host and back at each step: {problem}",
                stacklevel=4,
            )
            module._traced[key] = None
    return None if module._traced[key] is None else key


def flatten_tokens(token_logps: torch.Tensor, mask: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Log-probabilities of tokens without their padding, and where each response's tokens start.

    token_logps, mask: [K*G, T], chosen responses first, as trainers concatenate them; mask is 0 for prompt and padding. Gives the
    columns policy_token_logp (or reference_token_logp) and token_offsets.
    """
    if token_logps.shape != mask.shape:
        raise LossKitError(f"mask: its shape {tuple(mask.shape)} is not that of the log-probabilities, {tuple(token_logps.shape)}")
    kept = mask.bool()
    offsets = torch.zeros(len(kept) + 1, dtype=torch.int64, device=kept.device)
    torch.cumsum(kept.sum(1), 0, out=offsets[1:])
    return token_logps[kept], offsets


class _NativeCall:
    """One evaluation by the plugin: what goes in, and what came of it."""

    __slots__ = ("counts", "gradients", "metrics", "names", "objective", "offsets", "seed", "state")

    def __init__(
        self, objective: losskit.Objective, names: tuple[str, ...], counts: Any, offsets: Any, state: Any, seed: int
    ) -> None:
        self.objective, self.names, self.counts, self.offsets = objective, names, counts, offsets
        self.state, self.seed = state, seed
        self.metrics: dict[str, float] = {}
        self.gradients: list[torch.Tensor | None] = []

    def run(self, tensors: tuple[torch.Tensor, ...], needed: list[bool]) -> float:
        """Evaluates; keeps the gradients of the tensors that need one, in their types and on their devices."""
        objective = self.objective
        places = objective._places(self.names)
        hosted = [_hosted(name, tensor) for name, tensor in zip(self.names, tensors)]
        self.gradients = [
            torch.empty(tensor.shape, dtype=tensor.dtype) if need else None for tensor, need in zip(hosted, needed)
        ]
        shape = self._shape_of_pairs(hosted, places)
        if shape is not None:
            lent = [
                lend(
                    where.index, where.response, tensor.data_ptr(), tensor.stride(0) * tensor.element_size(), tensor.shape[0],
                    _KINDS[tensor.dtype], 0 if gradient is None else gradient.data_ptr(),
                )
                for tensor, gradient, where in zip(hosted, self.gradients, places.values())
            ]  # fmt: skip
        else:
            arrays = dict(zip(self.names, hosted))
            shape = objective._shape(arrays, places, self.counts, self.offsets)
            objective._check_lengths(self.counts, self.offsets, shape)
            lent = []
            for name, tensor, gradient in zip(self.names, hosted, self.gradients):
                lent += _lend(objective, name, tensor, gradient, places[name], shape)
        counts = 0 if self.counts is None else self.counts.ctypes.data
        offsets = 0 if self.offsets is None else self.offsets.ctypes.data
        state = 0 if self.state is None else self.state.data_ptr()
        loss, self.metrics = objective._run(
            lent, shape, counts=counts, token_offsets=offsets, state=state, state_count=objective._state_count,
            seed=self.seed,
        )  # fmt: skip
        for index, (gradient, tensor) in enumerate(zip(self.gradients, tensors)):
            if gradient is not None and (gradient.dtype != tensor.dtype or gradient.device != tensor.device):
                self.gradients[index] = gradient.to(tensor.device, tensor.dtype)
        return loss

    def _shape_of_pairs(self, tensors: list[torch.Tensor], places: dict[str, Place]) -> tuple[int, int, int] | None:
        """The extents of the batch that nearly every call hands over: [G] chosen and [G] rejected of each column."""
        if self.counts is not None or self.offsets is not None:
            return None
        for tensor, where in zip(tensors, places.values()):
            if tensor.dim() != 1 or where.response is None or where.index < 0:
                return None
        return tensors[0].shape[0], 2, max(1, self.objective.references)


class _Native(torch.autograd.Function):
    """The mean loss by the plugin, whose gradient comes with it."""

    @staticmethod
    def forward(ctx: Any, call: _NativeCall, *tensors: torch.Tensor) -> torch.Tensor:
        places = call.objective._places(call.names).values()
        needed = [needs and where.is_differentiable for needs, where in zip(ctx.needs_input_grad[1:], places)]
        value = call.run(tensors, needed)
        ctx.call = call
        first = tensors[0]
        dtype = first.dtype if first.dtype in _KINDS else torch.float32
        return torch.scalar_tensor(value, dtype=dtype, device=first.device)

    @staticmethod
    def backward(ctx: Any, cotangent: torch.Tensor) -> tuple[torch.Tensor | None, ...]:
        return None, *(gradient if gradient is None else gradient * cotangent for gradient in ctx.call.gradients)


def _hosted(name: str, tensor: torch.Tensor) -> torch.Tensor:
    """The tensor as the library can read it: itself where it is on the CPU and of a type that is known there."""
    if tensor.dtype in _KINDS and tensor.is_cpu:
        return tensor
    tensor = tensor.detach()
    if tensor.dtype not in _KINDS:
        if tensor.is_complex():
            raise LossKitError(f"{name}: real numbers are needed, not {tensor.dtype}")
        tensor = tensor.to(torch.float32 if tensor.is_floating_point() else torch.float64)
    return tensor if tensor.device.type == "cpu" else tensor.cpu()


def _lend(
    objective: losskit.Objective,
    name: str,
    tensor: torch.Tensor,
    gradient: torch.Tensor | None,
    where: Place,
    shape: tuple[int, int, int],
) -> list[Lent]:
    """The parts of a tensor, each a run of numbers with one stride."""
    return objective._lend(name, tensor.detach().numpy(), None if gradient is None else gradient.numpy(), where, shape)


def _to_host(tensor: torch.Tensor | None, dtype: type[np.unsignedinteger]) -> Any:
    """Whole numbers as the library takes them."""
    return None if tensor is None else np.ascontiguousarray(tensor.detach().cpu().numpy(), dtype)
