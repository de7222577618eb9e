"""TRL's trainer with LossKit's objectives: steps equal to TRL's, accumulation, resumption, and two processes."""

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


def make(kind: type, directory: str, options: dict | None = None, **arguments: object) -> DPOTrainer:
    tokenizer = example.byte_tokenizer()
    defaults = {"ref_model": example.tiny_llama(tokenizer, 0), "train_dataset": example.reviews(80, 0)}
    return kind(
        example.tiny_llama(tokenizer, 0), args=config(directory, **(options or {})), processing_class=tokenizer,
        **{**defaults, **arguments},
    )  # fmt: skip


def run(kind: type, directory: str, options: dict | None = None, resume: str | None = None, **arguments: object) -> DPOTrainer:
    trainer = make(kind, directory, options, **arguments)
    trainer.train(resume_from_checkpoint=resume)
    return trainer


def column(trainer: DPOTrainer, name: str) -> list[float]:
    return [record[name] for record in trainer.state.log_history if name in record]


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

    def test_the_subclass_overrides_what_it_means_to(self) -> None:
        overridden = {
            "__init__", "_compute_loss", "get_batch_samples", "_save_checkpoint", "_load_optimizer_and_scheduler",
            "_load_best_model", "_set_signature_columns_if_needed", "compute_ref_log_probs",
        }  # fmt: skip
        inherited = {name for base in LossKitDPOTrainer.__mro__[1:] for name in vars(base)}
        own = set(vars(LossKitDPOTrainer)) - {"__module__", "__doc__", "__firstlineno__", "__static_attributes__"}
        self.assertEqual(own & inherited, overridden)
        self.assertEqual([name for name in own - overridden if not name.startswith("_losskit_")], [])
        added = vars(make(LossKitDPOTrainer, self.directory, loss="dpo")).keys() - vars(make(DPOTrainer, self.directory)).keys()
        # Tags, name and paper of model cards are attributes of TRL's class.
        names = [name for name in added if not name.startswith(("_losskit_", "losskit_"))]
        self.assertEqual(sorted(names), ["_name", "_paper", "_tag_names"])

    def test_evaluation_during_training_is_trls_own(self) -> None:
        options = {"max_steps": 4, "eval_strategy": "steps", "eval_steps": 2}
        held_out = {"eval_dataset": example.reviews(8, 1)}
        theirs = run(DPOTrainer, self.directory, options, **held_out)
        ours = run(LossKitDPOTrainer, self.directory, options, loss="dpo(beta=0.1)", **held_out)
        for name in ("eval_loss", "eval_rewards/margins", "eval_logps/chosen"):
            self.assertEqual(len(column(ours, name)), 2)
            for found, expected in zip(column(ours, name), column(theirs, name)):
                self.assert_close(found, expected, name)
        metrics = {"compute_metrics": lambda prediction: {"size": prediction.predictions.shape[0]}}
        last = run(LossKitDPOTrainer, self.directory, options, loss="simpo", ref_model=None, **held_out, **metrics)
        self.assertEqual(column(last, "eval_size"), [16, 16])

    def test_a_loss_without_a_reference_loads_none_and_runs_none(self) -> None:
        for loss, has_rewards in (("simpo", True), ("sft(per=batch-token)", False), ("cpo", True)):
            with self.subTest(loss):
                # TRL would load the reference by the model's name, which this model does not have.
                trainer = make(LossKitDPOTrainer, self.directory, {"max_steps": 3}, loss=loss, ref_model=None)
                self.assertIsNone(trainer.ref_model)
                passes = []
                trainer.model.register_forward_hook(lambda *ignored: passes.append(1))
                trainer.train()
                self.assertEqual(len(passes), 3)
                self.assertEqual(len(column(trainer, "rewards/margins")), 3 if has_rewards else 0)

    def test_what_a_loss_without_a_reference_leaves_out_is_said(self) -> None:
        options = {"max_steps": 1, "precompute_ref_log_probs": True, "sync_ref_model": True}
        with self.assertWarnsRegex(UserWarning, "ref_model, precompute_ref_log_probs=True .*, sync_ref_model=True .*: simpo"):
            run(LossKitDPOTrainer, self.directory, options, loss="simpo")

    def test_model_cards_name_the_objective(self) -> None:
        trainer = make(LossKitDPOTrainer, self.directory, loss="cal-dpo(beta=0.01)")
        trainer.create_model_card()
        card = (pathlib.Path(self.directory) / "README.md").read_text()
        self.assertIn("`cal-dpo(beta=0.01, calibration=1) @ log-ratio`", card)
        self.assertIn("papers/2412.14516", card)
        self.assertNotIn("2305.18290", card)
        self.assertEqual(trainer.model.model_tags, ["trl", "losskit", "cal-dpo"])
        self.assertIn("dpo", make(LossKitDPOTrainer, self.directory).model.model_tags)

    def test_the_columns_of_a_step_are_seen_as_one(self) -> None:
        shift = "dpo-shift(beta=0.1, steps=3, schedule=linear)"
        for loss in ("aot", "bco", "cpo", "ld-dpo(alpha=0.3) + 0.1*sft(per=batch-token)", "sampo", shift):
            with self.subTest(loss):
                steps = {"max_steps": 3, "learning_rate": 1e-2}
                parted = {**steps, "per_device_train_batch_size": 2, "gradient_accumulation_steps": 4}
                parts = run(LossKitDPOTrainer, self.directory, parted, loss=loss)
                whole = run(LossKitDPOTrainer, self.directory, {**steps, "per_device_train_batch_size": 8}, loss=loss)
                for name in ("loss", "grad_norm", "rewards/margins", "logps/chosen", "num_tokens"):
                    for found, expected in zip(column(parts, name), column(whole, name), strict=True):
                        self.assertLess(abs(found - expected), 2e-5 * max(1, abs(expected)), name)
                if (state := whole.losskit_objective.state) is not None:
                    torch.testing.assert_close(parts.losskit_objective.state, state, rtol=1e-5, atol=1e-6)

    def test_micro_batches_for_themselves_are_trls(self) -> None:
        # Steps so large that the order of the rewards differs from that of the reference, on which AOT depends.
        options = {"max_steps": 4, "gradient_accumulation_steps": 2, "loss_type": ["aot"], "learning_rate": 1e-2}
        theirs = run(DPOTrainer, self.directory, options)
        ours = run(LossKitDPOTrainer, self.directory, options, accumulation="micro-batch")
        for name in ("loss", "grad_norm", "rewards/margins"):
            for found, expected in zip(column(ours, name), column(theirs, name), strict=True):
                self.assert_close(found, expected, name)
        whole = run(LossKitDPOTrainer, self.directory, options)
        self.assertNotAlmostEqual(column(whole, "loss")[-1], column(ours, "loss")[-1], places=4)

    def test_scores_of_the_data_reach_the_objective(self) -> None:
        scores = [[5.0, 1.0], [3.0, 2.5], [0.25, 0.0], [4.0, 2.0], [1.5, 1.0], [9.0, 3.0], [0.5, 0.25], [7.0, 6.0]]
        chosen, rejected = map(list, zip(*scores))
        data = example.reviews(8, 0).add_column("chosen_score", chosen).add_column("rejected_score", rejected)
        zeros = [0.0] * 8
        logps = {f"{side}_{part}_logps": zeros for side in ("policy", "ref") for part in ("chosen", "rejected")}
        # Before the first step the policy is the reference, so the loss depends only on the offsets.
        expected = losskit.Objective("odpo").evaluate(**logps, chosen_scores=chosen, rejected_scores=rejected).loss
        for options in ({"precompute_ref_log_probs": True}, {"per_device_train_batch_size": 2, "gradient_accumulation_steps": 4}):
            with self.subTest(options):
                steps = {"per_device_train_batch_size": 8, "max_steps": 1, **options}
                trainer = make(LossKitDPOTrainer, self.directory, steps, loss="odpo", train_dataset=data)
                self.assert_close(trainer.evaluate(data)["eval_loss"], expected, "loss")
                trainer.train()
                self.assert_close(column(trainer, "loss")[0], expected, "loss")
        parted = {"max_steps": 2, "per_device_train_batch_size": 2, "gradient_accumulation_steps": 4}
        arguments = {"train_dataset": data, "loss": "odpo + 0.1*sft(per=batch-token)"}
        parts = run(LossKitDPOTrainer, self.directory, parted, **arguments)
        whole = run(LossKitDPOTrainer, self.directory, {"max_steps": 2, "per_device_train_batch_size": 8}, **arguments)
        for found, expected in zip(column(parts, "loss"), column(whole, "loss"), strict=True):
            self.assertLess(abs(found - expected), 2e-5 * expected)
        streamed = {"loss": "odpo", "train_dataset": data.remove_columns("rejected_score").to_iterable_dataset()}
        with self.assertRaisesRegex(losskit.LossKitError, "rejected_score"):
            run(LossKitDPOTrainer, self.directory, {"max_steps": 1}, **streamed)
        held_out = {"loss": "odpo", "train_dataset": data, "eval_dataset": {"new": example.reviews(2, 0)}}
        with self.assertRaisesRegex(losskit.LossKitError, r"eval_dataset\['new'\]: "):
            make(LossKitDPOTrainer, self.directory, **held_out)

    def test_a_resumed_run_goes_on_as_it_would_have(self) -> None:
        options = {"max_steps": 4, "save_strategy": "steps", "save_steps": 2}
        through = run(LossKitDPOTrainer, self.directory, options, loss="bco")
        resumed = run(LossKitDPOTrainer, self.directory, options, f"{self.directory}/checkpoint-2", loss="bco")
        self.assertEqual(resumed.losskit_objective.state.tolist(), through.losskit_objective.state.tolist())
        self.assertEqual(column(resumed, "loss")[-1], column(through, "loss")[-1])

    def test_a_checkpoint_of_another_objective_is_refused(self) -> None:
        options = {"max_steps": 2, "save_strategy": "steps", "save_steps": 1}
        run(LossKitDPOTrainer, self.directory, options, loss="bco")
        first = pathlib.Path(self.directory) / "checkpoint-1"
        for loss in ("bco(beta=0.2)", "beta-dpo", "dpo"):
            with self.subTest(loss), self.assertRaisesRegex(losskit.LossKitError, r"trained with bco\(beta=0.1\).*model="):
                run(LossKitDPOTrainer, self.directory, options, str(first), loss=loss)
        file = first / "losskit_state.json"
        saved = json.loads(file.read_text())
        file.write_text(json.dumps({**saved, "hash": "0" * 64}))
        with self.assertRaisesRegex(losskit.LossKitError, "its loss has changed since"):
            run(LossKitDPOTrainer, self.directory, options, str(first), loss="bco")
        file.write_text(json.dumps({"objective": saved["objective"], "state": saved["state"]}))  # As LossKit 1.0 wrote it.
        run(LossKitDPOTrainer, self.directory, options, str(first), loss="bco")
        for text in ("{", "[]", '{"objective": "bco"}'):
            file.write_text(text)
            with self.subTest(text), self.assertRaisesRegex(losskit.LossKitError, "_state.json: the objective cannot be read"):
                run(LossKitDPOTrainer, self.directory, options, str(first), loss="bco")
        file.unlink()
        with self.assertRaisesRegex(losskit.LossKitError, "losskit_state.json: the file does not exist"):
            run(LossKitDPOTrainer, self.directory, options, str(first), loss="bco")
        run(LossKitDPOTrainer, self.directory, options, str(first), loss="dpo")  # As if TRL's own trainer had made it.

    def test_the_best_model_comes_with_its_state(self) -> None:
        options = {
            "max_steps": 3, "save_strategy": "steps", "save_steps": 1, "eval_strategy": "steps", "eval_steps": 1,
            "load_best_model_at_end": True, "metric_for_best_model": "eval_rewards/margins", "greater_is_better": False,
        }  # fmt: skip
        trainer = run(LossKitDPOTrainer, self.directory, options, loss="bco", eval_dataset=example.reviews(8, 1))
        best = pathlib.Path(trainer.state.best_model_checkpoint)
        saved = {path.name: json.loads((path / "losskit_state.json").read_text()) for path in best.parent.glob("checkpoint-*")}
        self.assertEqual(best.name, "checkpoint-1")
        self.assertNotEqual(saved["checkpoint-1"]["state"], saved["checkpoint-3"]["state"])
        self.assertEqual(trainer.losskit_objective.state.tolist(), saved["checkpoint-1"]["state"])

    def test_what_makes_no_sense_is_refused(self) -> None:
        refusals = [
            ({"precompute_ref_log_probs": True}, {"loss": "ld-dpo"}, "precompute_ref_log_probs=True"),
            ({}, {"loss": "tdpo1"}, "loss: .* reads the column policy_kl"),
            ({}, {"loss": "odpo"}, "train_dataset: .* reads the column score, and .* no chosen_score and no rejected_score; add"),
            ({}, {"loss": "kto"}, "loss: .* not a loss of pairs"),
            ({}, {"loss": 1}, "loss: expected a text or a losskit.torch.Objective, not int"),
            ({}, {"loss": "dpo", "accumulation": "all"}, "accumulation: expected 'whole' or 'micro-batch', not 'all'"),
            ({"gradient_accumulation_steps": 2, "disable_dropout": False}, {"loss": "aot"}, "disable_dropout=False.*'micro-batch'"),
            ({"gradient_accumulation_steps": 2, "neftune_noise_alpha": 5}, {"loss": "aot"}, "neftune_noise_alpha=5.*'micro-batch'"),
        ]
        for options, arguments, words in refusals:
            with self.subTest(words), self.assertRaisesRegex(losskit.LossKitError, words):
                make(LossKitDPOTrainer, self.directory, options, **arguments)
        with self.assertRaisesRegex(losskit.LossKitError, "args: expected a trl.DPOConfig, not str"):
            LossKitDPOTrainer("model", args="config", loss="dpo")


class TwoProcessTests(unittest.TestCase):
    """Two processes with half of the batch each, compared with one that has the whole batch."""

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
        two = ["--batch", "4"], ["--batch", "4", "--fsdp"]
        accumulated, tokens = ["--batch", "2", "--accumulation", "2"], "ld-dpo(alpha=0.3) + 0.1*sft(per=batch-token)"
        for loss, ways in [("cal-dpo(beta=0.1)", two), ("aot", two), ("bco", two), ("simpo", two[1:]), (tokens, [accumulated])]:
            one = self.launch(1, "--loss", loss, "--batch", "8")
            for options in ways:
                with self.subTest(loss, options=options):
                    self.assert_alike(self.launch(2, "--loss", loss, *options), one)

    def assert_alike(self, two: dict[str, list[float]], one: dict[str, list[float]]) -> None:
        for name, tolerance in (("loss", 2e-5), ("grad_norm", 2e-4)):
            for found, expected in zip(two[name], one[name], strict=True):
                self.assertLess(abs(found - expected), tolerance * max(1, abs(expected)))


if __name__ == "__main__":
    unittest.main()
