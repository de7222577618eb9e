"""Times `losskit train` itself; the process is stopped between the rounds of a measurement."""

from __future__ import annotations

import array
import json
import os
import pathlib
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Sequence

from .problem import Problem
from .worker import KILO

CHECKED_STEPS = 2
METRICS = ("loss", "grad_norm", "logps/chosen", "logps/rejected")


class Training:
    """A run that logs every step. It is measured like a `Worker`; a call is a step."""

    def __init__(
        self, command: Sequence[str], pairs: int, environment: dict[str, str], processors: set[int], work: pathlib.Path
    ) -> None:
        self._directory = tempfile.mkdtemp(dir=work)
        self._output = pathlib.Path(self._directory) / "run"
        self._errors = tempfile.TemporaryFile(mode="w+")
        self._pairs = pairs
        self._process = subprocess.Popen(
            [*command, "--output", str(self._output)], env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
            stderr=self._errors, preexec_fn=lambda: os.sched_setaffinity(0, processors),
        )  # fmt: skip
        self._steps = 0
        self.resident_before = 0

    def __enter__(self) -> Training:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.wait()
        self._errors.close()
        shutil.rmtree(self._directory)

    def results(self) -> array.array:
        """The metrics of the first steps."""
        records = self._records(CHECKED_STEPS)
        self._stop()
        try:
            pathlib.Path(f"/proc/{self._process.pid}/clear_refs").write_text("5")
        except OSError:
            pass
        return array.array("d", [record[name] for record in records[:CHECKED_STEPS] for name in METRICS])

    def time(self, samples: int, calls: int) -> list[float]:
        """The seconds of the next steps, without the step in which the run was stopped."""
        self._process.send_signal(signal.SIGCONT)
        first = self._steps + 1
        records = self._records(first + samples * calls)[first:]
        self._stop()
        seconds = [self._pairs / record["pairs_per_second"] for record in records[: samples * calls]]
        return [sum(seconds[start : start + calls]) / calls for start in range(0, len(seconds), calls)]

    @property
    def peak_bytes(self) -> int:
        """The peak memory of the process since its first steps."""
        for line in pathlib.Path(f"/proc/{self._process.pid}/status").read_text().splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) * KILO
        return 0

    def _stop(self) -> None:
        self._process.send_signal(signal.SIGSTOP)
        # A line can arrive before the signal takes effect.
        time.sleep(0.01)
        self._steps = len(self._lines())

    def _records(self, count: int) -> list[dict]:
        """Waits for `count` lines of metrics and returns all of them."""
        while len(lines := self._lines()) < count:
            if self._process.poll() is not None:
                self._errors.seek(0)
                words = "\n".join(self._errors.read().strip().splitlines()[-12:])
                raise Problem(f"losskit train ended before step {count}:\n{words}")
            time.sleep(0.0005)
        return [json.loads(line) for line in lines]

    def _lines(self) -> list[str]:
        path = self._output / "metrics.jsonl"
        return path.read_text().split("\n")[:-1] if path.exists() else []
