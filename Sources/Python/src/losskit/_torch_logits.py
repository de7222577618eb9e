"""Log-probabilities of labels from logits, as a PyTorch function with its own gradient."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import torch

from losskit._library import LossKitError
from losskit._logits import KINDS, Rows, Scores, row_stride

_RESULTS = ("log_probability", "entropy", "log_collision", "divergence")
_DTYPES = {torch.float32: "float32", torch.float16: "float16", torch.bfloat16: "bfloat16"}


class LogProbs(NamedTuple):
    """The result of `log_probs`, float32 and of the labels' shape, in nats; None if not requested, 0 in masked rows.

    values: log π of the label. entropy: −Σ π log π. log_collision: log Σ π². divergence: KL(reference ‖ π).
    """

    values: torch.Tensor
    entropy: torch.Tensor | None
    log_collision: torch.Tensor | None
    divergence: torch.Tensor | None


def log_probs(
    logits: torch.Tensor,
    labels: torch.Tensor,
    *,
    mask: torch.Tensor | None = None,
    entropy: bool = False,
    collision: bool = False,
    reference: torch.Tensor | None = None,
    in_place: bool = False,
) -> LogProbs:
    """The log-probabilities of labels under the softmax of logits on the CPU, differentiable by the logits.

    Arguments are those of `losskit.log_probs`, as tensors; logits are float32, float16 or bfloat16. Forward and backward read the
    logits once each and allocate nothing of their size but the gradient, and with in_place not even that: backward then overwrites
    the logits, which nothing else may use afterwards. The gradient stops at the reference. As many threads are used as PyTorch has.
    """
    found = _LogProbabilities.apply(logits, labels, mask, entropy, collision, reference, in_place)
    return LogProbs(*found)


class _LogProbabilities(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any, logits: torch.Tensor, labels: torch.Tensor, mask: torch.Tensor | None, entropy: bool, collision: bool,
        reference: torch.Tensor | None, in_place: bool,
    ) -> tuple[torch.Tensor | None, ...]:  # fmt: skip
        ctx.set_materialize_grads(False)
        others = None if reference is None else _rows("reference", reference)
        scores = Scores(
            _rows("logits", logits), _numbers("labels", labels), None if mask is None else _numbers("mask", mask), entropy,
            collision, others, torch.get_num_threads(),
        )  # fmt: skip
        ctx.save_for_backward(logits, reference)
        ctx.scores, ctx.in_place, ctx.is_spent = scores, in_place, False
        results = [scores.results.get(name) for name in _RESULTS]
        shape = logits.shape[:-1]
        return tuple(None if result is None else torch.from_numpy(result.astype(np.float32)).reshape(shape) for result in results)

    @staticmethod
    def backward(ctx: Any, *cotangents: torch.Tensor | None) -> tuple[torch.Tensor | None, ...]:
        refuse_second_derivatives("log_probs", "compute log_softmax(-1).gather(-1, labels) with torch where they are needed")
        # They may differ from those in forward: recomputed by a checkpoint, or restored by a saved-tensor hook.
        logits, reference = ctx.saved_tensors
        given = {name: value.double().numpy() for name, value in zip(_RESULTS, cotangents) if value is not None}
        nothing = (None,) * 6
        if not given:
            return None, *nothing
        if ctx.is_spent:
            raise LossKitError("log_probs: its gradient has overwritten the logits already; leave in_place out to go back twice")
        logits = logits.detach()
        target = logits if ctx.in_place else torch.empty_like(logits)
        others = None if reference is None else _rows("reference", reference)
        ctx.scores.write_gradient(given, _rows("the gradient", target), _rows("logits", logits), others)
        ctx.is_spent = ctx.in_place
        return target, *nothing


def refuse_second_derivatives(name: str, remedy: str) -> None:
    """Raises in a backward pass that is itself to be differentiated: autograd cannot follow the kernels."""
    if torch.is_grad_enabled():
        raise LossKitError(f"{name}: it has no second derivatives (create_graph=True asks for them); {remedy}")


def _rows(name: str, tensor: torch.Tensor) -> Rows:
    if not isinstance(tensor, torch.Tensor) or tensor.dtype not in _DTYPES:
        kind = tensor.dtype if isinstance(tensor, torch.Tensor) else type(tensor).__name__
        raise LossKitError(f"{name}: a tensor of float32, float16 or bfloat16 is needed, not {kind}; convert it")
    if not tensor.is_cpu:
        raise LossKitError(f"{name}: it is on {tensor.device}, and the kernels are the CPU's; use torch.log_softmax there")
    shape = tuple(tensor.shape)
    return Rows(tensor.data_ptr(), row_stride(name, shape, tensor.stride()), KINDS[_DTYPES[tensor.dtype]], shape)


def _numbers(name: str, tensor: torch.Tensor) -> np.ndarray:
    if not isinstance(tensor, torch.Tensor):
        raise LossKitError(f"{name}: a tensor is needed, not {type(tensor).__name__}")
    return tensor.detach().cpu().numpy()
