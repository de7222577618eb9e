"""A bench for tiny trainings: starts them, and tells what became of them."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import os
import pathlib
import random
import shutil
import subprocess

POLICY = "--hidden-size 8 --intermediate-size 8 --num-hidden-layers 1 --num-attention-heads 2 --num-key-value-heads 1"
TRAINING = "--max-steps 8 --save-steps 2 --save-total-limit 2 --logging-steps 1 --eval-steps 4 --learning-rate 0.01"
# Runs whose references are stored as numbers, move along, and are evaluated in every call.
PLANS = {
    "stored": ["--loss", "dpo"],
    "moving": ["--loss", "dpo", "--sync-ref-model", "true", "--ref-model-sync-steps", "3"],
    "live": ["--loss", "kto"],
}
# The statuses of a refusal: a failure, usage, data, a plugin.
REFUSALS = (1, 64, 65, 69)


class Lost(Exception):
    """What must not be: another model, a lost checkpoint, a silent repair, a crash."""


@dataclasses.dataclass
class Ended:
    """A run of the command that ended."""

    status: int
    output: str
    notes: str

    @property
    def is_refused(self) -> bool:
        """Whether it ended by saying what is wrong."""
        return self.status in REFUSALS and "losskit: error: " in self.notes


class Bench:
    """One scenario's place: a directory, random numbers, and the command."""

    def __init__(self, losskit: pathlib.Path, shim: pathlib.Path, data: pathlib.Path, place: pathlib.Path, seed: str):
        self.losskit, self.shim, self.data, self.place = losskit, shim, data, place
        self.random = random.Random(seed)
        self.plan = self.random.choice(list(PLANS))
        self.run = place / "run"
        shutil.rmtree(place, ignore_errors=True)
        place.mkdir(parents=True)

    def words(self, *more: str, data: pathlib.Path | None = None) -> list[str]:
        """The training, new or resumed, whichever the directory asks for."""
        words = [str(self.losskit), "train", *PLANS[self.plan], *POLICY.split(), *TRAINING.split()]
        words += ["--data", str(data or self.data), "--eval-data", str(self.data), "--output", str(self.run), *more]
        return words + (["--resume"] if (self.run / "run.json").exists() else [])

    def environment(self, fault: str = "", **more: str) -> dict[str, str]:
        """The environment, with the shim where a fault is wanted."""
        values = {name: value for name, value in os.environ.items() if not name.startswith("LOSSKIT_")}
        values["XDG_CACHE_HOME"] = str(self.data.parent / "cache")
        if fault or more:
            values |= {"LD_PRELOAD": str(self.shim), "LOSSKIT_FAULT": fault, "LOSSKIT_FAULT_UNDER": str(self.run), **more}
        return values

    def start(self, words: list[str] | None = None, fault: str = "", **more: object) -> subprocess.Popen[bytes]:
        """Starts a command; what it writes goes into files."""
        more = {"stdout": (self.place / "out").open("wb"), "stderr": (self.place / "err").open("wb")} | more
        more = {"stdin": subprocess.DEVNULL, "env": self.environment(fault)} | more
        return subprocess.Popen(words or self.words(), **more)  # type: ignore[call-overload]

    def end(self, process: subprocess.Popen[bytes]) -> Ended:
        """Waits for a command."""
        try:
            status = process.wait(timeout=120)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            raise Lost(f"hung: {process.args}") from None
        return Ended(status, *((self.place / name).read_text(errors="replace") for name in ("out", "err")))

    def train(self, words: list[str] | None = None, fault: str = "", **more: object) -> Ended:
        """Runs a command to its end."""
        return self.end(self.start(words, fault, **more))

    def verify(self) -> Ended:
        """What `losskit verify` says of the run."""
        return self.train([str(self.losskit), "verify", str(self.run)])

    # What a run left.

    def steps(self) -> list[int]:
        """The steps of the checkpoints on the disk."""
        names = os.listdir(self.run) if self.run.is_dir() else []
        return sorted(int(name[11:]) for name in names if name.startswith("checkpoint-") and name[11:].isdigit())

    def model(self) -> dict[str, str]:
        """The digests of the model's files."""
        files = sorted(path for path in (self.run / "model").rglob("*") if path.is_file())
        return {str(path.relative_to(self.run)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}

    def result(self) -> dict[str, str]:
        """The digests of the model, and the metrics without times."""
        lines = [json.loads(line) for line in (self.run / "metrics.jsonl").read_text().splitlines()]
        for line in lines:
            line.pop("pairs_per_second", None)
        return self.model() | {"metrics.jsonl": json.dumps(lines)}

    def expect_same(self, expected: dict[str, dict[str, str]], ended: Ended) -> None:
        """Raises unless the run is finished with the model of an undisturbed one."""
        if ended.status != 0:
            raise Lost(f"status {ended.status}: {ended.notes}")
        found = self.result()
        different = [name for name in expected[self.plan] if found.get(name) != expected[self.plan][name]]
        if different or found.keys() != expected[self.plan].keys():
            raise Lost(f"another result: {different}")

    def expect_refusal(self, ended: Ended, *words: str) -> None:
        """Raises unless a command said what is wrong, in these words."""
        if not ended.is_refused or not all(word in ended.notes for word in words):
            raise Lost(f"no refusal with {words}, but status {ended.status}: {ended.notes}")

    def finish(self, expected: dict[str, dict[str, str]]) -> None:
        """Runs the training to its end, undisturbed, and compares; one that had no checkpoint yet starts anew."""
        ended = self.train()
        if ended.is_refused and not self.steps() and "stopped before its first checkpoint" in ended.notes:
            shutil.rmtree(self.run)
            ended = self.train()
        self.expect_same(expected, ended)
