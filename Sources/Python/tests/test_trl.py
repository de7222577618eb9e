"""TRL's trainer with LossKit's objectives: step for step its own, and on two processes as on one."""

from __future__ import annotations

import json
import os
import pathlib
import subprocess
import sys
import tempfile
import unittest

os.environ["HF_DATASETS_DISABLE_PROGRESS_BARS"] = "1"
os.environ["HF_HUB_OFFLINE"] = "1"

import torch  # noqa: E402
from trl import DPOConfig, DPOTrainer  # noqa: E402

import losskit  # noqa: E402
from losskit.trl import LossKitDPOTrainer  # noqa: E402

EXAMPLES = pathlib.Path(__file__).resolve().parent.parent / "examples"
sys.path.insert(0, str(EXAMPLES))
import train as example  # noqa: E402


def config(directory: str, **options: object) -> DPOConfig:
    return DPOConfig(**{
        "output_dir": directory, "per_device_train_batch_size": 4, "max_steps": 20, "logging_steps": 1, "learning_rate": 1e-3,
        "report_to": [], "save_strategy": "no", "seed": 0, "use_cpu": True, "bf16": False, "gradient_checkpointing": False,
        "disable_tqdm": True, "dataloader_pin_memory": False, **options,
    })  # fmt: skip


def run(kind: type, directory: str, options: dict | None = None, **arguments: object) -> DPOTrainer:
    tokenizer = example.byte_tokenizer()
    trainer = kind(
        example.tiny_llama(tokenizer, 0), ref_model=example.tiny_llama(tokenizer, 0), args=config(directory, **(options or {})),
        train_dataset=example.reviews(80, 0), processing_class=tokenizer, **arguments,
    )  # fmt: skip
    trainer.train()
    return trainer


class TrainerTests(unittest.TestCase):
    def setUp(self) -> None:
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.directory = folder.name

    def assert_close(self, found: float, expected: float, message: str) -> None:
        self.assertLess(abs(found - expected), 1e-6 * max(1, abs(expected)), message)

    def test_dpo_is_trls_own_step_for_step(self) -> None:
        for precompute in (False, True):
            options = {"precompute_ref_log_probs": precompute}
            theirs = run(DPOTrainer, self.directory, options)
            ours = run(LossKitDPOTrainer, self.directory, options, loss="dpo(beta=0.1)")
            for step, (found, expected) in enumerate(zip(ours.state.log_history, theirs.state.log_history)):
                for name, value in expected.items():
                    if "runtime" not in name and "per_second" not in name and name != "total_flos":
                        self.assert_close(found[name], value, f"step {step}: {name}")
            for (name, found), expected in zip(ours.model.named_parameters(), theirs.model.parameters()):
                torch.testing.assert_close(found, expected, rtol=1e-6, atol=1e-7, msg=name)

    def test_every_pair_objective_that_the_trainer_can_feed_takes_steps(self) -> None:
        trained, refused = [], []
        for entry in losskit.list("loss") + losskit.list("objective"):
            try:
                trainer = run(LossKitDPOTrainer, self.directory, {"max_steps": 2}, loss=entry.name)
            except losskit.LossKitError as problem:
                self.assertRegex(str(problem), "reads the column|not a loss of pairs|references", entry.name)
                refused.append(entry.name)
                continue
            losses = [record["loss"] for record in trainer.state.log_history if "loss" in record]
            self.assertTrue(all(torch.isfinite(torch.tensor(losses))), f"{entry.name}: {losses}")
            trained.append(entry.name)
        self.assertGreater(len(trained), 45, refused)
        self.assertIn("ld-dpo", trained)
        self.assertIn("wpo", trained)

    def test_rewards_are_those_of_the_objective(self) -> None:
        trainer = run(LossKitDPOTrainer, self.directory, {"max_steps": 2}, loss="simpo")
        self.assertLess(trainer.state.log_history[0]["rewards/chosen"], -1)

    def test_the_state_is_saved_and_resumed(self) -> None:
        options = {"max_steps": 2, "save_strategy": "steps", "save_steps": 1}
        first = run(LossKitDPOTrainer, self.directory, options, loss="bco")
        saved = json.loads((pathlib.Path(self.directory) / "checkpoint-2" / "losskit_state.json").read_text())
        self.assertEqual(saved["state"], first.losskit_objective.state.tolist())

    def test_what_makes_no_sense_is_refused(self) -> None:
        refusals = [
            ({"loss_type": ["ipo"]}, "dpo", "loss_type"),
            ({"ld_alpha": 0.5}, "dpo", "ld-dpo"),
            ({"gradient_accumulation_steps": 2}, "aot", "gradient_accumulation_steps"),
            ({"precompute_ref_log_probs": True, "max_steps": 1}, "ld-dpo", "precompute"),
            ({}, "tdpo1", "policy_kl"),
        ]
        for options, loss, words in refusals:
            with self.subTest(words), self.assertRaisesRegex(losskit.LossKitError, words):
                run(LossKitDPOTrainer, self.directory, options, loss=loss)


class TwoProcessTests(unittest.TestCase):
    """Two processes with half the batch each, against one with all of it."""

    def launch(self, processes: int, *options: str) -> dict[str, list[float]]:
        with tempfile.TemporaryDirectory() as directory:
            command = [
                sys.executable, "-m", "torch.distributed.run", f"--nproc-per-node={processes}", "--master-port=0",
                "--rdzv-backend=c10d", "--rdzv-endpoint=localhost:0", str(pathlib.Path(__file__).parent / "distributed.py"), *options,
            ]  # fmt: skip
            environment = {**os.environ, "OMP_NUM_THREADS": "1", "LOSSKIT_TEST_OUTPUT": directory}
            result = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=300)
            self.assertEqual(result.returncode, 0, result.stderr[-3000:])
            return json.loads((pathlib.Path(directory) / "result.json").read_text())

    def test_ddp_and_fsdp_give_the_loss_and_gradient_of_one_process(self) -> None:
        for loss in ("cal-dpo(beta=0.1)", "aot", "bco"):
            one = self.launch(1, "--loss", loss, "--batch", "8")
            for extra in ((), ("--fsdp",)):
                with self.subTest(loss, extra=extra):
                    two = self.launch(2, "--loss", loss, "--batch", "4", *extra)
                    for found, expected in zip(two["loss"], one["loss"]):
                        self.assertLess(abs(found - expected), 2e-5 * max(1, abs(expected)))
                    for found, expected in zip(two["grad_norm"], one["grad_norm"]):
                        self.assertLess(abs(found - expected), 2e-4 * max(1, abs(expected)))


if __name__ == "__main__":
    unittest.main()
