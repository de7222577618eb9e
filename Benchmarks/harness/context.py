"""The paths and settings that all sections share."""

from __future__ import annotations

import dataclasses
import os
import pathlib
import sys
import time

from .duel import Effort
from .results import Limits
from .worker import Worker

BENCHMARKS = pathlib.Path(__file__).resolve().parent.parent

# glibc keeps the pages that a program frees. PyTorch is at its best with these settings.
RETAINED = {
    "MALLOC_TRIM_THRESHOLD_": str(1 << 36), "MALLOC_MMAP_THRESHOLD_": str(1 << 36), "MALLOC_TOP_PAD_": str(1 << 26),
}  # fmt: skip
PAGES = {"as shipped": {}, "retained pages": RETAINED}


@dataclasses.dataclass
class Context:
    """The paths, processors and settings of a run."""

    prefix: pathlib.Path
    drivers: pathlib.Path
    work: pathlib.Path
    python: str
    threads: int
    is_quick: bool
    limits: Limits | None = None
    start: float = dataclasses.field(default_factory=time.monotonic)

    @property
    def processors(self) -> set[int]:
        """The processors that every process is bound to."""
        return set(sorted(os.sched_getaffinity(0))[: self.threads])

    @property
    def pages(self) -> list[str]:
        """The memory settings of PyTorch to measure; a quick run has only the first."""
        return list(PAGES)[: 1 if self.is_quick else None]

    @property
    def losskit(self) -> pathlib.Path:
        """The command."""
        return self.prefix / "bin/losskit"

    @property
    def plugins(self) -> pathlib.Path:
        """The directory of the plugins."""
        return self.prefix / "lib/losskit/plugins"

    def environment(self, more: dict[str, str] | None = None) -> dict[str, str]:
        """The environment of every process."""
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("MALLOC_", "LOSSKIT_"))}
        threads = {"OMP_NUM_THREADS": str(self.threads), "MKL_NUM_THREADS": str(self.threads)}
        caches = {
            "TORCHINDUCTOR_CACHE_DIR": str(self.work / "inductor"), "HF_HUB_OFFLINE": "1", "TOKENIZERS_PARALLELISM": "false",
            "HF_DATASETS_DISABLE_PROGRESS_BARS": "1", "HF_HOME": str(self.work / "hf"), "TRL_EXPERIMENTAL_SILENCE": "1",
            "CUDA_VISIBLE_DEVICES": "",
        }  # fmt: skip
        return {**kept, **threads, **caches, **(more or {})}

    def driver(self, name: str, *words: str) -> Worker:
        """A driver of LossKit."""
        return Worker(f"driver {name}", [str(self.drivers / name), *words], self.environment(), self.processors)

    def peer(self, name: str, *words: str, pages: str = "as shipped") -> Worker:
        """A peer in Python."""
        command = [self.python, str(BENCHMARKS / "peers" / f"{name}.py"), *words]
        return Worker(f"peer {name} {' '.join(words)}", command, self.environment(PAGES[pages]), self.processors)

    def effort(self, rounds: int, turn: float = 0.1, sample: float = 0.005) -> Effort:
        """How much is measured; less in a quick run."""
        return Effort(min(rounds, 2) if self.is_quick else rounds, sample, turn / 2 if self.is_quick else turn)

    def say(self, text: str) -> None:
        """Prints progress on standard error."""
        print(f"{time.monotonic() - self.start:6.0f} s  {text}", file=sys.stderr, flush=True)
