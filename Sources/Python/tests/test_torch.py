"""The PyTorch module: natively and traced, on the CPU and, if available, on a GPU."""

from __future__ import annotations

import unittest
import warnings

import numpy as np
import torch
from batches import PROMPTS, every_objective, random_batch, responses_of

import losskit
from losskit._source import function_of
from losskit.torch import Objective, flatten_tokens, log_probs

DEVICES = ["cpu"] + (["cuda"] if torch.cuda.is_available() else [])


def tensors(
    objective: losskit.Objective, device: str = "cpu", dtype: torch.dtype = torch.float64, seed: int = 0, prompts: int = PROMPTS
) -> dict:
    """A random batch whose differentiable columns require gradients."""
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

    def test_a_plugin_that_fails_amid_a_training_leaves_the_weights_as_they_were(self) -> None:
        # ORPO's odds exist only for log-probabilities below 0.
        for compute in ("native", "auto"):
            weights = torch.nn.Parameter(torch.tensor([1.0, 2.0]))
            optimizer = torch.optim.AdamW([weights], lr=0.1)
            module = Objective("orpo", compute=compute)
            lengths = torch.full((2,), 4.0)

            def step(sign: float) -> None:
                optimizer.zero_grad()
                loss, _ = module(
                    policy_chosen_logps=sign * weights.square(), policy_rejected_logps=-weights.square() - 1, chosen_lengths=lengths,
                    rejected_lengths=lengths,
                )  # fmt: skip
                loss.backward()
                optimizer.step()

            for _ in range(3):
                step(-1)
            kept, momentum = weights.detach().clone(), {**optimizer.state[weights]}
            with self.assertRaisesRegex(losskit.LossKitError, "prompt 1"):
                step(1)
            self.assertTrue(torch.equal(weights.detach(), kept))
            self.assertEqual(optimizer.state[weights]["step"], momentum["step"])
            step(-1)
            self.assertFalse(torch.equal(weights.detach(), kept))

    def test_bad_input(self) -> None:
        module = Objective("dpo")
        with self.assertRaisesRegex(losskit.LossKitError, "policy_rejected_logps: it is for 3 prompts.*policy_chosen_logps for 2"):
            module(**{**self.batch(), "policy_rejected_logps": torch.zeros(3)})
        with self.assertRaisesRegex(losskit.LossKitError, "no prompts"):
            module(**{name: tensor[:0] for name, tensor in self.batch().items()})
        with self.assertRaisesRegex(losskit.LossKitError, "NaN"):
            module(**{**self.batch(), "ref_chosen_logps": torch.tensor([0.0, float("nan")])})
        with self.assertRaisesRegex(losskit.LossKitError, "ref_chosen_logps: a tensor of real numbers.*complex"):
            module(**{**self.batch(), "ref_chosen_logps": torch.zeros(2, dtype=torch.complex64)})
        with self.assertRaisesRegex(losskit.LossKitError, "ref_rejected_logps: it is for 1 reference, and ref_chosen_logps for 2"):
            module(**{**self.batch(), "ref_chosen_logps": torch.zeros(2, 2)})
        with self.assertRaisesRegex(losskit.LossKitError, "ref_chosen_logps"):
            module(**{**self.batch(), "ref_chosen_logps": torch.tensor(1.0)})
        with self.assertRaisesRegex(losskit.LossKitError, "ref_chosen_logps: a tensor of real numbers is needed, not ndarray"):
            module(**{**self.batch(), "ref_chosen_logps": np.zeros(2)})
        with self.assertRaisesRegex(losskit.LossKitError, "compute"):
            Objective("dpo", compute="quickly")
        with self.assertRaisesRegex(losskit.LossKitError, "reference_logp is missing; for pairs.* ref_chosen_logps and ref_rej"):
            module(policy_chosen_logps=torch.zeros(2), policy_rejected_logps=torch.zeros(2))
        traced = Objective("dpo", compute="traced")
        with self.assertRaisesRegex(losskit.LossKitError, "ref_chosen_logps.*1 prompt,.*policy_chosen_logps for 2"):
            traced(**{**self.batch(), "ref_chosen_logps": torch.zeros(1)})
        with self.assertRaisesRegex(losskit.LossKitError, "no prompts"):
            traced(**{name: tensor[:0] for name, tensor in self.batch().items()})
        with self.assertRaisesRegex(losskit.LossKitError, "reference_logp.*on meta"):
            traced(policy_logp=torch.zeros(2, 3), reference_logp=torch.zeros(2, 3, device="meta"))
        with self.assertRaisesRegex(losskit.LossKitError, "missing"):
            traced(policy_chosen_logps=torch.zeros(2), policy_rejected_logps=torch.zeros(2))
        with self.assertRaisesRegex(losskit.LossKitError, "missing"):
            traced(policy_chosen_logps=torch.zeros(2), ref_chosen_logps=torch.zeros(2))


class LogProbTests(unittest.TestCase):
    def draw(self, dtype: torch.dtype = torch.float32) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor, torch.Tensor]:
        generator = torch.Generator().manual_seed(5)
        logits = (4 * torch.randn(3, 6, 257, generator=generator)).to(dtype)
        reference = (4 * torch.randn(3, 6, 257, generator=generator)).to(dtype)
        labels = torch.randint(0, 257, (3, 6), generator=generator)
        return logits.requires_grad_(), labels, torch.rand(3, 6, generator=generator) > 0.3, reference

    def plain(
        self, logits: torch.Tensor, labels: torch.Tensor, mask: torch.Tensor, reference: torch.Tensor
    ) -> tuple[torch.Tensor, ...]:
        logs, others = logits.double().log_softmax(-1), reference.double().log_softmax(-1)
        values = (
            logs.gather(-1, labels[..., None])[..., 0], -(logs.exp() * logs).sum(-1), (2 * logs).logsumexp(-1),
            (others.exp() * (others - logs)).sum(-1),
        )  # fmt: skip
        return tuple(torch.where(mask, value, 0) for value in values)

    def test_values_and_gradients_are_those_of_torch(self) -> None:
        for dtype, tolerance in ((torch.float32, 1e-5), (torch.float16, 2e-3), (torch.bfloat16, 2e-2)):
            for in_place in (False, True):
                with self.subTest(dtype=dtype, in_place=in_place):
                    logits, labels, mask, reference = self.draw(dtype)
                    expected = self.plain(logits, labels, mask, reference)
                    weights = [torch.linspace(-1, 1, 18).reshape(3, 6) + index for index in range(4)]
                    total = sum((weight * value).sum() for weight, value in zip(weights, expected))
                    wanted = torch.autograd.grad(total, logits)[0]
                    # The output of a head is not a leaf; its gradient propagates further.
                    head = logits * 1
                    found = log_probs(head, labels, mask=mask, entropy=True, collision=True, reference=reference, in_place=in_place)
                    for value, right in zip(found, expected):
                        self.assertEqual(value.dtype, torch.float32)
                        torch.testing.assert_close(value.double(), right, rtol=1e-6, atol=2e-6)
                    sum((weight * value).sum() for weight, value in zip(weights, found)).backward()
                    self.assertEqual(logits.grad.dtype, dtype)
                    torch.testing.assert_close(logits.grad, wanted, rtol=tolerance, atol=tolerance)
                    if in_place:
                        torch.testing.assert_close(head.detach(), wanted, rtol=tolerance, atol=tolerance)

    def test_only_what_is_asked_for_is_given(self) -> None:
        logits, labels, mask, _ = self.draw()
        found = log_probs(logits, labels)
        self.assertEqual((found.entropy, found.log_collision, found.divergence), (None, None, None))
        (3 * found.values.sum()).backward()
        torch.testing.assert_close(logits.grad.sum(-1), torch.zeros(3, 6), rtol=0, atol=1e-5)

    def test_the_loss_of_a_whole_step(self) -> None:
        logits, labels, mask, _ = self.draw()
        module = Objective("dpo", beta=0.1)
        sums = (log_probs(logits[:2], labels[:2], mask=mask[:2]).values).sum(-1)
        batch = {"policy_logp": sums.reshape(2, 1), "reference_logp": torch.full((2, 1), -20.0)}
        module(**batch)[0].backward()
        found, logits.grad = logits.grad, None
        logs = logits[:2].log_softmax(-1).gather(-1, labels[:2, :, None])[..., 0] * mask[:2]
        (-torch.nn.functional.logsigmoid(0.1 * (logs[0].sum() - logs[1].sum()))).backward()
        torch.testing.assert_close(found, logits.grad, rtol=1e-4, atol=1e-7)

    def test_bad_input(self) -> None:
        logits, labels, mask, reference = self.draw()

        def assert_refused(words: str, *arguments: object, **options: object) -> None:
            with self.assertRaisesRegex(losskit.LossKitError, words):
                log_probs(*arguments, **options)

        wrong = labels.clone()
        wrong[1, 4] = -100
        assert_refused("row 10: the label is -100", logits, wrong)
        spoiled = logits.detach().clone()
        spoiled[2, 0, 7] = float("inf")
        assert_refused("row 12: logit 7 is infinity", spoiled, labels)
        assert_refused("float32, float16 or bfloat16", logits.double(), labels)
        assert_refused("evenly spaced.*mask", logits[:, :-1], labels[:, :-1])
        assert_refused("evenly spaced", logits[..., :1].expand(3, 6, 9), labels)
        assert_refused("on meta", torch.empty(2, 3, device="meta"), labels)
        assert_refused("tensor is needed", logits, labels.tolist())
        assert_refused("labels: its shape", logits, labels[:2])
        head = logits * 1
        loss = log_probs(head, labels, in_place=True).values.sum()
        loss.backward(retain_graph=True)
        with self.assertRaisesRegex(losskit.LossKitError, "overwritten"):
            loss.backward()
        kept = (logits * 1).detach()
        head = logits * 1
        with self.assertRaisesRegex(losskit.LossKitError, "row 0"):
            (log_probs(head, labels, in_place=True).values * float("inf")).sum().backward()
        torch.testing.assert_close(head.detach(), kept, rtol=0, atol=0)


if __name__ == "__main__":
    unittest.main()
