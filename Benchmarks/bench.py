"""Measures LossKit beside PyTorch, TRL and Liger, in one run; `make bench` calls it."""

from __future__ import annotations

import argparse
import dataclasses
import json
import os
import pathlib
import sys

from harness import chart, interpreter, machine, table
from harness.context import Context
from harness.problem import Problem
from harness.results import Report
from harness.sections import growth, head, limits, logits, losses, plugins, step

SECTIONS = {
    "losses": losses.measure, "logits": logits.measure, "head": head.measure, "step": step.measure, "large-step": step.measure_large, "plugins": plugins.measure,
    "growth": growth.measure,
}  # fmt: skip


# Sections without a peer, which need no environment.
ALONE = {"plugins", "growth"}


def names(text: str) -> list[str]:
    """Sections by name, in the order of the report."""
    wanted = [name.strip() for name in text.split(",")]
    for name in wanted:
        if name not in SECTIONS:
            raise argparse.ArgumentTypeError(f"there is no section '{name}'; choose from {', '.join(SECTIONS)}")
    return [name for name in SECTIONS if name in wanted]


def threads(text: str) -> int:
    """A number of threads, at most one per processor."""
    most = len(os.sched_getaffinity(0))
    if not text.isdecimal() or not 1 <= int(text) <= most:
        raise argparse.ArgumentTypeError(f"'{text}' is not a valid number of threads; choose from 1 to {most}")
    return int(text)


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="bench.py", description=__doc__)
    parser.add_argument("--prefix", type=pathlib.Path, required=True, help="where LossKit is installed")
    parser.add_argument("--drivers", type=pathlib.Path, required=True, help="directory of the drivers")
    parser.add_argument("--work", type=pathlib.Path, required=True, help="directory for the environment, results and temporary files")
    parser.add_argument("--quick", action="store_true", help="fewer and smaller cases: about three minutes")
    parser.add_argument("--only", type=names, metavar="A,B", help=f"sections: {', '.join(SECTIONS)}")
    parser.add_argument("--threads", type=threads, default=min(2, len(os.sched_getaffinity(0))), help="threads per process (default: 2)")
    parser.add_argument("--json", type=pathlib.Path, help="file for the figures (default: bench.json in --work)")
    parser.add_argument("--update", type=pathlib.Path, metavar="FILE", help="replaces the table between this file's markers")
    parser.add_argument("--svg", type=pathlib.Path, help="file for the chart (default: bench.svg in --work)")
    return parser.parse_args()


def context(options: argparse.Namespace) -> Context:
    places = {name: getattr(options, name).resolve() for name in ("prefix", "drivers", "work")}
    for name in ("prefix", "drivers"):
        if not places[name].is_dir():
            raise Problem(f"--{name} {places[name]}: there is no such directory; `make bench` makes it")
    options.work.mkdir(parents=True, exist_ok=True)
    return Context(**places, python=sys.executable, threads=options.threads, is_quick=options.quick)


def chosen(only: list[str] | None, is_quick: bool) -> list[str]:
    """The sections of a run: the named ones, or all of a full or quick run."""
    return only or [name for name in SECTIONS if not (is_quick and name == "large-step")]


def measure(options: argparse.Namespace) -> Report:
    """Measures all sections. The results are written after each one, so that a run that is stopped keeps them."""
    place = context(options)
    sections = chosen(options.only, options.quick)
    versions = {}
    if not ALONE.issuperset(sections):
        place.python, versions = interpreter.find(place.work)
    place.say("limits")
    place.limits = limits.measure(place, has_peer=bool(versions))
    report = Report(command(options), machine.describe(options.threads, versions), place.limits, [], [])
    for name in sections:
        place.say(name)
        found = SECTIONS[name](place)
        if name == "growth":
            report.growth = found
        else:
            report.sections.append(found)
        keep(report, options)
    return report


def command(options: argparse.Namespace) -> str:
    """The command of this run."""
    words = "make bench" + (" QUICK=1" if options.quick else "")
    return words + (f" ONLY={','.join(options.only)}" if options.only else "")


def keep(report: Report, options: argparse.Namespace) -> None:
    """Writes the table, the figures and the chart into files."""
    write(options.work / "bench.md", table.markdown(report))
    write(options.json or options.work / "bench.json", json.dumps(figures(report), indent=2) + "\n")
    write(options.svg or options.work / "bench.svg", chart.svg(report))


def figures(report: Report) -> dict:
    """The report as values for JSON, with ratios and exponents."""
    content = dataclasses.asdict(report)
    for section, written in zip(report.sections, content["sections"]):
        for case, record in zip(section.cases, written["cases"]):
            for measurement, entry in zip(case.measurements, record["measurements"]):
                entry["ratio"] = measurement.ratio
    for item, written in zip(report.growth, content["growth"]):
        written["slope"] = item.slope
    return content


def read(path: pathlib.Path) -> str:
    try:
        return path.read_text()
    except (OSError, UnicodeDecodeError) as error:
        raise Problem(f"{path}: cannot be read ({error}); name the file that has the markers") from error


def write(path: pathlib.Path, text: str) -> None:
    try:
        path.write_text(text)
    except OSError as error:
        raise Problem(f"{path}: cannot be written ({error.strerror}); choose another place") from error


def main() -> int:
    options = arguments()
    try:
        if options.update:
            table.replaced(read(options.update), "", str(options.update))
        content = table.markdown(measure(options))
        print(content, end="")
        if options.update:
            write(options.update, table.replaced(read(options.update), content, str(options.update)))
    except Problem as problem:
        print(f"bench: {problem}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
