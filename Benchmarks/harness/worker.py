"""A process that measures itself on request: a driver in C or Swift, or a peer in Python (see drivers/worker.h)."""

from __future__ import annotations

import array
import os
import pathlib
import subprocess
import tempfile
from collections.abc import Sequence

from .problem import Problem

KILO = 1024


class Worker:
    """A driver or peer, for use in a `with` block; the process ends with the block."""

    def __init__(self, name: str, command: Sequence[str], environment: dict[str, str], processors: set[int]) -> None:
        self.name = name
        self._errors = tempfile.TemporaryFile(mode="w+")
        try:
            self._process = subprocess.Popen(
                command, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self._errors, text=True,
                bufsize=1, preexec_fn=lambda: os.sched_setaffinity(0, processors),
            )  # fmt: skip
        except OSError as error:
            self._errors.close()
            raise Problem(f"{command[0]}: {error.strerror}; run `make bench`, which builds it") from error
        self.resident_before = 0

    def __enter__(self) -> Worker:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.stdin.close()
        try:
            self._process.wait(timeout=5)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._process.stdout.close()
        self._errors.close()

    def prepare(self, *words: object) -> None:
        """Makes the inputs of a case."""
        self._ask("case", *words)
        self.resident_before = self._status("VmRSS")

    def results(self) -> array.array:
        """Computes once, which also warms up, and returns the results."""
        with tempfile.TemporaryDirectory() as directory:
            path = pathlib.Path(directory) / "results"
            self._ask("write", path)
            values = array.array("d", path.read_bytes())
        self._reset_peak()
        return values

    def time(self, samples: int, calls: int) -> list[float]:
        """The mean seconds of a call, for each sample."""
        return [float(word) for word in self._ask("time", samples, calls).split()]

    @property
    def peak_bytes(self) -> int:
        """The peak memory of the process since its first results."""
        return self._status("VmHWM")

    def _ask(self, *words: object) -> str:
        try:
            self._process.stdin.write(" ".join(map(str, words)) + "\n")
            answer = self._process.stdout.readline()
        except BrokenPipeError:
            answer = ""
        if not answer:
            self._process.wait()
            raise Problem(f"{self.name}, asked for '{words[0]}', ended:\n{self._last_errors()}")
        return answer.strip()

    def _last_errors(self) -> str:
        self._errors.seek(0)
        return "\n".join(self._errors.read().strip().splitlines()[-12:]) or "(no message)"

    def _status(self, key: str) -> int:
        for line in pathlib.Path(f"/proc/{self._process.pid}/status").read_text().splitlines():
            if line.startswith(key + ":"):
                return int(line.split()[1]) * KILO
        return 0

    def _reset_peak(self) -> None:
        # Where the kernel does not allow it, the peak is that of the whole process, which is never smaller.
        try:
            pathlib.Path(f"/proc/{self._process.pid}/clear_refs").write_text("5")
        except OSError:
            pass
