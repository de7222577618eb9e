"""Tests with NumPy alone: errors name invalid arguments, and objectives can be copied."""

from __future__ import annotations

import copy
import pickle
import subprocess
import sys
import unittest

import numpy as np
from batches import every_objective

import losskit

PAIR = {
    "policy_chosen_logps": np.array([-10.0, -20.0]),
    "policy_rejected_logps": np.array([-12.0, -19.0]),
    "ref_chosen_logps": np.array([-11.0, -18.0]),
    "ref_rejected_logps": np.array([-11.0, -18.0]),
}
LOGITS = np.zeros((2, 3), np.float32)


class Conversion:
    """A value whose conversion to an array raises."""

    def __array__(self, *_: object, **__: object) -> np.ndarray:
        raise RuntimeError("it lies elsewhere")


class WrongArgumentTests(unittest.TestCase):
    def test_no_argument_of_another_type_leaves_another_exception(self) -> None:
        dpo = losskit.Objective("dpo")
        calls = {
            "text": losskit.Objective,
            "reward": lambda value: losskit.Objective("dpo", reward=value),
            "settings": lambda value: losskit.Objective("dpo", settings=value),
            "beta": lambda value: losskit.Objective("dpo", beta=value),
            "registry": lambda value: losskit.Objective("dpo", registry=value),
            "name": losskit.describe,
            "kind": losskit.list,
            "directories": losskit.Registry,
            "allowed_digests": lambda value: losskit.Registry(allowed_digests=value),
            "path": losskit.Registry().open,
            "format": dpo.export,
            "responses": lambda value: dpo.export("c", responses=value),
            "references": lambda value: dpo.export("c", references=value),
            "ref_chosen_logps": lambda value: dpo.evaluate(**{**PAIR, "ref_chosen_logps": value}),
            "counts": lambda value: dpo.evaluate(**PAIR, counts=value),
            "token_offsets": lambda value: dpo.evaluate(**PAIR, token_offsets=value),
            "seed": lambda value: dpo.evaluate(**PAIR, seed=value),
            "state": lambda value: losskit.Objective("bco").evaluate(**PAIR, state=value),
            "reduction": lambda value: dpo.evaluate(**PAIR, reduction=value),
            "logits": lambda value: losskit.log_probs(value, [0, 1]),
            "labels": lambda value: losskit.log_probs(LOGITS, value),
            "mask": lambda value: losskit.log_probs(LOGITS, [0, 1], mask=value),
            "threads": lambda value: losskit.log_probs(LOGITS, [0, 1], threads=value),
            "values": lambda value: losskit.log_probs(LOGITS, [0, 1]).gradient(value),
            "out": lambda value: losskit.log_probs(LOGITS, [0, 1]).gradient([1, 1], out=value),
        }
        optional = {"reward", "settings", "registry", "kind", "allowed_digests", "responses", "references", "counts", "token_offsets",
                    "state", "mask", "values", "out"}  # fmt: skip
        for name, call in calls.items():
            for value in (object(), Conversion(), b"x", 1.5, -7, True, [[1], [1, 2]], "a\0b", "\ud800", None):
                if (value is None and name in optional) or (name, value) in (("beta", 1.5), ("path", b"x")):
                    continue
                with self.subTest(name, value=repr(value)), self.assertRaisesRegex(losskit.LossKitError, name):
                    call(value)

    def test_whole_numbers_are_not_reinterpreted(self) -> None:
        dpo = losskit.Objective("dpo")
        for words, arguments in (
            ("counts: entry 2 is -1", {"counts": [2, -1]}),
            ("counts: entry 1 is 4294967298", {"counts": [2**32 + 2, 2]}),
            ("counts: a list of whole numbers", {"counts": [2.0, 2.0]}),
            ("seed: .* 0 or more, is needed, not -1", {"seed": -1}),
            ("seed: .* at most", {"seed": 2**64}),
        ):
            with self.subTest(words), self.assertRaisesRegex(losskit.LossKitError, words):
                dpo.evaluate(**PAIR, **arguments)
        for responses in (0, -1, 2.0):
            with self.assertRaisesRegex(losskit.LossKitError, "responses: a whole number"):
                dpo.export("c", responses=responses)

    def test_a_text_is_not_cut_at_a_nul(self) -> None:
        with self.assertRaisesRegex(losskit.LossKitError, "text: .*NUL"):
            losskit.Objective("dpo\0(beta=7)")

    def test_an_unknown_kind_is_no_empty_list(self) -> None:
        with self.assertRaisesRegex(losskit.LossKitError, "kind: 'losses' is unknown; loss, reward"):
            losskit.list("losses")

    def test_a_star_import_hides_nothing_of_python(self) -> None:
        space: dict[str, object] = {}
        exec("from losskit import *", space)
        self.assertNotIn("list", space)
        self.assertIn("log_probs", space)
        self.assertIsNotNone(losskit.list)


class ShapeTests(unittest.TestCase):
    def assert_refused(self, words: str, text: str = "dpo", **columns: object) -> None:
        with self.assertRaisesRegex(losskit.LossKitError, words):
            losskit.Objective(text).evaluate(**columns)

    def test_what_has_the_wrong_shape_is_named_as_it_was_handed_over(self) -> None:
        columns = {name: array[:, np.newaxis] for name, array in PAIR.items()}
        self.assert_refused(r"policy_chosen_logps: one number per pair is needed, an array \[G\], not one of 2 axes, \[2, …\]", **columns)
        self.assert_refused("ref_rejected_logps: it is for 3 prompts, and policy_chosen", **{**PAIR, "ref_rejected_logps": np.zeros(3)})
        without = {name: array for name, array in PAIR.items() if name != "ref_rejected_logps"}
        self.assert_refused("ref_rejected_logps: it is missing, and ref_chosen_logps is there", **without)
        del without["ref_chosen_logps"]
        self.assert_refused("reference_logp is missing; for pairs, pass ref_chosen_logps and ref_rejected_logps", **without)
        self.assert_refused("policy_logp: policy_chosen_logps is passed", **PAIR, policy_logp=np.zeros((2, 2)))
        self.assert_refused("policy_logp: its 5 entries are not 2 rows", policy_logp=np.zeros(5), reference_logp=np.zeros(4))
        self.assert_refused("policy_logp: one number per response", policy_logp=np.zeros((1, 2, 2)), reference_logp=np.zeros((2, 2)))
        self.assert_refused("policy_logp: .*not a single number", policy_logp=1.0, reference_logp=np.zeros((2, 2)))
        self.assert_refused("prompts of 2 responses.* 3", policy_logp=np.zeros((3, 2)), reference_logp=np.zeros((3, 2)))
        self.assert_refused("reference_logp: it is for 3 responses", policy_logp=np.zeros((2, 2)), reference_logp=np.zeros((3, 2)))
        self.assert_refused("ref_chosen_logps: .*compares with 2 references, and this is for 1", "mrpo", **PAIR)
        self.assert_refused("token_offsets: policy_token_logp is per token", "ld-dpo", policy_token_logp=[-1.0], reference_token_logp=[-1.0])
        self.assert_refused(
            "reference_token_logp: it is for 3 tokens", "ld-dpo", policy_token_logp=-np.ones(4), reference_token_logp=-np.ones(3),
            token_offsets=[0, 1, 4],
        )  # fmt: skip

    def test_references_of_any_layout_are_read(self) -> None:
        draw = np.random.default_rng(2)
        objective = losskit.Objective("mrpo")
        policy, reference = draw.normal(-20, 3, (2, 5)), draw.normal(-20, 3, (2, 2, 5))
        expected = objective.evaluate(policy_logp=policy, reference_logp=reference)
        layouts = {
            "not contiguous": reference.transpose(2, 1, 0).copy().transpose(2, 1, 0),
            "backwards": reference[:, :, ::-1].copy()[:, :, ::-1],
            "flat": reference.reshape(-1),
        }
        for name, layout in layouts.items():
            with self.subTest(name):
                self.assertEqual(objective.evaluate(policy_logp=policy, reference_logp=layout).losses.tolist(), expected.losses.tolist())
        parts = objective.evaluate(policy_logp=policy, ref_chosen_logps=reference[:, 0], ref_rejected_logps=reference[:, 1])
        self.assertEqual(parts.losses.tolist(), expected.losses.tolist())

    def test_a_batch_of_token_offsets_alone(self) -> None:
        result = losskit.Objective("dpo @ {token.count}", beta=1.0).evaluate(token_offsets=[0, 3, 7, 9, 10])
        # Two prompts: 3 and 4 tokens chosen, 2 and 1 rejected; each token counts its response's tokens.
        np.testing.assert_allclose(result.rewards, [[9, 16], [4, 1]])


class CopyTests(unittest.TestCase):
    def test_objectives_are_pickled_and_copied(self) -> None:
        for name in every_objective():
            objective = losskit.Objective(name)
            with self.subTest(name):
                self.assertEqual(pickle.loads(pickle.dumps(objective)).hash, objective.hash)
        expected = losskit.Objective("dpo", beta=0.7).evaluate(**PAIR).loss
        for copied in (copy.copy, copy.deepcopy, lambda objective: pickle.loads(pickle.dumps(objective))):
            objective = losskit.Objective("dpo", beta=0.7)
            other = copied(objective)
            objective.close()
            self.assertEqual(other.evaluate(**PAIR).loss, expected)

    def test_a_copy_comes_from_the_same_registry(self) -> None:
        registry = losskit.Registry(default_path=False)
        for entry in losskit.list():
            if entry.name in ("dpo", "log-ratio"):
                registry.open(entry.library)
        objective = pickle.loads(pickle.dumps(losskit.Objective("dpo", registry=registry)))
        self.assertEqual({entry.name for entry in objective._registry.list()}, {entry.name for entry in registry.list()})
        with self.assertRaises(losskit.LossKitError):
            pickle.loads(pickle.dumps(losskit.Registry(default_path=False))).describe("dpo")

    def test_another_process_has_it_too(self) -> None:
        code = "import pickle, sys; print(repr(pickle.load(sys.stdin.buffer)))"
        pickled = pickle.dumps(losskit.Objective("dpo", beta=0.7))
        run = subprocess.run([sys.executable, "-c", code], input=pickled, capture_output=True, check=True)
        self.assertIn("beta=0.7", run.stdout.decode())

    def test_what_is_another_objective_here_is_refused(self) -> None:
        function, arguments = losskit.Objective("dpo").__reduce__()
        with self.assertRaisesRegex(losskit.LossKitError, "use the versions of the library"):
            function(*arguments[:-1], "0" * 64)

    def test_scores_are_pickled_and_keep_the_labels_they_were_made_with(self) -> None:
        labels = np.array([0, 1], np.int32)
        scores = losskit.log_probs(LOGITS, labels)
        expected = scores.gradient([1.0, 1.0])
        labels[:] = 2
        np.testing.assert_array_equal(scores.gradient([1.0, 1.0]), expected)
        np.testing.assert_array_equal(pickle.loads(pickle.dumps(scores)).gradient([1.0, 1.0]), expected)

    def test_an_error_keeps_its_prompt(self) -> None:
        self.assertEqual(pickle.loads(pickle.dumps(losskit.LossKitError("words", 3))).prompt, 3)


if __name__ == "__main__":
    unittest.main()
