"""Objectives: losses over a reward, bound to their hyperparameters, evaluated on batches of arrays."""

from __future__ import annotations

import ctypes
import weakref
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from losskit import _library
from losskit._batch import Call, Lent, Place, lend, place
from losskit._library import LossKitError
from losskit._registry import Registry, shared

_EXTENTS = ("prompt", "response", "token")
_OPTIONAL, _DIFFERENTIABLE, _PER_REFERENCE = 1, 2, 4
_ROWWISE, _FUSED, _NUMERIC_GRADIENT, _HAS_REWARD = 1, 2, 4, 8


@dataclass(frozen=True)
class Column:
    """A column of a batch that an objective reads; it has an entry per prompt, response or token."""

    name: str
    per: str
    optional: bool
    differentiable: bool
    per_reference: bool


@dataclass(frozen=True)
class Evaluation:
    """What came of a batch of G prompts with K responses each.

    loss: the mean of the prompts' losses (their sum where that was asked for). losses: [G]. rewards: the implicit rewards,
    unscaled, [K, G]; None where the objective has none. gradients: of `loss`, by the arguments' names, in their shapes.
    metrics: under TRL's names. state: what the next call is handed; None where nothing is kept.
    """

    loss: float
    losses: npt.NDArray[np.float64]
    rewards: npt.NDArray[np.float64] | None
    gradients: dict[str, npt.NDArray[np.floating]] = field(repr=False)
    metrics: dict[str, float]
    state: npt.NDArray[np.float64] | None


class Objective:
    """A sum of losses over one reward, every hyperparameter bound.

    text: a name (`"cal-dpo"`), or `"dpo(beta=0.1) + 0.2*sft(per=token) @ log-ratio"`. Hyperparameters may be given as keywords;
    of several losses, as `{"dpo.beta": 0.1}` in `settings`. reward: the parameterization where the text names none.

    It never changes, and may be used from many threads. Raises LossKitError for what it cannot resolve.
    """

    def __init__(
        self,
        text: str,
        *,
        reward: str | None = None,
        settings: Mapping[str, object] | None = None,
        registry: Registry | None = None,
        **hyperparameters: object,
    ) -> None:
        given = [f"{name}={_value(value)}" for name, value in {**(settings or {}), **hyperparameters}.items()]
        handle = ctypes.c_void_p()
        _library.call(
            "losskit_objective_open", (registry or shared())._handle, text.encode(), _library.texts(given), len(given),
            None if reward is None else reward.encode(), ctypes.byref(handle),
        )  # fmt: skip
        self._handle = handle
        self._close = weakref.finalize(self, _close, handle)
        self._calls: dict[int, list[Call]] = {}
        self._placed: dict[tuple[str, ...], dict[str, Place]] = {}
        self._read()

    def _read(self) -> None:
        info = _library.ObjectiveInfo()
        _library.call("losskit_objective_describe", self._handle, ctypes.byref(info))
        self.text: str = _library.text("losskit_objective_text", self._handle)
        """The resolved text: every name and every value in use."""
        self.hash: str = _library.text("losskit_objective_hash", self._handle)
        """The SHA-256 of all that decides what is optimized."""
        self.columns: dict[str, Column] = {}
        """The columns it reads, by name."""
        for index in range(info.column_count):
            column = _library.ColumnInfo()
            _library.call("losskit_objective_column", self._handle, index, ctypes.byref(column))
            name, flags = column.name.decode(), column.flags
            self.columns[name] = Column(
                name, _EXTENTS[column.extent], bool(flags & _OPTIONAL), bool(flags & _DIFFERENTIABLE),
                bool(flags & _PER_REFERENCE),
            )  # fmt: skip
        self.is_rowwise = bool(info.flags & _ROWWISE)
        """Whether a prompt's loss depends on that prompt alone."""
        self.has_numeric_gradient = bool(info.flags & _NUMERIC_GRADIENT)
        """Whether gradients are differences, not exact."""
        self.has_reward = bool(info.flags & _HAS_REWARD)
        """Whether it makes rewards."""
        self.reward_scale: float = info.reward_scale
        """The factor of rewards in metrics: beta, or 1."""
        self.references: int = info.references
        """The least number of references it compares with."""
        largest = info.max_responses if info.max_responses < 2**63 else None
        self.responses: tuple[int, int | None] = (info.min_responses, largest)
        """The least and the largest number of responses of a prompt; None: no limit."""
        self._state_count = info.state_count

    def __repr__(self) -> str:
        return f"Objective({self.text!r})"

    def initial_state(self) -> npt.NDArray[np.float64] | None:
        """What the objective keeps from step to step, before the first; None where it keeps nothing."""
        if self._state_count == 0:
            return None
        state = np.empty(self._state_count)
        _library.call("losskit_objective_initial_state", self._handle, state.ctypes.data, self._state_count)
        return state

    def export(self, format: str, *, responses: int | None = None, references: int | None = None) -> str:
        """The objective and its gradient as text: `json`, `python`, `torch`, `jax`, `c` or `latex`.

        Raises LossKitError where a part exports no formula, or the format cannot say it.
        """
        return _library.text(
            "losskit_objective_export", self._handle, format.encode(), responses or 0, references or 0
        )

    def evaluate(
        self,
        *,
        counts: npt.ArrayLike | None = None,
        token_offsets: npt.ArrayLike | None = None,
        state: npt.NDArray[np.float64] | None = None,
        seed: int = 0,
        reduction: str = "mean",
        gradients: bool = True,
        **columns: npt.ArrayLike,
    ) -> Evaluation:
        """Evaluates a batch.

        columns: by their names (a column per response [K, G], per prompt [G], per token [T]; per reference [R, …]), or by
        TRL's for pairs (policy_chosen_logps, ref_rejected_logps, chosen_lengths, rejected_scores, …), [G] each. Arrays of
        float32 and float64 of any stride are read where they are; others are converted. counts: the responses each
        prompt has, where they differ, best first. token_offsets: [K*G + 1], where each response's tokens start. state: what
        the call before returned, overwritten; without it the initial state is used. seed: the only source of randomness,
        such as the number of the step. reduction: mean or sum.

        Raises LossKitError for columns that are missing, unknown, of other lengths or not finite.
        """
        arrays = {name: _array(name, value) for name, value in columns.items()}
        return self._evaluate(arrays, counts, token_offsets, state, seed, _reduction(reduction), gradients)

    def _evaluate(
        self,
        arrays: dict[str, npt.NDArray[np.floating]],
        counts: npt.ArrayLike | None,
        token_offsets: npt.ArrayLike | None,
        state: npt.NDArray[np.float64] | None,
        seed: int,
        reduction: int,
        wants_gradients: bool,
    ) -> Evaluation:
        places = self._places(tuple(arrays))
        shape = self._shape(arrays, places, counts, token_offsets)
        prompts, responses, _ = shape
        lent: list[Lent] = []
        gradients: dict[str, npt.NDArray[np.floating]] = {}
        for name, array in arrays.items():
            is_wanted = wants_gradients and places[name].is_differentiable
            gradient = np.empty(array.shape, array.dtype) if is_wanted else None
            if gradient is not None:
                gradients[name] = gradient
            lent += self._lend(name, array, gradient, places[name], shape)
        count_array = None if counts is None else np.ascontiguousarray(counts, np.uint32)
        offsets = None if token_offsets is None else np.ascontiguousarray(token_offsets, np.uintp)
        self._check_lengths(count_array, offsets, shape)
        kept = self._kept_state(state)
        losses, rewards = np.empty(prompts), np.empty((responses, prompts)) if self.has_reward else None
        loss, metrics = self._run(
            lent, shape, counts=_address(count_array), token_offsets=_address(offsets), state=_address(kept),
            state_count=self._state_count, seed=seed, losses=_address(losses), rewards=_address(rewards),
            reduction=reduction,
        )  # fmt: skip
        if reduction == _library.SUM:
            loss = float(losses.sum())
        return Evaluation(loss, losses, rewards, gradients, metrics, kept)

    def _places(self, names: tuple[str, ...]) -> dict[str, Place]:
        """Where the arguments of a call belong; the same names come again and again."""
        places = self._placed.get(names)
        if places is None:
            places = self._placed[names] = {name: place(name, self.columns) for name in names}
        return places

    def _run(self, lent: list[Lent], shape: tuple[int, int, int], **arguments: Any) -> tuple[float, dict[str, float]]:
        """Evaluates with structs that no other thread is using."""
        free = self._calls.setdefault(len(lent), [])
        try:
            call = free.pop()
        except IndexError:
            call = Call(len(lent))
        try:
            return call.run(self._handle, lent, shape, **arguments)
        finally:
            free.append(call)

    def _kept_state(self, state: npt.NDArray[np.float64] | None) -> npt.NDArray[np.float64] | None:
        if state is None:
            return self.initial_state()
        if self._state_count == 0:
            raise LossKitError(f"state: {self.text} keeps nothing from step to step; leave it out")
        is_fit = isinstance(state, np.ndarray) and state.dtype == np.float64 and state.shape == (self._state_count,)
        if not is_fit or not state.flags.c_contiguous or not state.flags.writeable:
            raise LossKitError(
                f"state: an array of {self._state_count} contiguous, writable float64 is needed; start with initial_state()"
            )
        return state

    def _shape(
        self, arrays: Mapping[str, Any], places: Mapping[str, Place], counts: Any, token_offsets: Any
    ) -> tuple[int, int, int]:
        """Prompts, responses and references of a batch, from the shapes of what is handed over."""
        if not arrays:
            raise LossKitError(f"{self.text}: a batch needs columns; it reads {', '.join(self.columns)}")
        prompts = responses = references = None
        for name, array in arrays.items():
            column, part = self.columns.get(places[name].column), places[name].response
            if column is None:
                raise LossKitError(
                    f"{name}: {self.text} reads no such column; it reads {', '.join(self.columns)}, and for pairs their "
                    "chosen and rejected parts, such as policy_chosen_logps"
                )
            axes = list(array.shape)
            is_ranked = column.per == "response" and part is None
            if column.per_reference and len(axes) == (3 if is_ranked else 2):
                references = axes.pop(0)
            if is_ranked and len(axes) == 2:
                responses, prompts = axes
            elif len(axes) == 1 and (column.per == "prompt" or part is not None):
                prompts = axes[0]
            if part is not None:
                responses = 2
        least, largest = self.responses
        if responses is None:
            responses = 1 if least <= 1 and (largest == 1 or "label" in arrays) else max(2, least)
        if prompts is None:
            prompts = self._prompts_of_flat(arrays, places, responses, counts, token_offsets)
        return prompts, responses, references or max(1, self.references)

    def _prompts_of_flat(
        self, arrays: Mapping[str, Any], places: Mapping[str, Place], responses: int, counts: Any, token_offsets: Any
    ) -> int:
        """The number of prompts where every column is handed over in one piece."""
        if counts is not None:
            return len(counts)
        if token_offsets is not None:
            return (len(token_offsets) - 1) // responses
        for name, array in arrays.items():
            if self.columns[places[name].column].per == "response":
                return int(np.prod(array.shape)) // responses
        raise LossKitError(f"{self.text}: the number of prompts is unknown; pass a column per prompt or response, or counts")

    def _lend(
        self, name: str, array: Any, gradient: npt.NDArray[np.floating] | None, where: Place, shape: tuple[int, int, int]
    ) -> list[Lent]:
        """The parts of an argument, each a run of numbers with one stride."""
        prompts, responses, _ = shape
        column = self.columns[where.column]
        if array.dtype not in (np.float32, np.float64):
            raise LossKitError(f"{name}: numbers are needed, not {array.dtype}")
        kind = _library.FLOAT32 if array.dtype == np.float32 else _library.FLOAT64
        step = 0 if gradient is None else gradient.itemsize
        start = _address(gradient)

        def part(index: int, row: Any, position: int) -> Lent:
            stride = row.strides[0] if row.size else 0
            return lend(where.index, index, _address(row), stride, row.size, kind, start + position * step)

        if where.response is not None:
            rows = array if array.ndim == 2 and column.per_reference else array[np.newaxis]
            if rows.ndim != 2:
                raise LossKitError(f"{name}: one number per pair is needed, not an array of shape {array.shape}")
            return [
                part(reference * responses + where.response, row, reference * prompts) for reference, row in enumerate(rows)
            ]
        if array.ndim == 1:
            return [part(_library.WHOLE, array, 0)]
        rows = array.reshape(-1, array.shape[-1])
        return [part(index, row, index * row.size) for index, row in enumerate(rows)]

    def _check_lengths(self, counts: Any, offsets: Any, shape: tuple[int, int, int]) -> None:
        prompts, responses, _ = shape
        if counts is not None and counts.shape != (prompts,):
            raise LossKitError(f"counts: {prompts} numbers are needed, one per prompt, not an array of shape {counts.shape}")
        if offsets is not None and offsets.shape != (prompts * responses + 1,):
            raise LossKitError(
                f"token_offsets: {prompts * responses + 1} numbers are needed, one per response and the end, not an array of "
                f"shape {offsets.shape}"
            )

    def close(self) -> None:
        """Ends the objective; using it afterwards is an error."""
        self._close()


def _close(handle: ctypes.c_void_p) -> None:
    _library.call("losskit_objective_close", handle)


def _value(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (float, np.floating)):
        return repr(float(value))
    return str(value)


def _reduction(name: str) -> int:
    try:
        return {"mean": _library.MEAN, "sum": _library.SUM}[name]
    except KeyError:
        raise LossKitError(f"reduction: {name!r} is unknown; mean and sum are known") from None


def _array(name: str, value: npt.ArrayLike) -> npt.NDArray[np.floating]:
    """An array that the library can read where it is, or a converted copy."""
    array = np.asarray(value)
    if not array.dtype.isnative:
        array = array.astype(array.dtype.newbyteorder("="))
    if array.dtype == np.float32 or array.dtype == np.float64:
        return array
    if array.dtype == np.float16:
        return array.astype(np.float32)
    if array.dtype.kind in "iub":
        return array.astype(np.float64)
    raise LossKitError(f"{name}: numbers are needed, not {array.dtype}")


def _address(array: npt.NDArray[Any] | None) -> int:
    return 0 if array is None else array.__array_interface__["data"][0]
