"""The objective that TRL's config and LossKit's text resolve to: it reproduces TRL's losses, and no field is ignored."""

from __future__ import annotations

import copy
import dataclasses
import re
import tempfile
import unittest

import test_trl
import torch
from trl import DPOConfig, DPOTrainer

import losskit
import losskit.torch
from losskit.trl import LossKitDPOTrainer

MEANS = "chosen.reward / chosen.token_count - rejected.reward / rejected.token_count"
# TRL's configs, and the same objectives in LossKit.
TRANSLATIONS = [
    ({}, "dpo(beta=0.1, label_smoothing=0) @ log-ratio"),
    ({"beta": 0.5}, "dpo(beta=0.5, label_smoothing=0) @ log-ratio"),
    ({"loss_type": "hinge"}, "hinge(beta=0.1) @ log-ratio"),
    ({"loss_type": "ipo"}, "ipo(beta=0.1) @ mean-log-ratio"),
    (
        {"loss_type": "exo_pair", "label_smoothing": 1e-3},
        "exo-pair(beta=0.1, label_smoothing=0.001, normalized=true) @ log-ratio",
    ),
    ({"loss_type": "nca_pair"}, "nca-pair(beta=0.1, biased=false) @ log-ratio"),
    ({"loss_type": "robust", "label_smoothing": 0.2}, "robust-dpo(beta=0.1, label_smoothing=0.2) @ log-ratio"),
    ({"loss_type": "bco_pair"}, "nca-pair(beta=0.1, biased=true) @ log-ratio"),
    ({"loss_type": "sppo_hard", "beta": 0.02}, "sppo-hard(beta=0.02) @ log-ratio"),
    ({"loss_type": "aot", "label_smoothing": 0.1}, "aot(beta=0.1, label_smoothing=0.1) @ log-ratio"),
    ({"loss_type": "aot_unpaired"}, "aot-unpaired(beta=0.1, label_smoothing=0) @ log-ratio"),
    ({"loss_type": "apo_zero"}, "apo-zero(beta=0.1) @ log-ratio"),
    ({"loss_type": "apo_down"}, "apo-down(beta=0.1) @ log-ratio"),
    ({"loss_type": "discopop", "discopop_tau": 0.1}, "discopop(beta=0.1, tau=0.1) @ log-ratio"),
    ({"loss_type": "sft"}, "sft(per=batch-token)"),
    ({"loss_type": "sigmoid_norm"}, "dpo(beta=0.1, label_smoothing=0) @ mean-log-ratio"),
    (
        {"loss_type": ["sigmoid", "bco_pair", "sft"], "loss_weights": [0.8, 0.2, 1.0]},
        "0.8*dpo(beta=0.1, label_smoothing=0) + 0.2*nca-pair(beta=0.1, biased=true) + sft(per=batch-token) @ log-ratio",
    ),
    (
        {"loss_type": ["sigmoid", "sft"], "loss_weights": [1.0, 0.0]},
        "dpo(beta=0.1, label_smoothing=0) + 0*sft(per=batch-token) @ log-ratio",
    ),
    ({"loss_type": ["ipo", "sft"], "loss_weights": [1, 5e-3]}, "ipo(beta=0.1) + 0.005*sft(per=batch-token) @ mean-log-ratio"),
    (
        {"loss_type": ["sigmoid", "ipo"]},
        f"dpo(beta=0.1, label_smoothing=0) + {{square({MEANS} - 1 / (2 * beta))}}(beta=0.1) @ log-ratio",
    ),
    ({"use_weighting": True}, "wpo(beta=0.1, label_smoothing=0, clamped=false) @ log-ratio"),
    ({"ld_alpha": 0.3}, "dpo(beta=0.1, label_smoothing=0) @ length-desensitized(alpha=0.3)"),
    ({"ld_alpha": 0.3, "loss_type": "nca_pair"}, "nca-pair(beta=0.1, biased=false) @ length-desensitized(alpha=0.3)"),
    ({"f_divergence_type": "forward_kl", "loss_type": "hinge"}, "hinge(beta=0.1) @ forward-kl"),
    (
        {"f_divergence_type": "js_divergence", "loss_type": "sigmoid_norm"},
        f"{{-logsigmoid(beta * ({MEANS}))}}(beta=0.1) @ jensen-shannon",
    ),
    (
        {"f_divergence_type": "alpha_divergence", "f_alpha_divergence_coef": 0.75},
        "dpo(beta=0.1, label_smoothing=0) @ alpha-divergence(alpha=0.25, trl_clamp=true)",
    ),
    (
        {"f_divergence_type": "alpha_divergence", "f_alpha_divergence_coef": 1.0},
        "dpo(beta=0.1, label_smoothing=0) @ log-ratio",
    ),
]


class ObjectiveTests(unittest.TestCase):
    def setUp(self) -> None:
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.directory = folder.name

    def text(self, options: dict[str, object], loss: str | losskit.torch.Objective | None = None) -> str:
        trainer = test_trl.make(LossKitDPOTrainer, self.directory, options, loss=loss)
        return trainer.losskit_objective.objective.text

    def test_a_config_of_trl_trains_as_in_trl(self) -> None:
        for options, text in TRANSLATIONS:
            with self.subTest(options):
                steps = {"max_steps": 3, **options}
                theirs = test_trl.run(DPOTrainer, self.directory, steps)
                ours = test_trl.run(LossKitDPOTrainer, self.directory, steps)
                self.assertEqual(ours.losskit_objective.objective.text, text)
                for name in ("loss", "grad_norm", "logps/chosen", "logps/rejected"):
                    pairs = zip(test_trl.column(ours, name), test_trl.column(theirs, name), strict=True)
                    for found, expected in pairs:
                        self.assertLess(abs(found - expected), 1e-5 * max(1, abs(expected)), name)
                for found, expected in zip(ours.model.parameters(), theirs.model.parameters(), strict=True):
                    torch.testing.assert_close(found, expected, rtol=1e-4, atol=5e-5)

    def test_every_loss_type_of_trl_is_known(self) -> None:
        (field,) = [field for field in dataclasses.fields(DPOConfig) if field.name == "loss_type"]
        types = set(re.findall(r"'([a-z_]+)'", field.metadata["help"]))
        self.assertIn("sigmoid", types)
        for name in types:
            with self.subTest(name):
                options = {"loss_type": name, "label_smoothing": 1e-3 if name == "exo_pair" else 0.0}
                self.assertTrue(self.text(options))

    def test_spellings_of_trl_are_names(self) -> None:
        for loss, text in [
            ("sigmoid", "dpo(beta=0.2, label_smoothing=0) @ log-ratio"),
            ("bco_pair", "nca-pair(beta=0.2, biased=true) @ log-ratio"),
            ("sigmoid_norm", "dpo(beta=0.2, label_smoothing=0) @ mean-log-ratio"),
            # Names that both define are LossKit's.
            ("ipo", "ipo(beta=0.2) @ log-ratio"),
            ("sft(per=token) + hinge", "sft(per=token) + hinge(beta=0.2) @ log-ratio"),
        ]:
            with self.subTest(loss):
                self.assertEqual(self.text({"beta": 0.2}, loss), text)
        self.assertEqual(self.text({}, "hinge"), "hinge(beta=0.05) @ log-ratio")

    def test_what_a_config_sets_is_adopted(self) -> None:
        for options, loss, text in [
            ({"beta": 0.5}, "dpo", "dpo(beta=0.5, label_smoothing=0) @ log-ratio"),
            ({"beta": 0.5}, "dpo(beta=0.5)", "dpo(beta=0.5, label_smoothing=0) @ log-ratio"),
            ({"beta": 0.5}, "dpo + 0.1*hinge", "dpo(beta=0.5, label_smoothing=0) + 0.1*hinge(beta=0.5) @ log-ratio"),
            ({"label_smoothing": 0.2}, "dpo", "dpo(beta=0.1, label_smoothing=0.2) @ log-ratio"),
            ({"discopop_tau": 0.2, "beta": 0.3}, "discopop", "discopop(beta=0.3, tau=0.2) @ log-ratio"),
            ({"ld_alpha": 0.25}, "ld-dpo", "dpo(beta=0.1, label_smoothing=0) @ length-desensitized(alpha=0.25)"),
            (
                {"f_alpha_divergence_coef": 0.75},
                "f-dpo",
                "dpo(beta=0.1, label_smoothing=0) @ alpha-divergence(alpha=0.25, trl_clamp=false)",
            ),
        ]:
            with self.subTest(options, loss=loss):
                self.assertEqual(self.text(options, loss), text)
        made = losskit.torch.Objective("dpo(beta=0.5)")
        self.assertEqual(self.text({"beta": 0.5}, made), "dpo(beta=0.5, label_smoothing=0) @ log-ratio")

    def test_what_contradicts_the_objective_or_does_nothing_is_refused(self) -> None:
        for options, loss, words in [
            ({"beta": 0.5}, "dpo(beta=0.2)", r"beta of dpo is 0.2 in the objective 'dpo\(beta=0.2\)'; set it in one"),
            ({"beta": 0.5}, losskit.torch.Objective("dpo"), "beta=0.5 in args, but beta of dpo is 0.1"),
            ({"beta": 0.5}, "{-logsigmoid(beta * (chosen.reward - rejected.reward))}(beta=0.2)", "but beta of formula is 0.2"),
            ({"beta": 0.5}, "dpo(beta=0.2) + 0.1*dpo(beta=0.5)", "but beta of dpo is 0.2"),
            ({"beta": 0.5}, "sft", "beta=0.5 in args: sft.* has no beta; leave it out"),
            ({"beta": -1.0}, "dpo", "beta"),
            ({"label_smoothing": 0.1}, "ipo", "label_smoothing=0.1 in args: ipo.* has no label_smoothing"),
            ({"discopop_tau": 0.1}, "dpo", "has no tau of discopop; leave it out, or take an objective that has it: discopop"),
            ({"ld_alpha": 0.5}, "dpo", "ld_alpha=0.5 in args: .* ld-dpo"),
            ({"f_alpha_divergence_coef": 0.1}, "dpo", "f_alpha_divergence_coef=0.1 in args: .* f-dpo"),
            ({"f_divergence_type": "forward_kl"}, "dpo", "f_divergence_type='forward_kl' in args beside loss: .*@ forward-kl"),
            ({"use_weighting": True}, "dpo", r"use_weighting=True in args beside loss: .* wpo\(clamped=false\)"),
            ({"loss_type": ["ipo"]}, "dpo", r"loss_type=\['ipo'\] in args beside loss: both name the objective"),
            ({"loss_weights": [0.5]}, "dpo", r"loss_weights=\[0.5\] in args beside loss: write the sum"),
            # Without `loss`, the loss types of TRL.
            ({"label_smoothing": 0.1}, None, r"label_smoothing=0.1 in args has no effect .*loss='dpo\(label_smoothing=…\)'"),
            ({"discopop_tau": 0.1}, None, "discopop_tau=0.1 in args has no effect"),
            ({"loss_type": "sft", "beta": 0.5}, None, "beta=0.5 in args has no effect"),
            ({"f_alpha_divergence_coef": 0.1}, None, "f_alpha_divergence_coef=0.1 in args has no effect"),
            ({"loss_type": "exo_pair"}, None, r"loss_type=\['exo_pair'\] in args is .*label_smoothing"),
            ({"loss_type": "kto"}, None, "'kto' is unknown; TRL knows sigmoid, hinge"),
            ({"f_divergence_type": "js"}, None, "f_divergence_type='js' in args is unknown; TRL knows reverse_kl, forward_kl"),
            ({"loss_type": "ipo", "use_weighting": True}, None, "use_weighting=True in args with loss_type"),
            ({"ld_alpha": 0.5, "f_divergence_type": "forward_kl"}, None, "ld_alpha=0.5 in args with f_divergence_type"),
            ({"ld_alpha": 0.5, "loss_type": "aot"}, None, "ld_alpha=0.5 in args with loss_type='aot'"),
            ({"loss_type": ["sigmoid", "sft"], "loss_weights": [0.0, 0.0]}, None, "loss_type=.* in args is .*weight"),
        ]:
            with self.subTest(options, loss=loss), self.assertRaisesRegex(losskit.LossKitError, words):
                self.text(options, loss)

    def test_the_callers_config_stays_as_it_is(self) -> None:
        args = test_trl.config(self.directory, beta=0.5)
        before = copy.deepcopy(args.to_dict())
        trainer = test_trl.make(LossKitDPOTrainer, self.directory, {"beta": 0.5}, loss="cal-dpo + sft")
        again = LossKitDPOTrainer(
            trainer.model, args=args, train_dataset=test_trl.example.reviews(8, 0), processing_class=trainer.processing_class,
            loss="simpo",
        )  # fmt: skip
        self.assertEqual(args.to_dict(), before)
        # The objective is reported to trackers, and saved with the model.
        self.assertEqual(again.args.loss_type, [again.losskit_objective.objective.text])
        self.assertEqual(again.args.beta, 0.5)


if __name__ == "__main__":
    unittest.main()
