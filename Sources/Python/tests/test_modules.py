"""Uses of the PyTorch module and of `log_probs` in programs: casts, checkpoints, hooks, copies, second derivatives, shapes."""

from __future__ import annotations

import copy
import io
import unittest
import warnings

import numpy as np
import torch
from batches import random_batch
from torch.utils.checkpoint import checkpoint

import losskit
import losskit.jax
from losskit.torch import Objective, log_probs

MODES = ("native", "traced")


def pair() -> dict[str, torch.Tensor]:
    return {
        "policy_chosen_logps": torch.tensor([-10.0, -20.0]),
        "policy_rejected_logps": torch.tensor([-12.0, -19.0]),
        "ref_chosen_logps": torch.tensor([-11.0, -18.0]),
        "ref_rejected_logps": torch.tensor([-11.0, -18.0]),
    }


class StateTests(unittest.TestCase):
    def test_the_state_stays_in_double_whatever_the_module_is_cast_to(self) -> None:
        casts = {
            "half": lambda module: module.half(),
            "bfloat16": lambda module: module.to(torch.bfloat16),
            "float": lambda module: torch.nn.Sequential(module).float()[0],
            "and away": lambda module: module.to("meta").to_empty(device="cpu"),
        }
        for compute in MODES:
            for name, cast in casts.items():
                with self.subTest(name, compute=compute):
                    module = Objective("bco", compute=compute)
                    module.state.copy_(torch.tensor([0.1, 4097.0], dtype=torch.float64))
                    module = cast(module)
                    self.assertEqual(module.state.dtype, torch.float64)
                    if name != "and away":
                        self.assertEqual(module.state.tolist(), [0.1, 4097.0])
                        module(**pair())
                        self.assertEqual(module.state[1], 4099)

    def test_a_state_that_something_else_has_cast_is_widened_before_it_is_used(self) -> None:
        for compute in MODES:
            module = Objective("bco", compute=compute)
            module.state = torch.tensor([0.0, 2048.0], dtype=torch.float16)
            module(**pair())
            self.assertEqual(module.state.tolist()[1], 2050)
            self.assertEqual(module.state.dtype, torch.float64)

    def test_the_state_of_another_objective_is_refused(self) -> None:
        saved = Objective("bco").state_dict()
        for other in (Objective("bco", beta=5), Objective("beta-dpo"), Objective("dpo"), Objective("bco-unpaired")):
            before = None if other.state is None else other.state.clone()
            with self.subTest(str(other)), self.assertRaisesRegex(losskit.LossKitError, "is of bco.beta=0.1.*make that objective"):
                other.load_state_dict(saved)
            if before is not None:
                self.assertEqual(other.state.tolist(), before.tolist())
        nested = torch.nn.ModuleDict({"loss": Objective("bco")})
        with self.assertRaisesRegex(losskit.LossKitError, "loss._extra_state: .*beta-dpo"):
            nested.load_state_dict(torch.nn.ModuleDict({"loss": Objective("beta-dpo")}).state_dict())

    def test_a_state_dict_of_before_is_loaded_with_a_warning(self) -> None:
        saved = Objective("bco").state_dict()
        saved["state"] = torch.tensor([0.5, 7.0], dtype=torch.float64)
        del saved["_extra_state"]
        module = Objective("bco")
        with self.assertWarnsRegex(UserWarning, "_extra_state: it is missing.*bco"):
            module.load_state_dict(saved)
        self.assertEqual(module.state.tolist(), [0.5, 7.0])
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            Objective("dpo").load_state_dict({})

    def test_modules_are_copied_and_saved(self) -> None:
        for compute in MODES:
            module = Objective("bco", compute=compute)
            first, _ = module(**pair())
            buffer = io.BytesIO()
            torch.save(module, buffer)
            buffer.seek(0)
            for twin in (copy.deepcopy(module), torch.load(buffer, weights_only=False)):
                self.assertEqual(twin.state.tolist(), module.state.tolist())
                twin(**pair())
                self.assertNotEqual(twin.state.tolist(), module.state.tolist())
        buffer = io.BytesIO()
        torch.save(module.state_dict(), buffer)
        buffer.seek(0)
        Objective("bco").load_state_dict(torch.load(buffer, weights_only=True))
        averaged = torch.optim.swa_utils.AveragedModel(torch.nn.ModuleList([torch.nn.Linear(2, 1), Objective("dpo")]))
        self.assertEqual(averaged.module[1].objective.text, Objective("dpo").objective.text)
        self.assertEqual(copy.deepcopy(losskit.jax.Objective("dpo")).objective.text, Objective("dpo").objective.text)

    def test_workers_of_a_data_loader_have_it(self) -> None:
        loader = torch.utils.data.DataLoader(Margins(), num_workers=1, multiprocessing_context="spawn", batch_size=None)
        self.assertEqual([round(loss, 6) for loss in loader], [0.693147, 0.644397])


class Margins(torch.utils.data.Dataset):
    """Losses of an objective that is sent to another process."""

    def __init__(self) -> None:
        self.objective = losskit.Objective("dpo")

    def __len__(self) -> int:
        return 2

    def __getitem__(self, index: int) -> float:
        return self.objective.evaluate(policy_logp=[[float(index)], [0.0]], reference_logp=[[0.0], [0.0]]).loss


class ShapeTests(unittest.TestCase):
    def functions(self) -> dict:
        """The loss of tensors, in every mode."""
        numpy, jitted = losskit.Objective("dpo"), losskit.jax.Objective("dpo")

        def arrays(columns: dict) -> dict:
            return {name: tensor.numpy() for name, tensor in columns.items()}

        return {
            "numpy": lambda columns: numpy.evaluate(**arrays(columns)).loss,
            "jax": lambda columns: float(jitted(**arrays(columns))),
            **{compute: lambda columns, module=Objective("dpo", compute=compute): module(**columns)[0].item() for compute in MODES},
            "compiled": lambda columns, call=torch.compile(Objective("dpo"), backend="eager"): call(**columns)[0].item(),
        }

    def test_wrong_shapes_are_refused_in_the_same_words_in_every_mode(self) -> None:
        columns = pair()
        square = {"policy_logp": torch.zeros(2, 2), "reference_logp": torch.zeros(2, 2)}
        wrong = {
            "policy_chosen_logps: one number per pair": {name: tensor[:, None] for name, tensor in columns.items()},
            "ref_chosen_logps: it is for 1 prompt, and policy_chosen_logps for 2": {**columns, "ref_chosen_logps": torch.zeros(1)},
            "ref_rejected_logps: it is for 1 reference, and": {**columns, "ref_chosen_logps": torch.zeros(2, 2)},
            "ref_rejected_logps: it is missing": {name: columns[name] for name in list(columns)[:3]},
            "policy_logp: its 5 entries are not 2 rows": {"policy_logp": torch.zeros(5), "reference_logp": torch.zeros(4)},
            "policy_logp: one number per response": {**square, "policy_logp": torch.zeros(1, 2, 2)},
            "policy_logp: .*a single number": {**square, "policy_logp": torch.tensor(1.0)},
            "reference_logp: it is for 3 responses, and policy_logp for 2": {**square, "reference_logp": torch.zeros(3, 2)},
            "prompts of 2 responses": {name: torch.zeros(3, 2) for name in square},
            "policy_logp: policy_chosen_logps is passed": {**columns, **square},
            "no prompts": {name: tensor[:0] for name, tensor in columns.items()},
            "logps: .*reads no such column": {**columns, "logps": torch.zeros(2)},
        }
        for mode, function in self.functions().items():
            for words, given in wrong.items():
                with self.subTest(words, mode=mode), self.assertRaisesRegex(losskit.LossKitError, words):
                    function(given)

    def test_the_same_numbers_in_any_right_shape_give_the_same(self) -> None:
        columns = pair()
        policy = torch.stack([columns["policy_chosen_logps"], columns["policy_rejected_logps"]])
        reference = torch.stack([columns["ref_chosen_logps"], columns["ref_rejected_logps"]])
        shapes = {
            "parts": columns,
            "stacked": {"policy_logp": policy, "reference_logp": reference},
            "flat": {"policy_logp": policy.reshape(-1), "reference_logp": reference.reshape(-1)},
            "with an axis of one reference": {"policy_logp": policy, "reference_logp": reference[None]},
            "parts with such an axis": {**columns, "ref_chosen_logps": reference[:1], "ref_rejected_logps": reference[1:]},
        }
        for mode, function in self.functions().items():
            for name, given in shapes.items():
                with self.subTest(name, mode=mode):
                    self.assertAlmostEqual(function(given), 0.6712677647, places=6)

    def test_metrics_of_flat_columns_are_those_of_both_sides(self) -> None:
        draw = torch.Generator().manual_seed(1)
        policy, reference = (torch.randn(2, 5, generator=draw, dtype=torch.float64) for _ in range(2))
        _, expected = Objective("dpo", compute="native")(policy_logp=policy, reference_logp=reference)
        for compute in MODES:
            _, metrics = Objective("dpo", compute=compute)(policy_logp=policy.reshape(-1), reference_logp=reference.reshape(-1))
            for name, value in expected.items():
                self.assertAlmostEqual(float(metrics[name]), value, places=12, msg=name)

    def test_exported_code_refuses_them_too(self) -> None:
        for format, convert in (("python", np.asarray), ("torch", torch.as_tensor), ("jax", np.asarray)):
            space: dict = {}
            exec(losskit.Objective("dpo").export(format), space)
            with self.subTest(format):
                with self.assertRaisesRegex(ValueError, "policy_logp: a column of 2 rows is needed"):
                    space["dpo"](convert(np.zeros((3, 2))), convert(np.zeros((2, 2))))
                with self.assertRaisesRegex(ValueError, "reference_logp: its rows have 1 entries"):
                    space["dpo"](convert(np.zeros((2, 3))), convert(np.zeros((2, 1))))


class SecondDerivativeTests(unittest.TestCase):
    def test_traced_ones_are_those_of_autograd(self) -> None:
        weight = torch.tensor(1.5, dtype=torch.float64, requires_grad=True)
        given = {name: tensor.double() for name, tensor in pair().items()}

        def columns() -> dict:
            chosen, rejected = given["policy_chosen_logps"] * weight**2, given["policy_rejected_logps"] * weight
            return {**given, "policy_chosen_logps": chosen, "policy_rejected_logps": rejected}

        def second(loss: torch.Tensor) -> float:
            (slope,) = torch.autograd.grad(loss, weight, create_graph=True)
            return torch.autograd.grad(slope, weight)[0].item()

        def rewards() -> tuple[torch.Tensor, torch.Tensor]:
            found = columns()
            return found["policy_chosen_logps"] - found["ref_chosen_logps"], found["policy_rejected_logps"] - found["ref_rejected_logps"]

        def stopped() -> torch.Tensor:
            chosen, rejected = rewards()
            return (chosen.square() * rejected.detach()).mean()

        def dpo() -> torch.Tensor:
            chosen, rejected = rewards()
            return -torch.nn.functional.logsigmoid(0.1 * (chosen - rejected)).mean()

        # A stopped gradient has no second derivative either.
        for text, expected in (("dpo", dpo), ("{square(chosen.reward) * stop_gradient(rejected.reward)}", stopped)):
            with self.subTest(text):
                self.assertAlmostEqual(second(Objective(text, compute="traced")(**columns())[0]), second(expected()), places=9)
        with self.assertRaisesRegex(losskit.LossKitError, "dpo.*second derivatives.*compute='traced'"):
            second(Objective("dpo", compute="native")(**columns())[0])

    def test_log_probs_refuses_them(self) -> None:
        weights = torch.randn(7, 3, generator=torch.Generator().manual_seed(0)).requires_grad_()
        logits = (torch.ones(4, 3) @ weights.T) ** 2
        loss = log_probs(logits, torch.tensor([0, 1, 2, 3])).values.sum()
        with self.assertRaisesRegex(losskit.LossKitError, "log_probs: .*second derivatives.*log_softmax"):
            torch.autograd.grad(loss, weights, create_graph=True)


class SavedLogitsTests(unittest.TestCase):
    """The gradient is computed from the logits that autograd saved, even if they have moved."""

    def setUp(self) -> None:
        draw = torch.Generator().manual_seed(3)
        self.hidden = torch.randn(6, 5, generator=draw)
        self.weights = torch.randn(5, 301, generator=draw).requires_grad_()
        self.reference = torch.randn(6, 301, generator=draw)
        self.labels = torch.randint(0, 301, (6,), generator=draw, dtype=torch.int32)

    def loss(self, hidden: torch.Tensor) -> torch.Tensor:
        scores = log_probs(hidden @ self.weights, self.labels, entropy=True, reference=self.reference)
        return (scores.values + 0.1 * scores.entropy + 0.2 * scores.divergence).sum()

    def gradient(self, loss: torch.Tensor) -> torch.Tensor:
        # The memory of the logits has been reused.
        others = [torch.full((6, 301), 50.0) for _ in range(64)]
        (found,) = torch.autograd.grad(loss, self.weights)
        del others
        return found

    def expected(self) -> torch.Tensor:
        logs, others = (self.hidden @ self.weights).log_softmax(-1), self.reference.log_softmax(-1)
        values = logs.gather(-1, self.labels.long()[:, None])[:, 0]
        entropy, divergence = -(logs.exp() * logs).sum(-1), (others.exp() * (others - logs)).sum(-1)
        return torch.autograd.grad((values + 0.1 * entropy + 0.2 * divergence).sum(), self.weights)[0]

    def test_through_checkpoints_and_hooks(self) -> None:
        graph = torch.autograd.graph

        def hooked(pack: object, unpack: object) -> torch.Tensor:
            with graph.saved_tensors_hooks(pack, unpack):
                return self.loss(self.hidden)

        def offloaded() -> torch.Tensor:
            with graph.save_on_cpu():
                return self.loss(self.hidden)

        ways = {
            "plain": lambda: self.loss(self.hidden),
            "checkpoint": lambda: checkpoint(self.loss, self.hidden, use_reentrant=False),
            "offloaded": offloaded,
            "copied": lambda: hooked(lambda tensor: tensor.clone(), lambda tensor: tensor.clone()),
            "through NumPy": lambda: hooked(lambda tensor: tensor.detach().numpy().copy(), torch.from_numpy),
            "in rows that lie apart": lambda: hooked(_spread, lambda tensor: tensor),
        }
        expected = self.expected()
        for name, way in ways.items():
            with self.subTest(name):
                torch.testing.assert_close(self.gradient(way()), expected, rtol=1e-4, atol=1e-5)

    def test_labels_that_are_written_over_do_not_matter(self) -> None:
        expected = self.expected()
        loss = self.loss(self.hidden)
        self.labels.zero_()
        torch.testing.assert_close(self.gradient(loss), expected, rtol=1e-4, atol=1e-5)


def _spread(tensor: torch.Tensor) -> torch.Tensor:
    """The same numbers with twice the distance between rows."""
    if tensor.dim() != 2:
        return tensor.clone()
    wide = torch.zeros(tensor.shape[0], 2 * tensor.shape[1], dtype=tensor.dtype)
    wide[:, : tensor.shape[1]] = tensor.detach()
    return wide[:, : tensor.shape[1]]


class ColumnNameTests(unittest.TestCase):
    def test_a_column_called_as_what_the_code_uses_is_that_column(self) -> None:
        objective = losskit.Objective("dpo + 0.2*sft(per=token) @ length-desensitized")
        batch = random_batch(objective)
        expected = objective.evaluate(**batch)
        tensors = {name: torch.as_tensor(array) for name, array in batch.items()}
        for compute in MODES:
            self.assertAlmostEqual(Objective(objective.text, compute=compute)(**tensors)[0].item(), expected.loss, places=12)


if __name__ == "__main__":
    unittest.main()
