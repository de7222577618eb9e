#!/usr/bin/env python3
"""Trainings whose surroundings fail: each ends with the same model as an undisturbed one, or says what is wrong. `make faults` calls it."""

from __future__ import annotations

import argparse
import concurrent.futures
import json
import os
import pathlib
import random
import shutil
import sys
import time
from collections import Counter
from collections.abc import Callable

import damage
import kills
import surroundings
from bench import PLANS, Bench, Lost


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="faults.py", description=__doc__)
    parser.add_argument("--losskit", type=pathlib.Path, required=True, help="the command")
    parser.add_argument("--shim", type=pathlib.Path, required=True, help="the library that makes calls fail")
    parser.add_argument("--work", type=pathlib.Path, required=True, help="directory for the runs")
    parser.add_argument("--seed", type=int, help="seed of everything random (default: another one each time)")
    parser.add_argument("--quick", action="store_true", help="a few of each: about 15 seconds")
    parser.add_argument("--only", metavar="NAME", help="one scenario, such as kills")
    return parser.parse_args()


class Faults:
    """All scenarios, and what became of them."""

    def __init__(self, options: argparse.Namespace):
        self.options = options
        self.seed = options.seed if options.seed is not None else random.SystemRandom().randrange(1 << 31)
        self.work = options.work.resolve()
        self.finished = self.work / "finished"
        self.failures: list[str] = []
        shutil.rmtree(self.work, ignore_errors=True)
        self.work.mkdir(parents=True)
        self.data = self.work / "data.jsonl"
        surroundings.data(self.data)
        self.expected: dict[str, dict[str, str]] = {}
        self.calls: dict[str, int] = {}
        self.seconds = 0.0

    def bench(self, place: pathlib.Path, seed: str) -> Bench:
        return Bench(self.options.losskit.resolve(), self.options.shim.resolve(), self.data, place, seed)

    def prepare(self) -> None:
        """Undisturbed runs: their results, the calls that write, and the time they take."""
        for plan in PLANS:
            bench = self.bench(self.finished / plan, plan)
            bench.plan = plan
            count = bench.place / "calls"
            began = time.monotonic()
            ended = bench.train(env=bench.environment("count:1", LOSSKIT_FAULT_COUNT=str(count)))
            self.seconds = max(self.seconds, time.monotonic() - began)
            if ended.status != 0:
                sys.exit(f"the undisturbed run failed: {ended.notes}")
            self.expected[plan] = bench.result()
            self.calls[plan] = int(count.read_text())

    def scenarios(self) -> dict[str, tuple[int, int, Callable[[Bench], str | int]]]:
        """By name: how many to do, how many in the quick form, and the scenario."""
        expected, finished, seconds = self.expected, self.finished, self.seconds
        return {
            "kills": (500, 6, lambda bench: kills.kill(bench, expected, self.calls, seconds)),
            "checkpoints": (200, 5, lambda bench: damage.checkpoint(bench, expected, finished)),
            "other files": (100, 3, lambda bench: damage.other(bench, expected, finished)),
            "disk": (100, 4, lambda bench: damage.disk(bench, expected, self.calls)),
            "file limit": (20, 1, lambda bench: damage.limit(bench, expected)),
            "signals": (40, 2, lambda bench: kills.send(bench, expected, seconds)),
            "descriptors": (40, 2, lambda bench: surroundings.descriptors(bench, expected)),
            "clocks": (20, 1, lambda bench: surroundings.clock(bench, expected)),
            "two at once": (30, 1, lambda bench: surroundings.two(bench, expected, seconds)),
            "changed": (40, 2, lambda bench: surroundings.changed(bench, expected, seconds)),
        }

    def one(self, name: str, number: int, scenario: Callable[[Bench], str | int]) -> str | int:
        """One case. What goes wrong is kept, with its directory."""
        place = self.work / f"{name.replace(' ', '-')}-{number}"
        try:
            outcome = scenario(self.bench(place, f"{self.seed} {name} {number}"))
        except (Lost, OSError, ValueError) as problem:
            self.failures.append(f"{name} {number} (in {place}): {problem!r}")
            return "lost"
        shutil.rmtree(place)
        return outcome

    def run(self) -> None:
        """Does everything and prints a line for each scenario."""
        self.prepare()
        figures = {}
        print(f"seed {self.seed}; an undisturbed run takes {self.seconds:.2f} s and writes with {self.calls} calls", flush=True)
        print(f"{'scenario':<12}{'cases':>7}{'same':>7}{'refused':>9}{'lost':>6}{'seconds':>9}")
        with concurrent.futures.ThreadPoolExecutor(len(os.sched_getaffinity(0))) as pool:
            for name, (full, quick, scenario) in self.scenarios().items():
                if self.options.only not in (None, name):
                    continue
                began, wanted, outcomes, cases, number = time.monotonic(), quick if self.options.quick else full, Counter(), 0, 0
                while cases < wanted:
                    # A run that is killed is as many cases as it has kills.
                    some = range(number, number + min(wanted - cases, 8 if name == "kills" else wanted))
                    number = some.stop
                    for outcome in pool.map(lambda number: self.one(name, number, scenario), some):
                        is_count = isinstance(outcome, int)
                        outcomes["same" if is_count else outcome] += outcome if is_count else 1
                        cases += outcome if is_count else 1
                took = time.monotonic() - began
                figures[name] = {"cases": cases, **outcomes, "seconds": round(took, 1)}
                print(f"{name:<12}{cases:>7}{outcomes['same']:>7}{outcomes['refused']:>9}{outcomes['lost']:>6}{took:>9.1f}", flush=True)
        (self.work / "faults.json").write_text(json.dumps({"seed": self.seed, **figures}, indent=2) + "\n")


def main() -> None:
    faults = Faults(arguments())
    faults.run()
    if faults.failures:
        print("\n".join(faults.failures), file=sys.stderr)
        sys.exit(f"{len(faults.failures)} lost; repeat with --seed {faults.seed}")
    print("Nothing is lost, and nothing is silent.")


if __name__ == "__main__":
    main()
