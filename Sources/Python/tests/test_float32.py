"""Columns of float32, computed in every way: results equal those of doubles, or there is an error."""

from __future__ import annotations

import unittest
import warnings

import jax
import numpy as np
import torch
from batches import every_objective, random_batch, responses_of

import losskit
import losskit.jax
from losskit._source import function_of, module_of
from losskit.torch import Objective

# Tolerances relative to the loss and to the largest number of a gradient: computed in double and rounded; computed in float32.
ROUNDED, COMPUTED = 2.5e-7, 2e-6
# Objectives with a constant that is, or was, out of range for float32; only these are compiled, which takes long.
CONSTANTS = ("discopop", "gpo-exponential", "hpo", "alpha-po", "f-dpo", "orpo", "dil-ukl", "wpo(clamped=false)")


def cases() -> list[str]:
    rewards = [f"dpo @ {entry.name}" for entry in losskit.list("reward")]
    return [name for name in (*every_objective(), *rewards, "wpo(clamped=false)") if _is_resolved(name)]


def _is_resolved(name: str) -> bool:
    try:
        losskit.Objective(name)
    except losskit.LossKitError:
        return False
    return True


def batch(objective: losskit.Objective, seed: int = 0, scale: float = 1) -> dict[str, np.ndarray]:
    """Columns of float32, log-probabilities `scale` times as large as a policy's."""
    found = random_batch(objective, seed)
    return {
        name: array if name == "token_offsets" else (array * (scale if "logp" in name else 1)).astype(np.float32)
        for name, array in found.items()
    }


def doubles(columns: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    return {name: array if name == "token_offsets" else array.astype(np.float64) for name, array in columns.items()}


def tensors(objective: losskit.Objective, columns: dict[str, np.ndarray]) -> dict[str, torch.Tensor]:
    found = {name: torch.as_tensor(array) for name, array in columns.items()}
    for name, tensor in found.items():
        if name != "token_offsets" and objective.columns[name].differentiable:
            tensor.requires_grad_()
    return found


class Float32Tests(unittest.TestCase):
    def setUp(self) -> None:
        context = warnings.catch_warnings()
        context.__enter__()
        self.addCleanup(context.__exit__, None, None, None)
        warnings.simplefilter("ignore")

    def assert_near(self, found: object, expected: object, tolerance: float, words: str) -> None:
        found, expected = np.asarray(found, np.float64), np.asarray(expected)
        self.assertLessEqual(np.abs(found - expected).max(), tolerance * max(np.abs(expected).max(), 1e-30), words)

    def assert_agrees(self, loss: torch.Tensor, given: dict, expected: losskit.Evaluation, tolerance: float) -> None:
        self.assertEqual(loss.dtype, torch.float32)
        self.assert_near(loss.detach(), expected.loss, tolerance, "loss")
        loss.backward()
        for name, gradient in expected.gradients.items():
            if given[name].grad is not None:
                self.assertEqual(given[name].grad.dtype, torch.float32)
                self.assert_near(given[name].grad, gradient, tolerance, name)

    def test_every_objective_in_pytorch(self) -> None:
        for name in cases():
            objective = losskit.Objective(name)
            columns = batch(objective)
            expected = objective.evaluate(**doubles(columns))
            for way in ("native", "traced", "compiled"):
                torch._dynamo.reset()
                with self.subTest(name, way=way):
                    module = Objective(name, compute="native" if way == "native" else "traced")
                    # Inductor's code is tested if a constant is large, otherwise the graph from which it is generated.
                    backend = "inductor" if name in CONSTANTS else "aot_eager"
                    call = torch.compile(module, backend=backend) if way == "compiled" else module
                    given = tensors(objective, columns)
                    self.assert_agrees(call(**given)[0], given, expected, ROUNDED)

    def test_large_numbers_agree_or_are_refused(self) -> None:
        agreed = 0
        for name in cases():
            objective = losskit.Objective(name)
            for scale in (50, 5000):
                columns = batch(objective, 1, scale)
                try:
                    expected = objective.evaluate(**doubles(columns))
                except losskit.LossKitError:
                    expected = None
                given = tensors(objective, columns)
                with self.subTest(name, scale=scale):
                    try:
                        loss, _ = Objective(name, compute="traced")(**given)
                        loss.backward()
                    except losskit.LossKitError as problem:
                        self.assertRegex(str(problem), "infinity|NaN")
                        continue
                    self.assertIsNotNone(expected)
                    self.assert_near(loss.detach(), expected.loss, ROUNDED, "loss")
                    for column, gradient in expected.gradients.items():
                        if given[column].grad is not None:
                            self.assert_near(given[column].grad, gradient, ROUNDED, column)
                    agreed += 1
        self.assertGreater(agreed, 100)

    def test_a_device_without_doubles(self) -> None:
        for name in cases():
            objective = losskit.Objective(name)
            try:
                source = objective.export("torch", responses=responses_of(objective), references=max(1, objective.references))
            except losskit.LossKitError:
                continue
            with self.subTest(name):
                self.addCleanup(module_of.cache_clear)
                module_of(source)._kind = lambda column: (torch.float32, torch.device("cpu"))
                columns = batch(objective)
                expected = objective.evaluate(**doubles(columns))
                given = tensors(objective, columns)
                results = function_of(source)(**given)
                loss = (results[0] if isinstance(results, tuple) else results).mean()
                self.assert_agrees(loss, given, expected, COMPUTED)

    def test_every_objective_in_jax(self) -> None:
        self.addCleanup(jax.config.update, "jax_enable_x64", jax.config.jax_enable_x64)
        jax.config.update("jax_enable_x64", False)
        for name in cases():
            objective = losskit.Objective(name)
            columns = batch(objective)
            expected = objective.evaluate(**doubles(columns))
            offsets = columns.pop("token_offsets", None)
            wanted = {key: array for key, array in columns.items() if key in expected.gradients}
            others = {key: array for key, array in columns.items() if key not in wanted}
            function = losskit.jax.Objective(name)
            with self.subTest(name):
                loss, gradients = jax.jit(jax.value_and_grad(lambda given: function(**given, **others, token_offsets=offsets)))(wanted)
                self.assertEqual(loss.dtype, np.float32)
                self.assert_near(loss, expected.loss, COMPUTED, "loss")
                for key, gradient in gradients.items():
                    self.assert_near(gradient, expected.gradients[key], COMPUTED, key)

    def test_what_is_not_finite_names_the_prompt(self) -> None:
        columns = {name: np.zeros(3, np.float32) for name in ("policy_chosen_logps", "policy_rejected_logps", "ref_chosen_logps",
                                                              "ref_rejected_logps")}  # fmt: skip
        nan, large = np.array([0, np.nan, 0], np.float32), np.array([0, 0, -1000], np.float32)
        tracing = Objective("gpo-exponential", beta=1, compute="traced"), losskit.jax.Objective("gpo-exponential", beta=1)
        for function, convert in zip(tracing, (torch.as_tensor, np.asarray)):
            def call(**changed: np.ndarray) -> None:
                function(**{name: convert(array) for name, array in {**columns, **changed}.items()})

            with self.assertRaisesRegex(losskit.LossKitError, "ref_chosen_logps of prompt 2 is NaN") as caught:
                call(ref_chosen_logps=nan)
            self.assertEqual(caught.exception.prompt, 1)
            # e¹⁰⁰⁰ overflows float32 and double; the loss continues along a tangent there.
            with self.assertRaisesRegex(losskit.LossKitError, "loss.* is inf"):
                call(policy_chosen_logps=large)
        with self.assertRaisesRegex(losskit.LossKitError, "inf"):
            Objective("gpo-exponential", beta=1, compute="native")(
                **{name: torch.as_tensor(array) for name, array in {**columns, "policy_chosen_logps": large}.items()}
            )

    def test_nothing_is_looked_at_where_that_would_wait(self) -> None:
        module = torch.compile(Objective("dpo", compute="traced"), fullgraph=True, backend="aot_eager")
        nan = torch.tensor([0.0, float("nan")])
        loss, _ = module(policy_logp=torch.stack([nan, nan]), reference_logp=torch.zeros(2, 2))
        self.assertTrue(loss.isnan())


if __name__ == "__main__":
    unittest.main()
