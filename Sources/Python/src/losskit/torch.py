"""Objectives as PyTorch modules, with gradients through autograd.

An objective is computed in one of two ways:

- *Native*: by the plugin, on the CPU; tensors on the CPU are read without a copy.
- *Traced*: by torch operations for the formula and its partial derivatives, on any device and under `torch.compile`. The
  derivatives do not come from autograd, which has other slopes at kinks, and NaN behind branches that are not taken.

Both compute in double and round the results to the columns' type, at least float32; a device without doubles computes in float32.
A column, loss or gradient that is not finite is an error natively, and traced on the CPU. On another device and under
torch.compile a check would wait for the device at each step; there the loss is infinite or NaN. Second derivatives
(create_graph=True) are supported traced, and are an error natively.
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
from losskit import _arguments
from losskit._library import LossKitError
from losskit._registry import Registry
from losskit._torch_logits import LogProbs, log_probs
from losskit._torch_native import Native, NativeCall, to_host
from losskit._traced import CannotBeTraced, Traced

__all__ = ["LogProbs", "Objective", "flatten_tokens", "log_probs"]

_WHOLE = (torch.int64, torch.int32, torch.int16, torch.int8, torch.uint8)


class Objective(torch.nn.Module):
    """A preference loss by name: `Objective("cal-dpo", beta=0.01)(policy_chosen_logps=…, …)` returns the loss and the metrics.

    text, reward, settings, registry and hyperparameters are those of `losskit.Objective`. compute: "native", "traced", or "auto":
    native for tensors on the CPU, traced elsewhere and under torch.compile. An objective that exports no formula is always computed
    natively, with one copy to the host and back per step, and a warning.

    The buffer `state` is what the objective keeps from step to step, such as BCO's running mean. It changes in training mode only,
    stays float64 when the module is cast, and is saved with the module. Loading the state dict of another objective is an error.
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

    def __getstate__(self) -> dict[str, Any]:
        # Traced functions are rebuilt when needed.
        return {**self.__dict__, "_traced": {}}

    # ---- state

    def _apply(self, fn: Any, recurse: bool = True) -> Objective:
        """Moves the state along with the module, without casting it: a count in half precision would stick at 2048."""
        kept = self.state
        super()._apply(fn, recurse)
        if kept is not None and self.state is not kept:
            self.state = _in_double(self.state if kept.is_meta else kept, self.state.device)
        return self

    def get_extra_state(self) -> dict[str, str]:
        """Returns which objective the state belongs to."""
        return {"objective": self.objective.text, "hash": self.objective.hash}

    def set_extra_state(self, saved: dict[str, str]) -> None:
        """Does nothing; `_load_from_state_dict` has compared the objectives."""

    def _load_from_state_dict(self, state_dict: dict[str, Any], prefix: str, *rest: Any) -> None:
        key = prefix + "_extra_state"
        saved = state_dict.get(key)
        if saved is None:
            # A state dict of version 1.0, or one whose owner has deleted the key.
            if prefix + "state" in state_dict:
                warnings.warn(f"{key}: it is missing, so the state is taken for one of {self.objective.text}", stacklevel=2)
            state_dict[key] = self.get_extra_state()
        elif not isinstance(saved, Mapping) or not {"objective", "hash"} <= saved.keys():
            raise LossKitError(f"{key}: a dictionary with 'objective' and 'hash' is needed, not {_kind(saved)}")
        elif saved["hash"] != self.objective.hash:
            is_other = saved["objective"] != self.objective.text
            reason = f"and this is {self.objective.text}" if is_other else "but of another version of the library or a plugin"
            raise LossKitError(
                f"{key}: the state dict is of {saved['objective']}, {reason}; make that objective, or delete {key!r} from the dict to "
                "load it into this one anyway"
            )
        super()._load_from_state_dict(state_dict, prefix, *rest)
        if self.state is not None:
            self.state = _in_double(self.state, self.state.device)

    # ---- the loss

    def forward(
        self,
        *,
        counts: torch.Tensor | None = None,
        token_offsets: torch.Tensor | None = None,
        seed: int = 0,
        **columns: torch.Tensor,
    ) -> tuple[torch.Tensor, dict[str, torch.Tensor | float]]:
        """Returns the mean loss of a batch, differentiable by its columns, and its metrics under TRL's names.

        columns, counts, token_offsets and seed are those of `losskit.Objective.evaluate`, as tensors. Metrics are numbers if computed
        natively, and tensors, which need no synchronization, if traced.
        """
        if not columns:
            raise LossKitError(f"{self.objective.text}: a batch needs columns; it reads {', '.join(self.objective.columns) or 'none'}")
        if self.state is not None and self.state.dtype != torch.float64:
            self.state = _in_double(self.state, self.state.device)
        is_hosted = True
        for name, tensor in columns.items():
            if not isinstance(tensor, torch.Tensor) or tensor.is_complex():
                raise LossKitError(f"{name}: a tensor of real numbers is needed, not {_kind(tensor)}")
            is_hosted = is_hosted and tensor.is_cpu
        for name, tensor in (("counts", counts), ("token_offsets", token_offsets)):
            if tensor is not None and (not isinstance(tensor, torch.Tensor) or tensor.dtype not in _WHOLE or tensor.dim() != 1):
                raise LossKitError(f"{name}: a tensor of whole numbers with one axis is needed, not {_kind(tensor)}")
        is_native = self.compute == "native" or (self.compute == "auto" and is_hosted and not is_compiling())
        if not is_native:
            if counts is not None:
                raise LossKitError("counts: rankings of different length are computed natively; use compute='native'")
            # torch.compile makes sizes passed to operator.index constants, not symbols: other ranks need a different formula.
            leading = tuple([_leading(tensor) for tensor in columns.values()])
            key, problem = _traced_key(self, tuple(columns), leading, token_offsets is not None)
            if problem is not None:
                raise LossKitError(problem)
            if key is not None:
                is_checked = is_hosted and not is_compiling()
                return self._forward_traced(self._traced[key], columns, token_offsets, is_checked)
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
        if state is not None and (not self.training or state.device.type != "cpu"):
            state = state.detach().to("cpu", copy=True)
        seed = _arguments.whole("seed", seed, 0, 2**64 - 1)
        count_array, offsets = to_host("counts", counts, np.uint32), to_host("token_offsets", token_offsets, np.uintp)
        call = NativeCall(self.objective, tuple(columns), count_array, offsets, state, seed)
        loss = Native.apply(call, *columns.values())
        if self.training and state is not None and state is not self.state:
            self.state.copy_(state)
        return loss, call.metrics

    # ---- traced

    def _forward_traced(
        self, traced: Traced, columns: Mapping[str, torch.Tensor], token_offsets: torch.Tensor | None, is_checked: bool
    ) -> tuple[torch.Tensor, dict[str, torch.Tensor | float]]:
        if not traced.keeps_state:
            loss, *metrics = traced.call(is_checked, token_offsets, None, *columns.values())
        else:
            # The backward pass needs the state before this step.
            loss, state, *metrics = traced.call(is_checked, token_offsets, self.state.clone(), *columns.values())
            if self.training:
                self.state.copy_(state)
        return loss, {name: value for name, value in zip(traced.metrics, metrics)}


@torch.compiler.assume_constant_result
def _traced_key(
    module: Objective, names: tuple[str, ...], leading: tuple[tuple[int, ...] | None, ...], has_tokens: bool
) -> tuple[str | None, str | None]:
    """Returns the key in `_traced` of the function for such columns, or None, after a warning, if they are computed natively; and the
    problem with the columns, if any, because torch.compile would wrap an exception raised here.

    torch.compile treats the result as a constant of the module and does not call this function at each step.
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
        except LossKitError as problem:
            return None, str(problem)
    return None if module._traced[key] is None else key, None


def flatten_tokens(token_logps: torch.Tensor, mask: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Returns the log-probabilities of tokens without padding, and the offsets at which each response's tokens start.

    token_logps, mask: [K*G, T], chosen responses first, as trainers concatenate them; mask is 0 for prompt and padding. The results
    are the columns policy_token_logp (or reference_token_logp) and token_offsets.
    """
    for name, tensor in (("token_logps", token_logps), ("mask", mask)):
        if not isinstance(tensor, torch.Tensor) or tensor.dim() != 2:
            raise LossKitError(f"{name}: a tensor [K*G, T] is needed, not {_kind(tensor)}")
    if token_logps.shape != mask.shape:
        raise LossKitError(f"mask: its shape {tuple(mask.shape)} is not that of the log-probabilities, {tuple(token_logps.shape)}")
    kept = mask.bool()
    offsets = torch.zeros(len(kept) + 1, dtype=torch.int64, device=kept.device)
    torch.cumsum(kept.sum(1), 0, out=offsets[1:])
    return token_logps[kept], offsets


def _kind(value: object) -> str:
    """Describes an argument in words."""
    return f"one of shape {tuple(value.shape)} and {value.dtype}" if isinstance(value, torch.Tensor) else _arguments.kind(value)


def _leading(tensor: torch.Tensor) -> tuple[int, ...] | None:
    """Returns all axes but the last; None for a single number."""
    return tuple([operator.index(size) for size in tensor.shape[:-1]]) if tensor.dim() > 0 else None


def _in_double(state: torch.Tensor, device: torch.device) -> torch.Tensor:
    """Moves the state to a device; to the CPU if the device has no doubles."""
    return state.to("cpu" if device.type == "mps" else device, torch.float64)
