"""Measures two sides in turn (A B A B), so that load from other programs affects both."""

from __future__ import annotations

import array
import dataclasses
import math
import statistics

from .problem import Problem
from .results import Measurement
from .worker import Worker


@dataclasses.dataclass(frozen=True)
class Effort:
    """How much is measured."""

    rounds: int
    sample: float = 0.005
    """The least duration of a sample, in seconds; short calls are repeated."""
    turn: float = 0.1
    """The approximate duration of a side's turn in a round, in seconds; at least one sample."""


def calls_of(seconds: float, effort: Effort) -> int:
    """The number of calls in a sample."""
    return max(1, math.ceil(effort.sample / max(seconds, 1e-9)))


def turn(worker: Worker, calls: int, seconds: float, effort: Effort) -> list[float]:
    """A side's samples of a round."""
    return worker.time(max(1, min(20, int(effort.turn / (calls * max(seconds, 1e-9))))), calls)


def alone(worker: Worker, effort: Effort) -> float:
    """The median time of one side."""
    seconds = worker.time(1, 1)[0]
    seconds = worker.time(1, calls_of(seconds, effort))[0]
    calls = calls_of(seconds, effort)
    return statistics.median(sample for _ in range(effort.rounds) for sample in turn(worker, calls, seconds, effort))


def duel(ours: Worker, peer: Worker, effort: Effort) -> tuple[list[float], list[float]]:
    """The samples of both sides, taken in turn. Both sides have computed once before."""
    sides = []
    for worker in (ours, peer):
        first = worker.time(1, 1)[0]
        # A long call is the first sample; the time of a short one determines the number of calls in a sample.
        samples = [first] if first >= effort.sample else []
        seconds = first if samples else worker.time(1, calls_of(first, effort))[0]
        sides.append((worker, calls_of(seconds, effort), seconds, samples))
    for _ in range(effort.rounds - 1 if all(samples for *_, samples in sides) else effort.rounds):
        for worker, calls, seconds, samples in sides:
            samples += turn(worker, calls, seconds, effort)
    return sides[0][3], sides[1][3]


def compared(ours: Worker, peer: Worker, name: str, effort: Effort) -> tuple[Measurement, list[float]]:
    """The peer's measurement, and LossKit's samples beside it."""
    own, theirs = duel(ours, peer, effort)
    peak = peer.peak_bytes
    measurement = Measurement(
        name, statistics.median(theirs), statistics.median(own), peak, peak - peer.resident_before
    )
    return measurement, own


LOSS_AND_GRADIENT = (("loss", slice(0, 1)), ("gradient", slice(1, None)))


def check_agreement(
    place: str, found: array.array, expected: array.array, tolerance: float, parts: tuple[tuple[str, slice], ...] = LOSS_AND_GRADIENT
) -> None:
    """Raises a problem unless, in each part, the largest difference is small relative to the largest number."""
    if len(found) != len(expected):
        raise Problem(f"{place}: LossKit gives {len(found)} numbers, PyTorch {len(expected)}; make both compute the same")
    for what, part in parts:
        scale = max(map(abs, expected[part]), default=0)
        difference = max((abs(a - b) for a, b in zip(found[part], expected[part])), default=0)
        # Written so that NaN fails.
        if not difference <= tolerance * scale or not math.isfinite(scale):
            raise Problem(
                f"{place}: the {what} of LossKit and PyTorch differs by {difference:.3g} at a scale of {scale:.3g}, more than a relative "
                f"{tolerance:g}; the case was not measured; correct the side that is wrong"
            )
