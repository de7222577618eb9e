"""Batches: which array is which column, and the structs that lend them to the library."""

from __future__ import annotations

import ctypes
import functools
import struct
from dataclasses import dataclass

from losskit import _library

# losskit_column_binding: name, column, part; then values and gradient, each data, stride, count, type, reserved.
_BINDING = "PIiPnnIIPnnII"
_BATCH = struct.Struct("@nnnPPPn")
_RESULTS = struct.Struct("@PnnIIPnnIIIIdPnn")
_METRIC = struct.Struct("@56sd")
_METRIC_CAPACITY = 16

# TRL's names for columns per response; the pair is made by chosen and rejected.
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
    """Where an argument belongs: a column, and the response it is of; None for the whole column."""

    column: str
    response: int | None


def place(argument: str, columns: dict[str, object]) -> Place:
    """The column that an argument of a call is, or is a part of.

    Names are those of columns (`policy_logp`), TRL's for pairs (`policy_chosen_logps`), and any column with `chosen_` or
    `rejected_` before it.
    """
    if argument in columns:
        return Place(argument, None)
    if argument in _PARTS:
        return Place(*_PARTS[argument])
    for part, prefix in enumerate(("chosen_", "rejected_")):
        if argument.startswith(prefix) and argument[len(prefix) :] in columns:
            return Place(argument[len(prefix) :], part)
    return Place(argument, None)


@dataclass(slots=True)
class Lent:
    """An array in memory as the library takes it: the numbers of one part of a column, and where its gradient goes.

    `stride` is in bytes; the gradient is contiguous, and None where it is not wanted.
    """

    column: bytes
    part: int
    address: int
    stride: int
    count: int
    type: int
    gradient: int | None


@functools.cache
def _metric_name(text: bytes) -> str:
    return text.split(b"\0", 1)[0].decode()


class Call:
    """The structs of calls with equally many bindings; made once and filled again for each."""

    def __init__(self, bindings: int) -> None:
        self._layout = struct.Struct("@" + _BINDING * bindings)
        self._bindings = ctypes.create_string_buffer(max(1, self._layout.size))
        self._batch = ctypes.create_string_buffer(_BATCH.size)
        self._results = ctypes.create_string_buffer(_RESULTS.size)
        self._metrics = ctypes.create_string_buffer(_METRIC.size * _METRIC_CAPACITY)
        self._failure = _library.Failure()
        self._names: dict[bytes, ctypes.Array[ctypes.c_char]] = {}
        self._function = _library.library().losskit_objective_evaluate

    def _name(self, name: bytes) -> int:
        if name not in self._names:
            self._names[name] = ctypes.create_string_buffer(name)
        return ctypes.addressof(self._names[name])

    def run(
        self,
        objective: ctypes.c_void_p,
        lent: list[Lent],
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
        fields: list[int] = []
        for part in lent:
            gradient = part.gradient or 0
            size = 8 if part.type == _library.FLOAT64 else 4
            fields += (self._name(part.column), 0, part.part, part.address, part.stride, part.count, part.type, 0)
            fields += (gradient, size, part.count, part.type, 0)
        self._layout.pack_into(self._bindings, 0, *fields)
        prompts, responses, references = shape
        _BATCH.pack_into(
            self._batch, 0, prompts, responses, references, counts, token_offsets,
            ctypes.addressof(self._bindings), len(lent),
        )  # fmt: skip
        _RESULTS.pack_into(
            self._results, 0, losses, 8, prompts, 0, 0, rewards, 8, prompts * responses, 0, 0, reduction, 0, 0.0,
            ctypes.addressof(self._metrics) if metrics else 0, _METRIC_CAPACITY if metrics else 0, 0,
        )  # fmt: skip
        status = self._function(
            objective, self._batch, state or None, state_count, seed & (2**64 - 1), self._results,
            ctypes.byref(self._failure),
        )  # fmt: skip
        if status != 0:
            raise _library.error(self._failure)
        *_, mean, _, _, count = _RESULTS.unpack_from(self._results)
        if not metrics:
            return mean, {}
        found = self._metrics.raw[: min(count, _METRIC_CAPACITY) * _METRIC.size]
        return mean, {_metric_name(name): value for name, value in _METRIC.iter_unpack(found)}
