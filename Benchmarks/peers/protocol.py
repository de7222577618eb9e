"""What all peers have in common: a process that measures itself when it is told to, line by line on its standard input.

case WORD…            makes the inputs of a case                            answers: ready
write PATH            computes once; the results as doubles into a file     answers: written
time SAMPLES CALLS    calls so often; the mean seconds of a call, a number for each sample
"""

from __future__ import annotations

import ctypes
import mmap
import os
import pathlib
import sys
import time
from collections.abc import Sequence
from typing import Protocol

import numpy
import torch

SAMPLED_ROWS = 8


class Peer(Protocol):
    """One implementation of what is measured."""

    def prepare(self, words: Sequence[str]) -> None:
        """Makes the inputs of a case."""

    def call(self) -> None:
        """What is timed."""

    def results(self) -> numpy.ndarray:
        """What the last call gave, in the order in which LossKit's driver writes it."""


def sampled(matrix: torch.Tensor) -> numpy.ndarray:
    """Some rows of a matrix, the same that the drivers write."""
    step = max(1, matrix.shape[0] // SAMPLED_ROWS)
    return matrix[::step].detach().double().numpy().ravel()


def map_constants() -> None:
    """Reads a byte of each page of PyTorch's library.

    Its log1p in float32 has a load that is masked out for usual numbers. While the page was never touched, the function takes twenty
    times as long on AMD's processors (presumably microcode decides each time whether the fault may be ignored); whether something
    else has touched the page is left to chance.
    """
    for line in pathlib.Path("/proc/self/maps").read_text().splitlines():
        addresses, rights, *_, name = line.split(maxsplit=5)
        if not (name.endswith("/libtorch_cpu.so") and rights.startswith("r") and "w" not in rights):
            continue
        first, end = (int(address, 16) for address in addresses.split("-"))
        for page in range(first, end, mmap.PAGESIZE):
            ctypes.string_at(page, 1)


def timed(peer: Peer, samples: int, calls: int) -> list[float]:
    """The mean seconds of a call, for each sample."""
    seconds = []
    for _ in range(samples):
        start = time.perf_counter()
        for _ in range(calls):
            peer.call()
        seconds.append((time.perf_counter() - start) / calls)
    return seconds


def serve(peer: Peer) -> None:
    """Answers requests until there are no more. What libraries print goes to standard error."""
    answers = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)
    torch.set_num_threads(int(os.environ["OMP_NUM_THREADS"]))
    measure = getattr(peer, "time", None) or (lambda samples, calls: timed(peer, samples, calls))
    for line in sys.stdin:
        request, *words = line.split()
        if request == "case":
            peer.prepare(words)
            print("ready", file=answers)
        elif request == "write":
            peer.call()
            numpy.asarray(peer.results(), dtype=numpy.float64).tofile(words[0])
            print("written", file=answers)
        elif request == "time":
            print(*measure(int(words[0]), int(words[1])), file=answers)
        else:
            sys.exit(f"peer: the request '{request}' is unknown; case, write and time are known")
