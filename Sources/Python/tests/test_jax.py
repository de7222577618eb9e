"""JAX functions: under jit and grad, against the plugin."""

from __future__ import annotations

import unittest
import warnings

import jax
import numpy as np
from batches import every_objective, random_batch

import losskit
from losskit.jax import Objective

jax.config.update("jax_enable_x64", True)


class AgreementTests(unittest.TestCase):
    def test_jit_and_grad_agree_with_the_plugin(self) -> None:
        for name in every_objective():
            objective = Objective(name)
            batch = random_batch(objective.objective)
            expected = objective.objective.evaluate(**batch)
            offsets = batch.pop("token_offsets", None)
            wanted = {key: value for key, value in batch.items() if key in expected.gradients}
            others = {key: value for key, value in batch.items() if key not in wanted}
            with self.subTest(name), warnings.catch_warnings():
                warnings.simplefilter("ignore")

                def loss(columns: dict) -> jax.Array:
                    return objective(**columns, **others, token_offsets=offsets)

                value, gradients = jax.jit(jax.value_and_grad(loss))(wanted)
                np.testing.assert_allclose(value, expected.loss, rtol=1e-10, atol=1e-14)
                for key, gradient in gradients.items():
                    np.testing.assert_allclose(gradient, expected.gradients[key], rtol=1e-10, atol=1e-14)

    def test_state_goes_in_and_out(self) -> None:
        objective = Objective("bco")
        batch = random_batch(objective.objective)
        expected = objective.objective.evaluate(**batch)
        _, state = objective.with_state(None, **batch)
        np.testing.assert_allclose(state, expected.state, rtol=1e-12)
        again, _ = objective.with_state(state, **batch)
        np.testing.assert_allclose(again, objective.objective.evaluate(**batch, state=np.array(state)).loss, rtol=1e-12)

    def test_bad_input(self) -> None:
        with self.assertRaisesRegex(losskit.LossKitError, "missing"):
            Objective("dpo")(policy_chosen_logps=np.zeros(2), policy_rejected_logps=np.zeros(2))


if __name__ == "__main__":
    unittest.main()
