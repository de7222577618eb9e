"""The event files of runs, read by TensorBoard itself. Needs the command of this build."""
import json
import os
import pathlib
import subprocess
import tempfile
import unittest

try:
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
except ImportError:
    EventAccumulator = None

BUILD = pathlib.Path(__file__).resolve().parents[3] / ".build"
COMMANDS = [path for path in (BUILD / "release/losskit", BUILD / "debug/losskit") if path.exists()]
# The newest build.
COMMAND = max(COMMANDS, key=lambda path: path.stat().st_mtime, default=None)


@unittest.skipIf(EventAccumulator is None or COMMAND is None, "needs tensorboard and the losskit command")
class TensorBoardTests(unittest.TestCase):
    def test_scalars_are_those_of_the_log(self):
        with tempfile.TemporaryDirectory() as directory:
            run = os.path.join(directory, "run")
            subprocess.run(
                [COMMAND, "train", "--loss", "dpo", "--train-size", "64", "--eval-size", "16", "--max-steps", "4",
                 "--logging-steps", "1", "--eval-steps", "2", "--hidden-size", "32", "--num-hidden-layers", "1",
                 "--report-to", "tensorboard", "--output", run], check=True, capture_output=True)
            events = EventAccumulator(run)
            events.Reload()
            with open(os.path.join(run, "metrics.jsonl"), encoding="utf-8") as log:
                lines = [json.loads(line) for line in log]
        for name, tag in (("loss", "train/loss"), ("grad_norm", "train/grad_norm"), ("eval_loss", "eval/loss")):
            expected = [(line["step"], line[name]) for line in lines if name in line]
            found = events.Scalars(tag)
            self.assertEqual([event.step for event in found], [step for step, _ in expected])
            for event, (_, value) in zip(found, expected):
                self.assertAlmostEqual(event.value, value, delta=1e-6 * abs(value))


if __name__ == "__main__":
    unittest.main()
