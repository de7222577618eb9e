"""Log-probabilities from logits, and the gradient of the logits: one pass over memory each way."""

from __future__ import annotations

import ctypes
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from losskit import _arguments, _library
from losskit._library import LossKitError

# Number types of logits, by their NumPy and PyTorch names.
KINDS = {"float32": 1, "float16": 2, "bfloat16": 3}
_RESULTS = ("log_probability", "log_sum_exp", "entropy", "log_collision", "divergence", "reference_log_sum_exp")
_COTANGENTS = ("log_probability", "entropy", "log_collision", "divergence")


class _Logits(ctypes.Structure):
    _fields_ = [("values", ctypes.c_void_p), ("row_stride", ctypes.c_size_t), ("type", ctypes.c_int32)]


class _Call(ctypes.Structure):
    _fields_ = [
        ("logits", _Logits),
        ("tokens", ctypes.c_size_t),
        ("vocabulary", ctypes.c_size_t),
        ("labels", ctypes.c_void_p),
        ("mask", ctypes.c_void_p),
        ("reference", _Logits),
        ("threads", ctypes.c_int32),
        ("level", ctypes.c_int32),
        *((name, ctypes.c_void_p) for name in _RESULTS),
    ]


class _Cotangent(ctypes.Structure):
    _fields_ = [(name, ctypes.c_void_p) for name in _COTANGENTS]


class _Error(ctypes.Structure):
    _fields_ = [("row", ctypes.c_size_t), ("message", ctypes.c_char * 240)]


class Rows(NamedTuple):
    """Logits in memory, one row per token: the address of the first, the stride between rows in elements, and the number type."""

    address: int
    stride: int
    kind: int
    shape: tuple[int, ...]


class Scores:
    """The results of scored rows, in float64, one per token.

    Each call passes the rows, because their addresses can change between calls.
    """

    def __init__(
        self, rows: Rows, labels: npt.ArrayLike, mask: npt.ArrayLike | None, entropy: bool, collision: bool,
        reference: Rows | None, threads: int,
    ) -> None:  # fmt: skip
        *tokens, _ = rows.shape
        if reference is not None and reference.shape != rows.shape:
            raise LossKitError(f"reference: its shape {reference.shape} is not that of the logits, {rows.shape}")
        count = int(np.prod(tokens, dtype=np.int64))
        self._mask = None if mask is None else _mask(mask, tokens)
        self._labels = _labels(labels, tokens, self._mask)
        self._threads = _arguments.whole("threads", threads, 0, 2**31 - 1)
        wanted = {
            "log_probability": True, "log_sum_exp": True, "entropy": entropy, "log_collision": collision,
            "divergence": reference is not None, "reference_log_sum_exp": reference is not None,
        }  # fmt: skip
        self.results = {name: np.empty(count) for name, is_wanted in wanted.items() if is_wanted}
        _run("losskit_logprob_forward", ctypes.byref(self._call(rows, reference)))

    def _call(self, rows: Rows, reference: Rows | None) -> _Call:
        """Returns the C call for rows at their current addresses."""
        addresses = {name: result.ctypes.data for name, result in self.results.items()}
        return _Call(
            logits=_Logits(rows.address, rows.stride, rows.kind), tokens=len(self._labels), vocabulary=rows.shape[-1],
            labels=self._labels.ctypes.data, mask=None if self._mask is None else self._mask.ctypes.data,
            reference=_Logits() if reference is None else _Logits(reference.address, reference.stride, reference.kind),
            threads=self._threads, **addresses,
        )  # fmt: skip

    def write_gradient(
        self, cotangents: dict[str, npt.NDArray[np.float64]], target: Rows, rows: Rows, reference: Rows | None
    ) -> None:
        """Overwrites the target with the gradient of the logits. cotangents: by the names of results, [tokens] each.

        rows, reference: the same logits that were scored.
        """
        count = len(self._labels)
        held = {name: np.ascontiguousarray(values, np.float64).reshape(-1) for name, values in cotangents.items()}
        for name, values in held.items():
            if len(values) != count:
                raise LossKitError(f"{name}: a number per token is needed, {count}, not {len(values)}")
        given = _Cotangent(**{name: values.ctypes.data for name, values in held.items()})
        _run(
            "losskit_logprob_backward", ctypes.byref(self._call(rows, reference)), ctypes.byref(given),
            ctypes.c_void_p(target.address), ctypes.c_size_t(target.stride),
        )  # fmt: skip


@dataclass(frozen=True)
class LogProbs:
    """The log-probability of each token, in nats, and the other requested values; 0 in masked rows.

    values: log π of the label. log_sum_exp: of the row. entropy: −Σ π log π. log_collision: log Σ π². divergence:
    KL(reference ‖ π). All are float64 in the labels' shape, or None if not requested.
    """

    values: npt.NDArray[np.float64]
    log_sum_exp: npt.NDArray[np.float64]
    entropy: npt.NDArray[np.float64] | None
    log_collision: npt.NDArray[np.float64] | None
    divergence: npt.NDArray[np.float64] | None
    _scores: Scores
    _logits: npt.NDArray[Any]
    _reference: npt.NDArray[Any] | None

    def gradient(
        self,
        values: npt.ArrayLike | None = None,
        *,
        entropy: npt.ArrayLike | None = None,
        log_collision: npt.ArrayLike | None = None,
        divergence: npt.ArrayLike | None = None,
        out: npt.NDArray[Any] | None = None,
    ) -> npt.NDArray[Any]:
        """Returns the gradient of a loss by the logits, from its gradients by these values, in the labels' shape; None stands for 0.

        The logits must be unchanged. out: an array for the result, of the logits' shape and type, or the logits themselves, which
        are then overwritten; by default a new array.

        Raises LossKitError, naming the row, for a number that is not finite or too large for the logits' type; out is then unchanged.
        """
        given = {"log_probability": values, "entropy": entropy, "log_collision": log_collision, "divergence": divergence}
        # By the names of the arguments.
        named = {"log_probability": "values"}
        found = {
            name: _arguments.numbers(named.get(name, name), value).astype(np.float64)
            for name, value in given.items() if value is not None
        }  # fmt: skip
        for name, value in found.items():
            if value.shape != self.values.shape:
                shape = self.values.shape
                raise LossKitError(f"{named.get(name, name)}: its gradient has the shape {value.shape}, the labels have {shape}")
        target = np.empty(self._logits.shape, self._logits.dtype) if out is None else out
        if not isinstance(target, np.ndarray) or target.shape != self._logits.shape or target.dtype != self._logits.dtype:
            raise LossKitError(
                f"out: an array of {self._logits.shape} {self._logits.dtype} is needed, as the logits are, not "
                + (f"of {target.shape} {target.dtype}" if isinstance(target, np.ndarray) else _arguments.kind(target))
            )
        if not target.flags.writeable:
            raise LossKitError("out: the array is read-only; pass one that can be written")
        reference = None if self._reference is None else _rows("reference", self._reference)
        self._scores.write_gradient(found, _rows("out", target), _rows("logits", self._logits), reference)
        return target


def log_probs(
    logits: npt.NDArray[Any],
    labels: npt.ArrayLike,
    *,
    mask: npt.ArrayLike | None = None,
    entropy: bool = False,
    collision: bool = False,
    reference: npt.NDArray[Any] | None = None,
    threads: int = 0,
) -> LogProbs:
    """Returns the log-probabilities of labels under the softmax of logits, from which the gradient of the logits is computed.

    logits: [..., V], float32, float16 or bfloat16 (of ml_dtypes), rows evenly spaced; never copied. labels: [...], whole numbers
    below V. mask: [...], 0 in rows to leave out, whose labels and logits are not read; for logits that predict the next token,
    shift the labels and mask the last row of each sequence. entropy, collision: whether to compute these. reference: logits of a
    second distribution, for the divergence from it. threads: 0 for one per processor; results do not depend on it.

    Raises LossKitError, naming the row, for labels out of range, NaN, +∞, and rows of −∞ alone.
    """
    rows = _rows("logits", logits)
    other = None if reference is None else _rows("reference", reference)
    scores = Scores(rows, labels, mask, entropy, collision, other, threads)
    found = {name: result.reshape(logits.shape[:-1]) for name, result in scores.results.items()}
    return LogProbs(
        found["log_probability"], found["log_sum_exp"], found.get("entropy"), found.get("log_collision"),
        found.get("divergence"), scores, logits, reference,
    )  # fmt: skip


def row_stride(name: str, shape: tuple[int, ...], strides: tuple[int, ...]) -> int:
    """Returns the stride between rows in elements. Raises LossKitError if it is not uniform."""
    if len(shape) < 2:
        raise LossKitError(f"{name}: an array [..., vocabulary] is needed, not one of shape {shape}")
    is_even = strides[-1] == 1 or shape[-1] == 1
    axes = [(size, stride) for size, stride in zip(shape[:-1], strides[:-1]) if size != 1]
    for (_, outer), (size, inner) in zip(axes, axes[1:]):
        is_even = is_even and outer == size * inner
    stride = axes[-1][1] if axes else shape[-1]
    if not is_even or stride < shape[-1]:
        raise LossKitError(
            f"{name}: rows of shape {shape} with strides {strides} are not evenly spaced; pass the array that they are "
            "part of, with a mask, or a contiguous copy"
        )
    return stride


def _rows(name: str, array: Any) -> Rows:
    if not isinstance(array, np.ndarray) or array.dtype.name not in KINDS or not array.dtype.isnative:
        kind = array.dtype if isinstance(array, np.ndarray) else type(array).__name__
        raise LossKitError(f"{name}: an array of float32, float16 or bfloat16 is needed, not {kind}; convert it")
    strides = tuple(stride // array.itemsize for stride in array.strides)
    if any(stride % array.itemsize for stride in array.strides) or not array.flags.aligned:
        raise LossKitError(f"{name}: its numbers are not aligned; pass a contiguous copy")
    return Rows(array.ctypes.data, row_stride(name, array.shape, strides), KINDS[array.dtype.name], array.shape)


def _flat(name: str, array: npt.NDArray[Any], tokens: list[int]) -> npt.NDArray[Any]:
    if list(array.shape) != tokens:
        raise LossKitError(f"{name}: its shape is {array.shape}, and the logits have rows of shape {tuple(tokens)}")
    return np.ascontiguousarray(array).reshape(-1)


def _mask(mask: npt.ArrayLike, tokens: list[int]) -> npt.NDArray[np.uint8]:
    array = _flat("mask", _arguments.plain("mask", mask), tokens)
    if array.dtype.kind not in "iufb":
        raise LossKitError(f"mask: numbers are needed, 0 in rows to leave out, not {array.dtype}")
    return (array != 0).astype(np.uint8)


def _labels(labels: npt.ArrayLike, tokens: list[int], mask: npt.NDArray[np.uint8] | None) -> npt.NDArray[np.int32]:
    """Returns a copy of the labels: the gradient is that of the scored labels, even if the array is overwritten."""
    array = _flat("labels", _arguments.plain("labels", labels), tokens)
    if array.dtype.kind not in "iu":
        raise LossKitError(f"labels: whole numbers are needed, not {array.dtype}")
    narrow = array.astype(np.int32)
    changed = np.flatnonzero((narrow != array) if mask is None else (narrow != array) & (mask != 0))
    if changed.size:
        raise LossKitError(f"logits, row {changed[0]}: the label is {array[changed[0]]}; correct it or mask the row")
    return narrow


def _run(name: str, *arguments: object) -> None:
    error = _Error()
    if getattr(_library.library(), name)(*arguments, ctypes.byref(error)) != 0:
        raise LossKitError(error.message.decode(errors="replace"))
