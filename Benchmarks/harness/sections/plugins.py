"""(e) Opening and listing all plugins, each time in a new process."""

from __future__ import annotations

import ctypes
import mmap
import os
import pathlib
import statistics
import subprocess
import time

from ..context import Context
from ..problem import Problem
from ..results import Case, Measurement, Section


def measure(context: Context) -> Section:
    """Measures in turn: dlopen alone, a program that lists through liblosskit, and the command."""
    rounds = 5 if context.is_quick else 20
    directory = context.plugins
    files = [path for path in context.prefix.glob("**/*") if path.suffix == ".so" or path == context.losskit]
    ways = {
        "dlopen alone": lambda: inside(context, "dlopen", str(directory)),
        "listed through liblosskit": lambda: inside(context, "registry"),
        "`losskit list`, whole process": lambda: whole(context),
    }
    for way in ways.values():
        way()
    warm = {name: [] for name in ways}
    for _ in range(rounds):
        for name, way in ways.items():
            warm[name].append(way())
    count = len(list(directory.glob("*.so")))
    cases = [case("warm", warm)]
    notes = []
    cold = {name: [] for name in ways}
    for _ in range(2 if context.is_quick else 5):
        for name, way in ways.items():
            if not forget(files):
                notes = ["Cold: not measured; the system keeps the files' pages, and dropping them needs root."]
                break
            cold[name].append(way())
    if not notes:
        cases.append(case("cold", cold))
    return Section("plugins", f"Opening and listing all {count} plugins", cases, notes=notes)


def case(label: str, seconds: dict[str, list[float]]) -> Case:
    return Case(label, [Measurement(name, statistics.median(values)) for name, values in seconds.items()])


def inside(context: Context, *words: str) -> float:
    """The seconds that a driver measures, without its start."""
    return float(run(context, [str(context.drivers / "open"), *words]).split()[0])


def whole(context: Context) -> float:
    """The seconds of a process from its start to its end."""
    start = time.perf_counter()
    run(context, [str(context.losskit), "list"])
    return time.perf_counter() - start


def run(context: Context, command: list[str]) -> str:
    done = subprocess.run(command, env=context.environment(), capture_output=True, text=True)
    if done.returncode != 0:
        raise Problem(f"{' '.join(command)} ended with {done.returncode}:\n{done.stderr[-2000:]}")
    return done.stdout


def forget(files: list[pathlib.Path]) -> bool:
    """Drops the files' pages from memory; False where most stay."""
    pages = resident = 0
    for file in files:
        descriptor = os.open(file, os.O_RDONLY)
        try:
            os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_DONTNEED)
            states = residency(descriptor)
        finally:
            os.close(descriptor)
        pages += len(states)
        resident += sum(state & 1 for state in states)
    return resident < 0.1 * pages


def residency(descriptor: int) -> bytes:
    """Whether each page of a file is in memory."""
    size = os.fstat(descriptor).st_size
    with mmap.mmap(descriptor, size, access=mmap.ACCESS_COPY) as view:
        states = (ctypes.c_ubyte * -(-size // mmap.PAGESIZE))()
        start = ctypes.c_char.from_buffer(view)
        status = ctypes.CDLL(None).mincore(ctypes.byref(start), ctypes.c_size_t(size), states)
        del start
    return bytes(states) if status == 0 else b"\1"
