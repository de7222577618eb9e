"""Tests of the harness, which need neither PyTorch nor LossKit."""

from __future__ import annotations

import argparse
import array
import contextlib
import io
import json
import os
import pathlib
import sys
import tempfile
import unittest
import xml.etree.ElementTree
from unittest import mock

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))

import bench  # noqa: E402
from harness import chart, table, text  # noqa: E402
from harness.duel import Effort, alone, check_agreement, duel  # noqa: E402
from harness.problem import Problem  # noqa: E402
from harness.results import Case, Growth, Limits, Measurement, Report, Section  # noqa: E402
from harness.sections import step  # noqa: E402
from harness.slope import slope  # noqa: E402
from harness.worker import Worker  # noqa: E402

# A worker whose calls take as many milliseconds as its case says.
STUB = """
import array, sys
for line in sys.stdin:
    words = line.split()
    if words[0] == "case":
        seconds = int(words[1]) / 1000
        print("ready")
    elif words[0] == "write":
        open(words[1], "wb").write(array.array("d", [1, 2]).tobytes())
        print("written")
    elif words[0] == "time":
        print(*[seconds] * int(words[1]))
    sys.stdout.flush()
"""


def stub(program: str = STUB) -> Worker:
    return Worker("stub", [sys.executable, "-c", program], dict(os.environ), os.sched_getaffinity(0))


def report() -> Report:
    measured = [Measurement("LossKit", 2e-6, None, 10**8, 10**6), Measurement("TRL", 3e-4, 1.5e-6, 2 * 10**8, 10**7)]
    sections = [
        Section("losses", "Loss & gradient", [Case("dpo, 8 pairs", measured, 0.75), Case("ipo", measured[:1])], "memory", ["Note."]),
        Section("logits", "Logits", [Case("[8, 128]", measured)], memory="extra"),
    ]
    growth = [Growth("pairs", "dpo", [(1000, 1e-6), (10_000, 1e-5), (100_000, 1e-4)])]
    return Report("make bench", ["A machine", "and its software"], Limits(40e9, 41e9, 500e9, None), sections, growth)


class TextTests(unittest.TestCase):
    def test_numbers_read_well(self) -> None:
        for seconds, words in ((2.5e-7, "250 ns"), (9.996e-7, "1.00 µs"), (0.0123, "12.3 ms"), (0.99951, "1.00 s"), (75, "75.0 s")):
            self.assertEqual(text.time(seconds), words)
        for value, words in ((0.54, "0.54×"), (1.96, "2.0×"), (9.96, "10×"), (13_812, "13,800×"), (99.7, "100×")):
            self.assertEqual(text.ratio(value), words)


class SlopeTests(unittest.TestCase):
    def test_powers_have_their_exponent(self) -> None:
        sizes = [10.0, 100.0, 1000.0]
        for power in (0.5, 1.0, 2.0):
            self.assertAlmostEqual(slope(sizes, [3 * size**power for size in sizes]), power)


class ReportTests(unittest.TestCase):
    def test_the_table_has_times_ratios_memory_and_shares(self) -> None:
        block = table.markdown(report())
        self.assertTrue(block.startswith(table.BEGIN) and block.endswith(table.END + "\n"))
        self.assertIn("| dpo, 8 pairs | 2.00 µs | 300 µs (200×) | 75 % |", block)
        self.assertIn("| ipo | 2.00 µs | – | – |", block)
        self.assertIn("| [8, 128] | 2.00 µs, 1 MB | 300 µs (200×), 10 MB |", block)
        self.assertIn("| dpo, by pairs | 1,000: 1.00 µs | 100,000: 100 µs | 1.00 |", block)

    def test_the_table_takes_its_place_in_a_document(self) -> None:
        document = f"before\n{table.BEGIN}\nold\n{table.END}\nafter\n"
        self.assertEqual(table.replaced(document, f"{table.BEGIN}\nnew\n{table.END}\n", "x"), document.replace("old", "new"))
        with self.assertRaisesRegex(Problem, "Benchmarks.md: the markers"):
            table.replaced("nothing", "", "Benchmarks.md")

    def test_the_rates_of_products_stand_beside_each_other(self) -> None:
        self.assertTrue(table.limits(Limits(40e9, 41e9, 500e9, None)).endswith("500 GFLOP/s in float32, none in bfloat16."))
        both = table.limits(Limits(40e9, 41e9, 500e9, 900e9, 200e9, 850e9))
        self.assertTrue(both.endswith("500 GFLOP/s in float32, 900 in bfloat16; by PyTorch: 200 and 850."))

    def test_the_chart_is_a_drawing_with_a_dot_for_each_ratio(self) -> None:
        root = xml.etree.ElementTree.fromstring(chart.svg(report()))
        titles = [element.text for element in root.iter("{http://www.w3.org/2000/svg}title")]
        self.assertEqual(titles, ["TRL: 300 µs, 200×"] * 2)

    def test_programs_read_ratios_and_slopes(self) -> None:
        figures = bench.figures(report())
        self.assertAlmostEqual(figures["sections"][0]["cases"][0]["measurements"][1]["ratio"], 200)
        self.assertAlmostEqual(figures["growth"][0]["slope"], 1)


class WorkerTests(unittest.TestCase):
    def test_sides_are_measured_in_turn(self) -> None:
        with stub() as ours, stub() as peer:
            for worker, milliseconds in ((ours, 2), (peer, 30)):
                worker.prepare(milliseconds)
                self.assertEqual(worker.results(), array.array("d", [1, 2]))
            own, theirs = duel(ours, peer, Effort(rounds=3, turn=0.1))
            self.assertEqual((set(own), set(theirs)), ({0.002}, {0.03}))
            self.assertEqual((len(own), len(theirs)), (48, 10))
            self.assertEqual(alone(peer, Effort(rounds=1)), 0.03)
            self.assertGreater(peer.peak_bytes, 1 << 20)

    def test_a_worker_that_ends_says_why(self) -> None:
        with stub("import sys; sys.stdin.readline(); sys.exit('no oneDNN')") as worker:
            with self.assertRaisesRegex(Problem, "stub, asked for 'case', ended:\nno oneDNN"):
                worker.prepare(1)
        with self.assertRaisesRegex(Problem, "make bench"):
            Worker("none", ["/nowhere"], {}, os.sched_getaffinity(0))


class AgreementTests(unittest.TestCase):
    def test_a_wrong_answer_is_not_measured(self) -> None:
        right = array.array("d", [1, 5, -3])
        check_agreement("here", array.array("d", [1, 5, -3.0001]), right, 1e-3)
        for wrong in ([1, 5, -3.1], [1.1, 5, -3], [1, float("nan"), -3], [1, 5]):
            with self.assertRaisesRegex(Problem, "^here: "):
                check_agreement("here", array.array("d", wrong), right, 1e-3)


class RunTests(unittest.TestCase):
    """Whole runs, with sections that take no time."""

    def run_with(self, words: list[str], sections: dict) -> tuple[int, str, pathlib.Path]:
        temporary = tempfile.TemporaryDirectory()
        self.addCleanup(temporary.cleanup)
        directory = pathlib.Path(temporary.name)
        for name in ("prefix", "drivers", "work"):
            (directory / name).mkdir()
            words = [*words, f"--{name}", str(directory / name)]
        finished = report()
        with (
            mock.patch.object(sys, "argv", ["bench.py", *words]), mock.patch.dict(bench.SECTIONS, sections),
            mock.patch.object(bench.interpreter, "find", return_value=(sys.executable, {})),
            mock.patch.object(bench.limits, "measure", return_value=finished.limits),
            mock.patch.object(bench.Context, "say"), contextlib.redirect_stdout(io.StringIO()) as printed,
            contextlib.redirect_stderr(io.StringIO()),
        ):  # fmt: skip
            return bench.main(), printed.getvalue(), directory / "work"

    @staticmethod
    def sections() -> dict:
        finished = report()
        found = {name: lambda _, name=name: Section(name, f"Title of {name}", []) for name in bench.SECTIONS}
        return {**found, "growth": lambda _: finished.growth}

    def test_all_sections_are_measured_unless_some_are_named(self) -> None:
        status, printed, work = self.run_with([], self.sections())
        self.assertEqual(status, 0)
        self.assertTrue(all(f"Title of {name}" in printed for name in bench.SECTIONS if name != "growth"))
        self.assertIn("cost grows", printed)
        self.assertEqual((work / "bench.md").read_text(), printed)
        self.assertIn("`make bench QUICK=1`", self.run_with(["--quick"], self.sections())[1])
        self.assertNotIn("Title of large-step", self.run_with(["--quick"], self.sections())[1])
        self.assertNotIn("Title of step", self.run_with(["--only", "losses"], self.sections())[1])

    def test_what_was_measured_before_a_problem_is_kept(self) -> None:
        def fails(_: object) -> None:
            raise Problem("the peer ended")

        status, printed, work = self.run_with([], {**self.sections(), "step": fails})
        self.assertEqual((status, printed), (1, ""))
        self.assertIn("Title of head", (work / "bench.md").read_text())
        self.assertEqual([section["name"] for section in json.loads((work / "bench.json").read_text())["sections"]], ["losses", "logits", "head"])


class StepTests(unittest.TestCase):
    def test_both_sides_compute_in_the_precision_that_is_named(self) -> None:
        place = pathlib.Path("model")
        self.assertIn("bf16=true", step.options(step.SMALL, "bfloat16", place, place))
        self.assertNotIn("bf16=true", step.options(step.SMALL, "float32", place, place))


class OptionTests(unittest.TestCase):
    def test_sections_are_known_by_name(self) -> None:
        self.assertEqual(bench.names("step, losses"), ["losses", "step"])
        with self.assertRaisesRegex(argparse.ArgumentTypeError, "no section 'loses'; choose from losses"):
            bench.names("loses")

    def test_threads_are_those_there_are(self) -> None:
        self.assertEqual(bench.threads("1"), 1)
        for words in ("0", "two", "100000"):
            with self.assertRaisesRegex(argparse.ArgumentTypeError, "choose from 1 to"):
                bench.threads(words)


if __name__ == "__main__":
    unittest.main()
