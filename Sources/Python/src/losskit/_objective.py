"""Objectives: losses over a reward, bound to their hyperparameters, evaluated on batches of arrays."""

from __future__ import annotations

import ctypes
import numbers
import weakref
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from losskit import _arguments, _library, _shape
from losskit._batch import Borrowed, Call, Place, borrow, place
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
    """The results for a batch of G prompts with K responses each.

    loss: the mean of the prompts' losses (or their sum, if requested). losses: [G]. rewards: the implicit rewards, unscaled, [K, G];
    None if the objective has none. gradients: of `loss`, by the arguments' names, in their shapes. metrics: under TRL's names. state:
    pass it to the next call; None if the objective keeps none.
    """

    loss: float
    losses: npt.NDArray[np.float64]
    rewards: npt.NDArray[np.float64] | None
    gradients: dict[str, npt.NDArray[np.floating]] = field(repr=False)
    metrics: dict[str, float]
    state: npt.NDArray[np.float64] | None


class Objective:
    """A sum of losses over one reward, with every hyperparameter bound.

    text: a name (`"cal-dpo"`), or `"dpo(beta=0.1) + 0.2*sft(per=token) @ log-ratio"`. Hyperparameters are keywords; those of
    several losses are in `settings`, as `{"dpo.beta": 0.1}`. reward: the parameterization, if the text names none.

    An objective never changes, and many threads can use it. It can be copied and pickled; unpickling resolves the text again.
    Raises LossKitError for a text that does not resolve, or, when unpickled, resolves to a different objective.
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
        if settings is not None and not isinstance(settings, Mapping):
            raise LossKitError(f"settings: a dictionary of hyperparameters is needed, not {_arguments.kind(settings)}")
        if registry is not None and not isinstance(registry, Registry):
            raise LossKitError(f"registry: a losskit.Registry is needed, not {_arguments.kind(registry)}")
        given = [_setting(name, value) for name, value in {**(settings or {}), **hyperparameters}.items()]
        handle = ctypes.c_void_p()
        _library.call(
            "losskit_objective_open", (registry or shared())._handle, _arguments.text("text", text), _library.texts(given),
            len(given), None if reward is None else _arguments.text("reward", reward), ctypes.byref(handle),
        )  # fmt: skip
        self._handle = handle
        self._registry = registry
        self._close = weakref.finalize(self, _close, handle)
        self._calls: dict[int, list[Call]] = {}
        self._placed: dict[tuple[str, ...], dict[str, Place]] = {}
        self._ranked: dict[tuple[Any, ...], _shape.Ranks] = {}
        self._read()

    def __reduce__(self) -> tuple[Any, ...]:
        return _resolved_again, (self.text, self._registry, self.hash)

    def _read(self) -> None:
        info = _library.ObjectiveInfo()
        _library.call("losskit_objective_describe", self._handle, ctypes.byref(info))
        self.text: str = _library.text("losskit_objective_text", self._handle)
        """The resolved text: every name and every value in use."""
        self.hash: str = _library.text("losskit_objective_hash", self._handle)
        """The SHA-256 of everything that determines what is optimized."""
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
        """Whether a prompt's loss depends only on that prompt."""
        self.has_numeric_gradient = bool(info.flags & _NUMERIC_GRADIENT)
        """Whether gradients are finite differences, not exact."""
        self.has_reward = bool(info.flags & _HAS_REWARD)
        """Whether it computes rewards."""
        self.reward_scale: float = info.reward_scale
        """The factor on rewards in metrics: beta, or 1."""
        self.references: int = info.references
        """The least number of references a batch must have."""
        largest = info.max_responses if info.max_responses < 2**63 else None
        self.responses: tuple[int, int | None] = (info.min_responses, largest)
        """The least and the largest number of responses per prompt; None: no limit."""
        self._state_count = info.state_count

    def __repr__(self) -> str:
        return f"Objective({self.text!r})"

    def initial_state(self) -> npt.NDArray[np.float64] | None:
        """Returns the initial state that the objective carries from step to step; None if it keeps none."""
        if self._state_count == 0:
            return None
        state = np.empty(self._state_count)
        _library.call("losskit_objective_initial_state", self._handle, state.ctypes.data, self._state_count)
        return state

    def export(self, format: str, *, responses: int | None = None, references: int | None = None) -> str:
        """Returns the objective and its gradient as source: `json`, `python`, `torch`, `jax`, `c` or `latex`.

        Raises LossKitError if a part exports no formula, or the format cannot express it.
        """
        numbers = {"responses": responses, "references": references}
        counts = [0 if value is None else _arguments.whole(name, value, 1, 2**31) for name, value in numbers.items()]
        return _library.text("losskit_objective_export", self._handle, _arguments.text("format", format), *counts)

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

        columns: by their names (a column per response [K, G] or flat [K*G], per prompt [G], per token [T]; per reference [R, …]),
        or by TRL's for pairs (policy_chosen_logps, ref_rejected_logps, chosen_lengths, rejected_scores, …), [G] each. Arrays of
        float32 and float64 of any stride are read in place; others are converted. counts: the number of responses of each prompt,
        best first, if it varies. token_offsets: [K*G + 1], where each response's tokens start. state: the result of the call
        before, which is overwritten; by default the initial state. seed: the only source of randomness, such as the number of the
        step. reduction: mean or sum.

        Raises LossKitError for columns that are missing, unknown, of other lengths or not finite.
        """
        arrays = {name: _arguments.numbers(name, value) for name, value in columns.items()}
        count_array = None if counts is None else _arguments.whole_numbers("counts", counts, np.uint32)
        offsets = None if token_offsets is None else _arguments.whole_numbers("token_offsets", token_offsets, np.uintp)
        return self._evaluate(arrays, count_array, offsets, state, _seed(seed), _reduction(reduction), gradients)

    def _evaluate(
        self,
        arrays: dict[str, npt.NDArray[np.floating]],
        counts: npt.NDArray[np.uint32] | None,
        offsets: npt.NDArray[np.uintp] | None,
        state: npt.NDArray[np.float64] | None,
        seed: int,
        reduction: int,
        wants_gradients: bool,
    ) -> Evaluation:
        places = self._places(tuple(arrays))
        shape = self._shape(list(arrays.values()), places, counts, offsets)
        prompts, responses, _ = shape
        borrowed: list[Borrowed] = []
        gradients: dict[str, npt.NDArray[np.floating]] = {}
        for name, array in arrays.items():
            is_wanted = wants_gradients and places[name].is_differentiable
            gradient = np.empty(array.shape, array.dtype) if is_wanted else None
            if gradient is not None:
                gradients[name] = gradient
            borrowed += self._borrow(array, gradient, places[name], shape)
        kept = self._kept_state(state)
        losses, rewards = np.empty(prompts), np.empty((responses, prompts)) if self.has_reward else None
        loss, metrics = self._run(
            borrowed, shape, counts=_address(counts), token_offsets=_address(offsets), state=_address(kept),
            state_count=self._state_count, seed=seed, losses=_address(losses), rewards=_address(rewards),
            reduction=reduction,
        )  # fmt: skip
        if reduction == _library.SUM:
            loss = float(losses.sum())
        return Evaluation(loss, losses, rewards, gradients, metrics, kept)

    def _places(self, names: tuple[str, ...]) -> dict[str, Place]:
        """Returns where the arguments of a call belong, cached because the same names recur."""
        places = self._placed.get(names)
        if places is None:
            places = self._placed[names] = {name: place(name, self.columns) for name in names}
        return places

    def _run(self, borrowed: list[Borrowed], shape: tuple[int, int, int], **arguments: Any) -> tuple[float, dict[str, float]]:
        """Evaluates with structs that no other thread is using."""
        free = self._calls.setdefault(len(borrowed), [])
        try:
            call = free.pop()
        except IndexError:
            call = Call(len(borrowed))
        try:
            return call.run(self._handle, borrowed, shape, **arguments)
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
        self, arrays: Sequence[Any], places: Mapping[str, Place], counts: Any, offsets: Any
    ) -> tuple[int, int, int]:
        """Returns the numbers of prompts, responses and references of a batch, from the arrays' shapes; `places` are the arrays'
        places."""
        leading = tuple([tuple(array.shape[:-1]) if array.ndim else None for array in arrays])
        found = self._ranks(places, leading, counts is not None, offsets is not None)
        lengths = [array.shape[-1] for array in arrays]
        prompts = _shape.prompts(
            found, lengths, None if counts is None else len(counts), None if offsets is None else len(offsets)
        )
        return prompts, found.responses, found.references

    def _ranks(
        self, places: Mapping[str, Place], leading: tuple[tuple[int, ...] | None, ...], has_counts: bool, has_offsets: bool
    ) -> _shape.Ranks:
        """Returns what all axes but the last determine, cached because the same shapes recur."""
        key = (*places, leading, has_counts, has_offsets)
        found = self._ranked.get(key)
        if found is None:
            found = self._ranked[key] = _shape.ranks(self, places, leading, has_counts, has_offsets)
        return found

    def _borrow(
        self, array: Any, gradient: npt.NDArray[np.floating] | None, where: Place, shape: tuple[int, int, int]
    ) -> list[Borrowed]:
        """Returns the parts of an argument, each a run of numbers with one stride."""
        prompts, responses, _ = shape
        kind = _library.FLOAT32 if array.dtype == np.float32 else _library.FLOAT64
        step = 0 if gradient is None else gradient.itemsize
        start = _address(gradient)

        def part(index: int, row: Any, position: int) -> Borrowed:
            stride = row.strides[0] if row.size else 0
            return borrow(where.index, index, _address(row), stride, row.size, kind, start + position * step)

        if where.response is not None:
            rows = array if array.ndim == 2 else array[np.newaxis]
            return [
                part(reference * responses + where.response, row, reference * prompts) for reference, row in enumerate(rows)
            ]
        if array.ndim == 1:
            return [part(_library.WHOLE, array, 0)]
        # One by one: a reshaped array may be a copy, which would not live until the call.
        rows = (array[index] for index in np.ndindex(array.shape[:-1]))
        return [part(index, row, index * row.size) for index, row in enumerate(rows)]

    def close(self) -> None:
        """Closes the objective; using it afterwards is an error."""
        self._close()


def _close(handle: ctypes.c_void_p) -> None:
    _library.call("losskit_objective_close", handle)


def _resolved_again(text: str, registry: Registry | None, expected: str) -> Objective:
    """Restores a pickled objective."""
    objective = Objective(text, registry=registry)
    if objective.hash != expected:
        raise LossKitError(
            f"{text}: the pickled objective has the hash {expected}, and here it is {objective.hash}; use the versions of the library "
            "and the plugins with which it was pickled"
        )
    return objective


def _setting(name: object, value: object) -> bytes:
    """Returns a hyperparameter in the library's form."""
    _arguments.text("settings", name)
    if isinstance(value, (bool, np.bool_)):
        words = "true" if value else "false"
    elif isinstance(value, (numbers.Integral, str)):
        words = str(value)
    elif isinstance(value, numbers.Real):
        words = repr(float(value))
    else:
        raise LossKitError(f"{name}: a number, a truth value or a word is needed, not {_arguments.kind(value)}")
    return _arguments.text(str(name), f"{name}={words}")


def _seed(value: object) -> int:
    return _arguments.whole("seed", value, 0, 2**64 - 1)


def _reduction(name: str) -> int:
    try:
        return {"mean": _library.MEAN, "sum": _library.SUM}[name]
    except (KeyError, TypeError):
        raise LossKitError(f"reduction: {name!r} is unknown; mean and sum are known") from None


def _address(array: npt.NDArray[Any] | None) -> int:
    return 0 if array is None else array.__array_interface__["data"][0]
