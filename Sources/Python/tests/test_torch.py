"""The PyTorch module: natively and traced, on the CPU and, where there is one, on a GPU."""

from __future__ import annotations

import unittest
import warnings

import numpy as np
import torch
from batches import PROMPTS, every_objective, random_batch, responses_of

import losskit
from losskit._source import function_of
from losskit.torch import Objective, flatten_tokens

DEVICES = ["cpu"] + (["cuda"] if torch.cuda.is_available() else [])


def tensors(
    objective: losskit.Objective, device: str = "cpu", dtype: torch.dtype = torch.float64, seed: int = 0, prompts: int = PROMPTS
) -> dict:
    """A random batch whose differentiable columns want gradients."""
    batch = {}
    for name, array in random_batch(objective, seed, prompts).items():
        if name == "token_offsets":
            batch[name] = torch.as_tensor(array, device=device)
        else:
            tensor = torch.as_tensor(array, dtype=dtype, device=device)
            batch[name] = tensor.requires_grad_(objective.columns[name].differentiable)
    return batch


def gradients(loss: torch.Tensor, batch: dict) -> dict:
    wanted = {name: tensor for name, tensor in batch.items() if tensor.requires_grad}
    found = torch.autograd.grad(loss, list(wanted.values()), allow_unused=True)
    zero = [torch.zeros_like(tensor) if gradient is None else gradient for gradient, tensor in zip(found, wanted.values())]
    return dict(zip(wanted, zero))


class AgreementTests(unittest.TestCase):
    def test_traced_is_native_for_every_objective(self) -> None:
        traced = 0
        for device in DEVICES:
            for name in every_objective():
                native, other = Objective(name, compute="native"), Objective(name, compute="traced")
                with self.subTest(name, device=device), warnings.catch_warnings(record=True) as told:
                    warnings.simplefilter("always")
                    batch = tensors(native.objective, device)
                    expected, metrics = native(**batch)
                    found, others = other(**batch)
                    traced += not told
                    torch.testing.assert_close(found, expected, rtol=1e-10, atol=1e-14)
                    wanted = gradients(expected, batch)
                    for column, gradient in gradients(found, batch).items():
                        torch.testing.assert_close(gradient, wanted[column], rtol=1e-10, atol=1e-14)
                    for key, value in metrics.items():
                        self.assertAlmostEqual(float(others[key]), value, delta=1e-9 * max(1, abs(value)), msg=key)
                    if native.state is not None:
                        torch.testing.assert_close(other.state, native.state, rtol=1e-10, atol=1e-14)
        self.assertGreater(traced, 50)

    def test_exported_source_stands_on_its_own(self) -> None:
        for name in every_objective():
            native = Objective(name, compute="native")
            try:
                source = native.objective.export("torch", responses=responses_of(native.objective))
            except losskit.LossKitError:
                continue
            with self.subTest(name):
                batch = tensors(native.objective)
                results = function_of(source)(**batch)
                found = (results[0] if isinstance(results, tuple) else results).mean()
                expected, _ = native(**batch)
                torch.testing.assert_close(found, expected, rtol=1e-10, atol=1e-14)
                wanted = gradients(expected, batch)
                for column, gradient in gradients(found, batch).items():
                    torch.testing.assert_close(gradient, wanted[column], rtol=1e-10, atol=1e-14)

    def test_kinks_and_extremes(self) -> None:
        for name in ("hinge", "dpop", "apo-zero", "orpo", "simpo", "exo-pair", "discopop"):
            native, other = Objective(name, compute="native"), Objective(name, compute="traced")
            batch = tensors(native.objective)
            for value in (0.0, 1e4, -1e4):
                with self.subTest(name, value=value), torch.no_grad():
                    logps = batch["policy_logp"]
                    logps[0] = -2e4 + value if value else batch.get("reference_logp", logps)[0]
                expected, _ = native(**batch)
                found, _ = other(**batch)
                torch.testing.assert_close(found, expected, rtol=1e-10, atol=1e-14)
                wanted = gradients(expected, batch)
                for column, gradient in gradients(found, batch).items():
                    torch.testing.assert_close(gradient, wanted[column], rtol=1e-10, atol=1e-14)

    def test_compiled_without_breaks(self) -> None:
        for name in ("dpo", "cal-dpo", "ipo", "kto"):
            with self.subTest(name):
                module = Objective(name, compute="traced")
                batch = tensors(module.objective)
                expected, _ = Objective(name, compute="native")(**batch)
                compiled = torch.compile(lambda **columns: module(**columns)[0], fullgraph=True)
                found = compiled(**batch)
                torch.testing.assert_close(found, expected, rtol=1e-10, atol=1e-14)
                wanted = gradients(expected, batch)
                for column, gradient in gradients(found, batch).items():
                    torch.testing.assert_close(gradient, wanted[column], rtol=1e-10, atol=1e-14)

    def test_one_compiled_function_takes_objectives_and_batches_that_change(self) -> None:
        compiled = torch.compile(lambda module, **columns: module(**columns), fullgraph=True)
        weak, strong = (Objective("dpo", beta=beta, compute="traced") for beta in (0.1, 3.0))
        for module, prompts in ((weak, 6), (strong, 6), (weak, 5), (weak, 9), (strong, 1)):
            batch = tensors(module.objective, prompts=prompts)
            loss, metrics = compiled(module, **batch)
            expected, others = module(**batch)
            torch.testing.assert_close(loss, expected, rtol=1e-12, atol=0)
            self.assertEqual(list(metrics), list(others))
            for name, value in metrics.items():
                torch.testing.assert_close(value, others[name], rtol=1e-12, atol=1e-15, msg=name)
        ranking = Objective("plackett-luce", compute="traced")
        for count in (3, 4, 5):
            columns = {"policy_logp": torch.randn(count, 4).double(), "reference_logp": torch.randn(count, 4).double()}
            torch.testing.assert_close(compiled(ranking, **columns)[0], ranking(**columns)[0], rtol=1e-12, atol=0)

    def test_the_state_moves_when_compiled(self) -> None:
        native, other = Objective("bco", compute="native"), Objective("bco", compute="traced")
        compiled = torch.compile(other, fullgraph=True)
        for seed in range(3):
            batch = tensors(native.objective, seed=seed)
            torch.testing.assert_close(compiled(**batch)[0], native(**batch)[0], rtol=1e-10, atol=1e-14)
        torch.testing.assert_close(other.state, native.state, rtol=1e-10, atol=1e-14)

    def test_half_precision_is_computed_wider(self) -> None:
        for compute in ("native", "traced"):
            module = Objective("dpo", compute=compute)
            batch = tensors(module.objective, dtype=torch.bfloat16)
            loss, _ = module(**batch)
            self.assertEqual(loss.dtype, torch.float32)
            loss.backward()
            self.assertEqual(batch["policy_logp"].grad.dtype, torch.bfloat16)


class ModuleTests(unittest.TestCase):
    def batch(self) -> dict:
        return {
            "policy_chosen_logps": torch.tensor([-10.0, -11], requires_grad=True),
            "policy_rejected_logps": torch.tensor([-12.0, -9], requires_grad=True),
            "ref_chosen_logps": torch.tensor([-11.0, -10.5]),
            "ref_rejected_logps": torch.tensor([-11.0, -9.5]),
        }

    def test_trls_names(self) -> None:
        for compute in ("native", "traced"):
            loss, metrics = Objective("dpo", beta=0.5, compute=compute)(**self.batch())
            expected = torch.nn.functional.softplus(torch.tensor([-1.0, 0.5])).mean()
            torch.testing.assert_close(loss, expected)
            self.assertAlmostEqual(float(metrics["rewards/accuracies"]), 0.5)

    def test_any_stride_is_read(self) -> None:
        module = Objective("dpo", compute="native")
        expected, _ = module(**self.batch())
        odd = {name: tensor.detach().repeat_interleave(3)[::3] for name, tensor in self.batch().items()}
        torch.testing.assert_close(module(**odd)[0], expected)

    def test_the_gradient_is_scaled_by_what_follows(self) -> None:
        batch = self.batch()
        module = Objective("dpo")
        one = torch.autograd.grad(module(**batch)[0], batch["policy_chosen_logps"])[0]
        three = torch.autograd.grad(3 * module(**batch)[0], batch["policy_chosen_logps"])[0]
        torch.testing.assert_close(three, 3 * one)

    def test_state_moves_in_training_only_and_is_saved(self) -> None:
        for compute in ("native", "traced"):
            module = Objective("bco", compute=compute)
            batch = tensors(module.objective)
            start = module.state.clone()
            module.eval()(**batch)
            self.assertTrue(torch.equal(module.state, start))
            module.train()(**batch)
            self.assertFalse(torch.equal(module.state, start))
            twin = Objective("bco")
            twin.load_state_dict(module.state_dict())
            self.assertTrue(torch.equal(twin.state, module.state))

    def test_tokens_lose_their_padding(self) -> None:
        logps = torch.arange(12.0).reshape(2, 6)
        mask = torch.tensor([[0, 1, 1, 0, 0, 0], [0, 0, 1, 1, 1, 0]])
        flat, offsets = flatten_tokens(logps, mask)
        self.assertEqual(flat.tolist(), [1, 2, 8, 9, 10])
        self.assertEqual(offsets.tolist(), [0, 2, 5])
        with self.assertRaisesRegex(losskit.LossKitError, "shape"):
            flatten_tokens(logps, mask[:1])

    def test_a_failing_step_leaves_everything_as_it_was(self) -> None:
        weights = torch.nn.Parameter(torch.tensor([1.0, 2.0]))
        optimizer = torch.optim.SGD([weights], lr=1)
        module = Objective("bco")
        start = module.state.clone()
        bad = weights * torch.tensor([1.0, float("nan")])
        with self.assertRaises(losskit.LossKitError):
            loss, _ = module(policy_chosen_logps=bad, policy_rejected_logps=bad, ref_chosen_logps=bad.detach(),
                             ref_rejected_logps=bad.detach())  # fmt: skip
            loss.backward()
            optimizer.step()
        self.assertEqual(weights.tolist(), [1.0, 2.0])
        self.assertTrue(torch.equal(module.state, start))

    def test_bad_input(self) -> None:
        module = Objective("dpo")
        with self.assertRaisesRegex(losskit.LossKitError, "tensor is needed"):
            module(**{**self.batch(), "ref_chosen_logps": np.zeros(2)})
        with self.assertRaisesRegex(losskit.LossKitError, "compute"):
            Objective("dpo", compute="quickly")
        with self.assertRaisesRegex(losskit.LossKitError, "missing|needed"):
            module(policy_chosen_logps=torch.zeros(2), policy_rejected_logps=torch.zeros(2))
        traced = Objective("dpo", compute="traced")
        with self.assertRaisesRegex(losskit.LossKitError, "ref_chosen_logps.*1 prompts.*policy_chosen_logps for 2"):
            traced(**{**self.batch(), "ref_chosen_logps": torch.zeros(1)})
        with self.assertRaisesRegex(losskit.LossKitError, "no prompts"):
            traced(**{name: tensor[:0] for name, tensor in self.batch().items()})
        with self.assertRaisesRegex(losskit.LossKitError, "reference_logp.*on meta"):
            traced(policy_logp=torch.zeros(2, 3), reference_logp=torch.zeros(2, 3, device="meta"))
        with self.assertRaisesRegex(losskit.LossKitError, "missing"):
            traced(policy_chosen_logps=torch.zeros(2), policy_rejected_logps=torch.zeros(2))
        with self.assertRaisesRegex(losskit.LossKitError, "missing"):
            traced(policy_chosen_logps=torch.zeros(2), ref_chosen_logps=torch.zeros(2))


if __name__ == "__main__":
    unittest.main()
