"""The protocol of all peers: a process that measures itself on request; each line of standard input is a request.

case WORD…            makes the inputs of a case                            answers: ready
write PATH            computes once, writes the results as doubles          answers: written
time SAMPLES CALLS    times SAMPLES samples of CALLS calls                  answers: the mean seconds of a call in each sample
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
    """An implementation to measure."""

    def prepare(self, words: Sequence[str]) -> None:
        """Makes the inputs of a case."""

    def call(self) -> None:
        """The timed computation."""

    def results(self) -> numpy.ndarray:
        """The results of the last call, in the order of LossKit's driver."""


def sampled(matrix: torch.Tensor) -> numpy.ndarray:
    """Some rows of a matrix, the same as the drivers write."""
    step = max(1, matrix.shape[0] // SAMPLED_ROWS)
    return matrix[::step].detach().double().numpy().ravel()


def map_constants() -> None:
    """Reads a byte of each page of PyTorch's library.

    Its log1p in float32 has a load that is masked out for usual numbers. Until its page is read, the function takes twenty times as
    long on AMD processors (presumably microcode decides at each call whether the fault can be ignored). Whether other code has read the
    page differs by chance.
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
