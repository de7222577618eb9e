"""An objective's mean loss, computed by the plugin, as a PyTorch function with the plugin's gradient."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import torch

import losskit
from losskit import _arguments, _library
from losskit._batch import Borrowed, borrow
from losskit._torch_logits import refuse_second_derivatives

_KINDS = {torch.float32: _library.FLOAT32, torch.float64: _library.FLOAT64}


class NativeCall:
    """One evaluation by the plugin: its inputs and results."""

    __slots__ = ("counts", "gradients", "metrics", "names", "objective", "offsets", "seed", "state")

    def __init__(
        self, objective: losskit.Objective, names: tuple[str, ...], counts: Any, offsets: Any, state: Any, seed: int
    ) -> None:
        self.objective, self.names, self.counts, self.offsets = objective, names, counts, offsets
        self.state, self.seed = state, seed
        self.metrics: dict[str, float] = {}
        self.gradients: list[torch.Tensor | None] = []

    def run(self, tensors: tuple[torch.Tensor, ...], needed: list[bool]) -> float:
        """Evaluates, and keeps the gradients of the tensors that require them, in their types and on their devices."""
        objective = self.objective
        places = objective._places(self.names)
        hosted = [_hosted(tensor) for tensor in tensors]
        self.gradients = [
            torch.empty(tensor.shape, dtype=tensor.dtype) if need else None for tensor, need in zip(hosted, needed)
        ]
        shape = objective._shape(hosted, places, self.counts, self.offsets)
        borrowed: list[Borrowed] = []
        for tensor, gradient, where in zip(hosted, self.gradients, places.values()):
            if tensor.dim() == 1:
                borrowed.append(
                    borrow(
                        where.index, _library.WHOLE if where.response is None else where.response, tensor.data_ptr(),
                        tensor.stride(0) * tensor.element_size(), tensor.shape[0], _KINDS[tensor.dtype],
                        0 if gradient is None else gradient.data_ptr(),
                    )
                )  # fmt: skip
            else:
                borrowed += objective._borrow(tensor.detach().numpy(), None if gradient is None else gradient.numpy(), where, shape)
        counts = 0 if self.counts is None else self.counts.ctypes.data
        offsets = 0 if self.offsets is None else self.offsets.ctypes.data
        state = 0 if self.state is None else self.state.data_ptr()
        loss, self.metrics = objective._run(
            borrowed, shape, counts=counts, token_offsets=offsets, state=state, state_count=objective._state_count,
            seed=self.seed,
        )  # fmt: skip
        for index, (gradient, tensor) in enumerate(zip(self.gradients, tensors)):
            if gradient is not None and (gradient.dtype != tensor.dtype or gradient.device != tensor.device):
                self.gradients[index] = gradient.to(tensor.device, tensor.dtype)
        return loss


class Native(torch.autograd.Function):
    """The mean loss by the plugin, which also computes its gradient."""

    @staticmethod
    def forward(ctx: Any, call: NativeCall, *tensors: torch.Tensor) -> torch.Tensor:
        places = call.objective._places(call.names).values()
        needed = [needs and where.is_differentiable for needs, where in zip(ctx.needs_input_grad[1:], places)]
        value = call.run(tensors, needed)
        ctx.call = call
        first = tensors[0]
        dtype = first.dtype if first.dtype in _KINDS else torch.float32
        if abs(value) > torch.finfo(dtype).max:
            raise _arguments.not_finite(f"the mean loss in {dtype}", math.copysign(math.inf, value))
        return torch.scalar_tensor(value, dtype=dtype, device=first.device)

    @staticmethod
    def backward(ctx: Any, cotangent: torch.Tensor) -> tuple[torch.Tensor | None, ...]:
        refuse_second_derivatives(ctx.call.objective.text, "use compute='traced', which has them")
        return None, *(gradient if gradient is None else gradient * cotangent for gradient in ctx.call.gradients)


def _hosted(tensor: torch.Tensor) -> torch.Tensor:
    """Returns the tensor in a form the library can read: itself if it is on the CPU and of a supported type."""
    if tensor.dtype in _KINDS and tensor.is_cpu:
        return tensor
    tensor = tensor.detach()
    if tensor.dtype not in _KINDS:
        tensor = tensor.to(torch.float32 if tensor.is_floating_point() else torch.float64)
    return tensor if tensor.device.type == "cpu" else tensor.cpu()


def to_host(name: str, tensor: torch.Tensor | None, dtype: type[np.unsignedinteger]) -> Any:
    """Returns whole numbers in the library's type."""
    return None if tensor is None else _arguments.whole_numbers(name, tensor.detach().cpu().numpy(), dtype)
