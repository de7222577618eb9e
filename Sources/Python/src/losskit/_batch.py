"""Batches: which array is which column, and the structs through which the library borrows them."""

from __future__ import annotations

import ctypes
import functools
import itertools
import struct
from dataclasses import dataclass
from typing import Any

from losskit import _library

# losskit_column_binding: name, column, part; then values and gradient, each data, stride, count, type, reserved.
_BINDING = "PIiPnnIIPnnII"
_BATCH = struct.Struct("@nnnPPPn")
_RESULTS = struct.Struct("@PnnIIPnnIIIIdPnn")
_METRIC = struct.Struct("@56sd")
_METRIC_CAPACITY = 16

# TRL's names for columns per response, as patterns for chosen and rejected.
_TRL = {
    "policy_{}_logps": "policy_logp",
    "ref_{}_logps": "reference_logp",
    "reference_{}_logps": "reference_logp",
    "{}_lengths": "token_count",
    "{}_scores": "score",
    "{}_rewards": "reward",
}
_PARTS = {
    pattern.format(side): (column, part)
    for pattern, column in _TRL.items()
    for part, side in enumerate(("chosen", "rejected"))
}


@dataclass(frozen=True)
class Place:
    """The column that an argument belongs to, and its response; None for the whole column.

    index: the column's index among those that the objective reads; -1 if it does not read it.
    """

    column: str
    response: int | None
    index: int
    is_differentiable: bool


def place(argument: str, columns: dict[str, Any]) -> Place:
    """Returns the column that an argument of a call is, or is a part of.

    Names are those of columns (`policy_logp`), TRL's for pairs (`policy_chosen_logps`), and any column with the prefix `chosen_` or
    `rejected_`.
    """
    column, response = _column_of(argument, columns)
    if column not in columns:
        return Place(column, response, -1, False)
    return Place(column, response, list(columns).index(column), columns[column].differentiable)


def _column_of(argument: str, columns: dict[str, Any]) -> tuple[str, int | None]:
    if argument in columns:
        return argument, None
    if argument in _PARTS:
        return _PARTS[argument]
    for part, prefix in enumerate(("chosen_", "rejected_")):
        if argument.startswith(prefix) and argument[len(prefix) :] in columns:
            return argument[len(prefix) :], part
    return argument, None


def parts_of(column: str) -> tuple[str, str]:
    """Returns the argument names of the chosen and the rejected part of a column."""
    pattern = next((pattern for pattern, name in _TRL.items() if name == column), "{}_" + column)
    return pattern.format("chosen"), pattern.format("rejected")


def counterpart(argument: str) -> str:
    """Returns the name of the rejected part for that of the chosen part, and the reverse."""
    for pattern in _TRL:
        pair = pattern.format("chosen"), pattern.format("rejected")
        if argument in pair:
            return pair[argument == pair[0]]
    side, _, column = argument.partition("_")
    return f"{'rejected' if side == 'chosen' else 'chosen'}_{column}"


# A column binding, field by field.
Borrowed = tuple[int, ...]
_SIZES = {_library.FLOAT64: 8, _library.FLOAT32: 4}


def borrow(column: int, part: int, address: int, stride: int, count: int, kind: int, gradient: int) -> Borrowed:
    """An array in memory as the library takes it: the numbers of one part of a column, and where its gradient goes.

    `stride` is in bytes; the gradient is contiguous, and 0 where it is not wanted.
    """
    return 0, column, part, address, stride, count, kind, 0, gradient, _SIZES[kind], count, kind, 0


@functools.cache
def _metric_name(text: bytes) -> str:
    return text.split(b"\0", 1)[0].decode()


class Call:
    """The structs of calls with the same number of bindings; created once and refilled for each call."""

    def __init__(self, bindings: int) -> None:
        self._layout = struct.Struct("@" + _BINDING * bindings)
        self._bindings = ctypes.create_string_buffer(max(1, self._layout.size))
        self._batch = ctypes.create_string_buffer(_BATCH.size)
        self._results = ctypes.create_string_buffer(_RESULTS.size)
        self._metrics = ctypes.create_string_buffer(_METRIC.size * _METRIC_CAPACITY)
        self._failure = _library.Failure()
        self._failure_reference = ctypes.byref(self._failure)
        self._addresses = ctypes.addressof(self._bindings), ctypes.addressof(self._metrics)
        self._function = _library.library().losskit_objective_evaluate

    def run(
        self,
        objective: ctypes.c_void_p,
        borrowed: list[Borrowed],
        shape: tuple[int, int, int],
        *,
        counts: int = 0,
        token_offsets: int = 0,
        state: int = 0,
        state_count: int = 0,
        seed: int = 0,
        losses: int = 0,
        rewards: int = 0,
        metrics: bool = True,
        reduction: int = _library.MEAN,
    ) -> tuple[float, dict[str, float]]:
        """Evaluates; the mean loss, and the metrics if wanted. Arrays are addresses of contiguous doubles, 0 for none."""
        self._layout.pack_into(self._bindings, 0, *itertools.chain.from_iterable(borrowed))
        bindings, room = self._addresses
        prompts, responses, references = shape
        _BATCH.pack_into(
            self._batch, 0, prompts, responses, references, counts, token_offsets, bindings, len(borrowed),
        )  # fmt: skip
        _RESULTS.pack_into(
            self._results, 0, losses, 8, prompts, 0, 0, rewards, 8, prompts * responses, 0, 0, reduction, 0, 0.0,
            room if metrics else 0, _METRIC_CAPACITY if metrics else 0, 0,
        )  # fmt: skip
        status = self._function(
            objective, self._batch, state or None, state_count, seed, self._results, self._failure_reference,
        )  # fmt: skip
        if status != 0:
            raise _library.error(self._failure)
        *_, mean, _, _, count = _RESULTS.unpack_from(self._results)
        if not metrics:
            return mean, {}
        found = memoryview(self._metrics)[: min(count, _METRIC_CAPACITY) * _METRIC.size]
        return mean, {_metric_name(name): value for name, value in _METRIC.iter_unpack(found)}
