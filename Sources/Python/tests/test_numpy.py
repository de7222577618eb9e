"""The package with NumPy alone."""

from __future__ import annotations

import concurrent.futures
import contextlib
import doctest
import importlib.metadata
import importlib.util
import io
import os
import pathlib
import re
import subprocess
import sys
import unittest

import numpy as np
from batches import every_objective, random_batch

import losskit

PAIR = {
    "policy_chosen_logps": np.array([-10.0, -11.0]),
    "policy_rejected_logps": np.array([-12.0, -9.0]),
    "ref_chosen_logps": np.array([-11.0, -10.5]),
    "ref_rejected_logps": np.array([-11.0, -9.5]),
}


def logistic(x: np.ndarray) -> np.ndarray:
    return np.logaddexp(0, -x)


class VersionTests(unittest.TestCase):
    def test_the_package_has_the_version_of_the_library(self) -> None:
        self.assertEqual(losskit.__version__, losskit.version())
        self.assertEqual(importlib.metadata.version("losskit"), losskit.version())
        with self.assertRaises(AttributeError):
            losskit.no_such_thing


class CatalogTests(unittest.TestCase):
    def test_everything_is_listed_with_its_kind(self) -> None:
        names = {(entry.kind, entry.name) for entry in losskit.list()}
        self.assertLessEqual({("loss", "cal-dpo"), ("reward", "log-ratio"), ("objective", "f-dpo")}, names)
        self.assertTrue(all(entry.kind == "reward" for entry in losskit.list("reward")))

    def test_a_card_says_what_the_command_says(self) -> None:
        card = losskit.describe("cal-dpo")
        self.assertEqual(card["name"], "cal-dpo")
        self.assertEqual([item["name"] for item in card["hyperparameters"]], ["beta", "calibration"])

    def test_an_unknown_name_lists_the_nearest(self) -> None:
        for attempt in (lambda: losskit.describe("cal-dop"), lambda: losskit.Objective("cal-dop")):
            with self.assertRaisesRegex(losskit.LossKitError, "cal-dpo"):
                attempt()

    def test_a_registry_without_a_path_knows_nothing_until_a_file_is_opened(self) -> None:
        registry = losskit.Registry(default_path=False)
        self.assertEqual(registry.list(), [])
        entries = [entry for entry in losskit.list() if entry.name in ("dpo", "log-ratio")]
        for entry in entries:
            registry.open(entry.library)
        objective = losskit.Objective("dpo", registry=registry)
        registry.close()
        self.assertAlmostEqual(objective.evaluate(**PAIR).losses[0], float(logistic(np.array(0.2))))
        with self.assertRaises(losskit.LossKitError):
            registry.list()


class EvaluationTests(unittest.TestCase):
    def test_values_and_gradients_are_those_of_the_formula(self) -> None:
        result = losskit.Objective("dpo", beta=0.5).evaluate(**PAIR)
        margin = np.array([2.0, -1.0])
        np.testing.assert_allclose(result.losses, logistic(0.5 * margin), rtol=1e-13)
        self.assertAlmostEqual(result.loss, result.losses.mean(), places=14)
        slope = -0.5 / (1 + np.exp(0.5 * margin)) / 2
        np.testing.assert_allclose(result.gradients["policy_chosen_logps"], slope, rtol=1e-12)
        np.testing.assert_allclose(result.gradients["policy_rejected_logps"], -slope, rtol=1e-12)
        np.testing.assert_allclose(result.rewards, [[1, -0.5], [-1, 0.5]])
        self.assertAlmostEqual(result.metrics["rewards/margins"], 0.25)
        self.assertIsNone(result.state)
        total = losskit.Objective("dpo", beta=0.5).evaluate(**PAIR, reduction="sum")
        self.assertAlmostEqual(total.loss, 2 * result.loss)

    def test_any_layout_of_the_same_numbers_gives_the_same(self) -> None:
        objective = losskit.Objective("cal-dpo", beta=0.1)
        expected = objective.evaluate(**PAIR)
        layouts = {
            "every other": lambda x: np.repeat(x, 2)[::2],
            "backwards": lambda x: x[::-1].copy()[::-1],
            "read-only": lambda x: np.frombuffer(x.tobytes()),
            "unaligned": lambda x: np.frombuffer(b"." + x.tobytes(), dtype=np.uint8)[1:].view(np.float64),
            "big-endian": lambda x: x.astype(">f8"),
            "list": lambda x: x.tolist(),
            "float16": lambda x: x.astype(np.float16),
            "float32": lambda x: x.astype(np.float32),
        }
        for name, layout in layouts.items():
            with self.subTest(name):
                found = objective.evaluate(**{key: layout(value) for key, value in PAIR.items()})
                np.testing.assert_allclose(found.losses, expected.losses, rtol=1e-14)
                np.testing.assert_allclose(
                    found.gradients["policy_chosen_logps"], expected.gradients["policy_chosen_logps"], rtol=2e-7
                )
        whole = objective.evaluate(
            policy_logp=np.stack([PAIR["policy_chosen_logps"], PAIR["policy_rejected_logps"]]),
            reference_logp=np.stack([PAIR["ref_chosen_logps"], PAIR["ref_rejected_logps"]]),
        )
        self.assertEqual(whole.loss, expected.loss)
        self.assertEqual(whole.gradients["policy_logp"].shape, (2, 2))
        strided = objective.evaluate(
            policy_logp=np.stack([PAIR["policy_chosen_logps"], PAIR["policy_rejected_logps"]], axis=1).T,
            reference_logp=np.concatenate([PAIR["ref_chosen_logps"], PAIR["ref_rejected_logps"]]),
        )
        self.assertEqual(strided.loss, expected.loss)

    def test_every_objective_agrees_with_differences(self) -> None:
        step = 1e-6
        for name in every_objective():
            objective = losskit.Objective(name)
            batch = random_batch(objective)
            found = objective.evaluate(**batch)
            for column, gradient in found.gradients.items():
                with self.subTest(name, column=column):
                    direction = np.random.default_rng(1).normal(size=gradient.shape)
                    ends = [
                        objective.evaluate(**{**batch, column: batch[column] + sign * step * direction}).loss
                        for sign in (1, -1)
                    ]
                    difference = (ends[0] - ends[1]) / (2 * step)
                    size = np.abs(gradient * direction).sum() + abs(found.loss)
                    if not _stops_gradients(name):
                        self.assertLess(abs((gradient * direction).sum() - difference), 1e-6 * size + 1e-9)

    def test_rankings_of_different_length(self) -> None:
        objective = losskit.Objective("plackett-luce")
        draw = np.random.default_rng(3)
        batch = {name: draw.normal(-10, 1, (4, 3)) for name in ("policy_logp", "reference_logp")}
        together = objective.evaluate(**batch, counts=[4, 2, 3])
        for prompt, count in enumerate([4, 2, 3]):
            alone = objective.evaluate(**{name: array[:count, [prompt]] for name, array in batch.items()})
            self.assertAlmostEqual(together.losses[prompt], alone.loss, places=12)

    def test_state_is_carried_by_the_caller(self) -> None:
        objective = losskit.Objective("bco")
        batch = random_batch(objective)
        state = objective.initial_state()
        before = state.copy()
        first = objective.evaluate(**batch, state=state)
        self.assertIs(first.state, state)
        self.assertFalse(np.array_equal(before, state))
        again = objective.evaluate(**batch)
        self.assertEqual(again.loss, first.loss)

    def test_equal_seeds_give_equal_results(self) -> None:
        objective = losskit.Objective("sampo")
        batch = random_batch(objective, prompts=16)
        losses = [objective.evaluate(**batch, seed=seed).loss for seed in (1, 1, *range(2, 20))]
        self.assertEqual(losses[0], losses[1])
        self.assertGreater(len(set(losses)), 2)

    def test_many_threads_and_a_forked_process(self) -> None:
        objective = losskit.Objective("cal-dpo")
        expected = objective.evaluate(**PAIR).loss
        with concurrent.futures.ThreadPoolExecutor(8) as pool:
            self.assertEqual({f.loss for f in pool.map(lambda _: objective.evaluate(**PAIR), range(400))}, {expected})
        if child := os.fork():
            self.assertEqual(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), 0)
        else:
            os._exit(0 if objective.evaluate(**PAIR).loss == expected else 1)


def _stops_gradients(name: str) -> bool:
    """Methods whose published gradient is not that of their value: they stop gradients, or treat statistics as constants."""
    text = str(losskit.describe(name))
    return "stopGradient" in text or "stop_gradient" in text or "sg(" in text or "sg[" in text


class BadInputTests(unittest.TestCase):
    def assert_refused(self, words: str, text: str = "dpo", **columns: object) -> None:
        with self.assertRaises(losskit.LossKitError) as caught:
            losskit.Objective(text).evaluate(**{**PAIR, **columns})
        self.assertRegex(str(caught.exception), words)

    def test_what_is_wrong_is_named(self) -> None:
        self.assert_refused("policy_chosen_logps", policy_chosen_logps=np.array(["a", "b"]))
        self.assert_refused("policy_chosen_logps", policy_chosen_logps=np.ones((2, 2)))
        self.assert_refused("policy_rejected_logps: it is for 3 prompts, and policy_chosen_logps for 2", policy_rejected_logps=np.zeros(3))
        self.assert_refused("logps.*reads no such column", logps=np.zeros(2))
        self.assert_refused("NaN", ref_chosen_logps=np.array([0, np.nan]))
        self.assert_refused("inf", ref_chosen_logps=np.array([0, -np.inf]))
        self.assert_refused("reduction", reduction="median")
        self.assert_refused("counts", counts=[2, 2, 2])
        self.assert_refused("no prompts", **{name: np.zeros(0) for name in PAIR})
        self.assert_refused("keeps nothing", state=np.zeros(1))
        self.assert_refused("complex", policy_chosen_logps=np.zeros(2, complex))
        with self.assertRaisesRegex(losskit.LossKitError, "reference_logp"):
            losskit.Objective("dpo").evaluate(policy_chosen_logps=[1.0], policy_rejected_logps=[1.0])
        with self.assertRaisesRegex(losskit.LossKitError, "columns"):
            losskit.Objective("dpo").evaluate()

    def test_the_prompt_is_named(self) -> None:
        with self.assertRaises(losskit.LossKitError) as caught:
            losskit.Objective("dpo").evaluate(**{**PAIR, "ref_chosen_logps": np.array([0, np.nan])})
        self.assertEqual(caught.exception.prompt, 1)

    def test_hyperparameters_are_checked(self) -> None:
        for arguments, words in [({"beta": -1}, "beta"), ({"betta": 1}, "beta"), ({"beta": "much"}, "beta")]:
            with self.assertRaisesRegex(losskit.LossKitError, words):
                losskit.Objective("dpo", **arguments)

    def test_what_was_closed_says_so(self) -> None:
        objective = losskit.Objective("dpo")
        objective.close()
        with self.assertRaisesRegex(losskit.LossKitError, "closed"):
            objective.evaluate(**PAIR)

    def test_an_objective_outlives_its_registry_and_ends_after_those_who_use_it(self) -> None:
        registry = losskit.Registry()
        objective = losskit.Objective("cal-dpo", registry=registry)
        registry.close()
        with self.assertRaisesRegex(losskit.LossKitError, "closed"):
            registry.describe("dpo")
        with self.assertRaisesRegex(losskit.LossKitError, "closed"):
            losskit.Objective("dpo", registry=registry)
        expected = objective.evaluate(**PAIR).loss

        def use(_: int) -> float | str:
            try:
                return objective.evaluate(**PAIR).loss
            except losskit.LossKitError as problem:
                return str(problem)

        with concurrent.futures.ThreadPoolExecutor(4) as pool:
            found = [pool.submit(use, index) for index in range(400)]
            found[20].result()
            objective.close()
            outcomes = [future.result() for future in found]
        self.assertTrue(all(outcome == expected or "closed" in str(outcome) for outcome in outcomes))
        self.assertEqual(outcomes[0], expected)
        self.assertIn("closed", str(use(0)))

    def test_a_missing_library_says_what_to_do(self) -> None:
        environment = {**os.environ, "LOSSKIT_LIBRARY": "/nowhere/liblosskit.so"}
        code = "import losskit\ntry: losskit.list()\nexcept losskit.LossKitError as problem: print(problem)"
        result = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)
        self.assertIn("/nowhere/liblosskit.so: the native library is missing; install", result.stdout)

    def test_the_package_includes_the_program_that_opens_plugins_for_the_index(self) -> None:
        index = losskit._library.library_path().parent / "losskit" / "losskit-index"
        plugin = next(entry.library for entry in losskit.list() if entry.name == "dpo")
        # It writes its findings to file 3.
        result = subprocess.run(f"exec 3>&1; '{index}' '{plugin}'", shell=True, capture_output=True, text=True, check=True)
        self.assertIn("offer\tloss\tdpo\t", result.stdout)


class ExportTests(unittest.TestCase):
    def test_python_code_of_every_objective_gives_the_same(self) -> None:
        for name in every_objective():
            objective = losskit.Objective(name)
            with self.subTest(name):
                try:
                    source = objective.export("python")
                except losskit.LossKitError as problem:
                    self.assertRegex(str(problem), "export")
                    continue
                space: dict[str, object] = {}
                exec(source, space)
                function = [value for key, value in space.items() if callable(value) and not key.startswith("_")][-1]
                batch = random_batch(objective)
                expected = objective.evaluate(**batch, reduction="sum")
                found = function(**batch)
                np.testing.assert_allclose(found["loss"], expected.losses, rtol=1e-10, atol=1e-300)
                for column, gradient in found["gradients"].items():
                    np.testing.assert_allclose(gradient, expected.gradients[column], rtol=1e-10, atol=1e-14)


class DocumentationTests(unittest.TestCase):
    def test_the_host_example_runs(self) -> None:
        example = pathlib.Path(__file__).resolve().parents[3] / "Examples" / "Hosts" / "Python" / "host.py"
        run = subprocess.run([sys.executable, str(example)], capture_output=True, text=True, check=True)
        self.assertIn("loss 46.970095", run.stdout)
        self.assertRegex(run.stdout, "refused: .*NaN")

    def test_the_examples_of_the_package_run(self) -> None:
        self.assertEqual(doctest.testmod(losskit).failed, 0)
        readme = pathlib.Path(__file__).parent.parent / "README.md"
        snippets = re.findall(r"```python\n(.*?)```", readme.read_text(encoding="utf-8"), flags=re.DOTALL)
        self.assertGreater(len(snippets), 1)
        for snippet in snippets:
            if "torch" not in snippet or importlib.util.find_spec("torch"):
                with contextlib.redirect_stdout(io.StringIO()):
                    exec(snippet, {})


def _log_softmax(logits: np.ndarray) -> np.ndarray:
    shifted = logits.astype(np.float64) - logits.max(-1, keepdims=True)
    return shifted - np.log(np.exp(shifted).sum(-1, keepdims=True))


class LogProbTests(unittest.TestCase):
    def setUp(self) -> None:
        draw = np.random.default_rng(3)
        self.logits = draw.normal(0, 4, (2, 5, 301)).astype(np.float32)
        self.reference = draw.normal(0, 4, (2, 5, 301)).astype(np.float32)
        self.labels = draw.integers(0, 301, (2, 5))
        self.mask = np.array([[0, 1, 1, 1, 0], [1, 1, 1, 0, 0]])
        self.draw = draw

    def test_values_are_those_of_the_formulas(self) -> None:
        found = losskit.log_probs(
            self.logits, self.labels, mask=self.mask, entropy=True, collision=True, reference=self.reference
        )
        logs, others = _log_softmax(self.logits), _log_softmax(self.reference)
        expected = {
            "values": np.take_along_axis(logs, self.labels[..., None], -1)[..., 0],
            "entropy": -(np.exp(logs) * logs).sum(-1),
            "log_collision": np.log(np.exp(2 * logs).sum(-1)),
            "divergence": (np.exp(others) * (others - logs)).sum(-1),
        }
        for name, values in expected.items():
            np.testing.assert_allclose(getattr(found, name), values * self.mask, rtol=1e-6, atol=2e-6, err_msg=name)

    def test_the_gradient_is_that_of_the_formulas(self) -> None:
        found = losskit.log_probs(self.logits, self.labels, mask=self.mask, entropy=True)
        by_value, by_entropy = self.draw.normal(0, 1, (2, 2, 5))
        logs = _log_softmax(self.logits)
        chances, rows = np.exp(logs), self.mask[..., None]
        expected = by_value[..., None] * (np.eye(301)[self.labels] - chances)
        expected -= by_entropy[..., None] * chances * (logs - (chances * logs).sum(-1, keepdims=True))
        gradient = found.gradient(by_value, entropy=by_entropy)
        self.assertEqual(gradient.dtype, np.float32)
        np.testing.assert_allclose(gradient, expected * rows, rtol=1e-5, atol=1e-6)
        logits = self.logits.copy()
        scored = losskit.log_probs(logits, self.labels, mask=self.mask, entropy=True)
        self.assertIs(scored.gradient(by_value, entropy=by_entropy, out=logits), logits)
        np.testing.assert_array_equal(logits, gradient)

    def test_half_precision_rows_apart_and_one_thread(self) -> None:
        wide = np.zeros((10, 320), np.float16)
        wide[:, :301] = self.logits.reshape(10, 301)
        rows, labels = wide[:, :301], self.labels.reshape(-1).astype(np.uint16)
        found = losskit.log_probs(rows, labels, threads=1)
        expected = np.take_along_axis(_log_softmax(rows), labels[:, None].astype(int), -1)[:, 0]
        np.testing.assert_allclose(found.values, expected, rtol=1e-6, atol=2e-6)
        found.gradient(np.ones(10), out=rows)
        self.assertEqual(np.abs(wide[:, 301:]).sum(), 0)
        np.testing.assert_allclose(rows.astype(np.float64).sum(-1), 0, atol=2e-2)

    def test_what_is_wrong_names_the_row_and_writes_nothing(self) -> None:
        def assert_refused(words: str, *arguments: object, **options: object) -> None:
            with self.assertRaisesRegex(losskit.LossKitError, words):
                losskit.log_probs(*arguments, **options)

        labels = self.labels.copy()
        labels[1, 2] = 301
        assert_refused("row 7: the label is 301", self.logits, labels)
        labels[1, 2] = 2**32 + 1
        assert_refused("row 7: the label is 4294967297", self.logits, labels)
        losskit.log_probs(self.logits, labels, mask=np.arange(10).reshape(2, 5) != 7)
        spoiled = self.logits.copy()
        spoiled[0, 3, 4] = np.nan
        assert_refused("row 3: logit 4 is NaN", spoiled, self.labels)
        spoiled[0, 3] = -np.inf
        assert_refused("row 3: every logit is -infinity", spoiled, self.labels)
        assert_refused("float32, float16 or bfloat16", self.logits.astype(np.float64), self.labels)
        assert_refused("float32, float16 or bfloat16", self.logits.tolist(), self.labels)
        assert_refused("evenly spaced", self.logits[:, :-1], self.labels[:, :-1])
        assert_refused("evenly spaced", self.logits.transpose(2, 0, 1), np.zeros((301, 2), int))
        assert_refused("labels: its shape", self.logits, self.labels[0])
        assert_refused("whole numbers", self.logits, self.labels * 1.0)
        assert_refused("mask: its shape", self.logits, self.labels, mask=self.mask[0])
        assert_refused("reference: its shape", self.logits, self.labels, reference=self.reference[:1])
        assert_refused("vocabulary", self.logits[0, 0], self.labels)

        kept = self.logits.copy()
        found = losskit.log_probs(self.logits, self.labels)
        endless = np.zeros((2, 5))
        endless[1, 0] = np.inf
        with self.assertRaisesRegex(losskit.LossKitError, "row 5"):
            found.gradient(endless, out=self.logits)
        with self.assertRaisesRegex(losskit.LossKitError, "forward pass did not compute"):
            found.gradient(entropy=np.ones((2, 5)), out=self.logits)
        shared = np.concatenate([self.logits.ravel(), np.zeros(301, np.float32)])
        scored = losskit.log_probs(shared[:3010].reshape(2, 5, 301), self.labels)
        with self.assertRaisesRegex(losskit.LossKitError, "overlaps"):
            scored.gradient(np.ones((2, 5)), out=shared[301:].reshape(2, 5, 301))
        frozen = self.logits.copy()
        frozen.flags.writeable = False
        with self.assertRaisesRegex(losskit.LossKitError, "read-only"):
            found.gradient(np.ones((2, 5)), out=frozen)
        with self.assertRaisesRegex(losskit.LossKitError, "out: an array"):
            found.gradient(np.ones((2, 5)), out=self.logits[0])
        np.testing.assert_array_equal(self.logits, kept)


if __name__ == "__main__":
    unittest.main()
