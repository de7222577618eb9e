"""Resolves the objective of a TRL trainer, from LossKit's text or TRL's config."""

from __future__ import annotations

import dataclasses
import re
from typing import Any

import trl

import losskit
from losskit._library import LossKitError
from losskit.torch import Objective

# TRL's loss types, with the fields of DPOConfig that each reads.
_TYPES = {
    "sigmoid": "dpo(beta={beta})",
    "hinge": "hinge(beta={beta})",
    "ipo": "ipo(beta={beta})",
    "exo_pair": "exo-pair(beta={beta}, label_smoothing={label_smoothing}, normalized=true)",
    "nca_pair": "nca-pair(beta={beta})",
    "robust": "robust-dpo(beta={beta}, label_smoothing={label_smoothing})",
    "bco_pair": "nca-pair(beta={beta}, biased=true)",
    "sppo_hard": "sppo-hard(beta={beta})",
    "aot": "aot(beta={beta}, label_smoothing={label_smoothing})",
    "aot_unpaired": "aot-unpaired(beta={beta}, label_smoothing={label_smoothing})",
    "apo_zero": "apo-zero(beta={beta})",
    "apo_down": "apo-down(beta={beta})",
    "discopop": "discopop(beta={beta}, tau={discopop_tau})",
    "sft": "sft(per=batch-token)",
    "sigmoid_norm": "dpo(beta={beta})",
}
# Two of them divide each reward by its response's length. In sums with other losses, and with a divergence, a formula does it.
_MARGIN_OF_MEANS = "chosen.reward / chosen.token_count - rejected.reward / rejected.token_count"
_OF_MEANS = {
    "ipo": f"{{{{square({_MARGIN_OF_MEANS} - 1 / (2 * beta))}}}}(beta={{beta}})",
    "sigmoid_norm": f"{{{{-logsigmoid(beta * ({_MARGIN_OF_MEANS}))}}}}(beta={{beta}})",
}
_DIVERGENCES = {"forward_kl": "forward-kl", "js_divergence": "jensen-shannon", "alpha_divergence": "alpha-divergence"}

# The fields of DPOConfig that are hyperparameters: the component that has them (None: any), their name there, and a suggestion of
# objectives that have them.
_HYPERPARAMETERS = {
    "beta": (None, "beta", ""),
    "label_smoothing": (None, "label_smoothing", "dpo, robust-dpo or exo-pair"),
    "discopop_tau": ("discopop", "tau", "discopop"),
    "ld_alpha": ("length-desensitized", "alpha", "ld-dpo, or another loss @ length-desensitized"),
    "f_alpha_divergence_coef": ("alpha-divergence", "alpha", "f-dpo, or another loss @ alpha-divergence"),
}
# The fields that change the objective, and how to write that.
_OTHER_OBJECTIVES = {
    "f_divergence_type": "write the divergence into the objective: @ forward-kl, @ jensen-shannon or @ alpha-divergence",
    "use_weighting": "the objective is wpo(clamped=false)",
    "loss_weights": "write the sum into the objective, such as dpo + 0.2*sft(per=token)",
}
_DEFAULTS = {field.name: field.default for field in dataclasses.fields(trl.DPOConfig)}


def is_trl_spelling(loss: Any) -> bool:
    """Whether a name is one of TRL's loss types, and not a name in LossKit."""
    return isinstance(loss, str) and loss in _TYPES and loss not in {entry.name for entry in losskit.list()}


def objective_of_config(config: trl.DPOConfig) -> Objective:
    """Returns the objective that TRL computes with a config. Raises LossKitError for a combination that LossKit does not have."""
    text = _translation(config)
    try:
        return Objective(text)
    except LossKitError as problem:
        raise LossKitError(f"loss_type={config.loss_type} in args is {text} in LossKit: {problem}") from None


def objective_of_loss(loss: str | Objective, config: trl.DPOConfig) -> Objective:
    """Resolves a text or takes an existing objective, with the hyperparameters that a config sets.

    A field counts as set if it differs from DPOConfig's default: the config does not record what was passed. Raises LossKitError for
    a
    field that contradicts the text, that the objective does not have, or that denotes another objective.
    """
    if not isinstance(loss, (str, Objective)):
        raise LossKitError(f"loss: expected a text or a losskit.torch.Objective, not {type(loss).__name__}")
    if config.loss_type != ["sigmoid"]:
        raise LossKitError(f"loss_type={config.loss_type} in args beside loss: both name the objective; leave one of them out")
    for field, remedy in _OTHER_OBJECTIVES.items():
        if _is_set(config, field):
            raise LossKitError(f"{field}={getattr(config, field)!r} in args beside loss: {remedy}")
    text = loss if isinstance(loss, str) else loss.objective.text
    settings: dict[str, float] = {}
    for field in filter(lambda field: _is_set(config, field), _HYPERPARAMETERS):
        settings |= _settings(text, field, config)
    return Objective(loss, settings=settings) if isinstance(loss, str) else loss


def components(text: str) -> list[tuple[str, dict[str, str]]]:
    """Returns the names in an objective's resolved text, the parameterization last, each with its hyperparameters."""
    named = re.sub(r"\{[^{}]*\}", "formula", text)
    found = re.findall(r"([a-z][a-z0-9-]*)(?:\(([^()]*)\))?(?= \+ | @ |$)", named)
    return [(name, dict(pair.split("=") for pair in values.split(", ")) if values else {}) for name, values in found]


def _is_set(config: trl.DPOConfig, field: str) -> bool:
    return getattr(config, field) != _DEFAULTS[field]


# ---- TRL's config


def _translation(config: trl.DPOConfig) -> str:
    """Translates a config's loss types, divergence and weights to an objective's text."""
    types = config.loss_type
    for name in types:
        if name not in _TYPES:
            raise LossKitError(f"loss_type={types} in args: {name!r} is unknown; TRL knows {', '.join(_TYPES)}")
    if len(types) != len(config.loss_weights or types):
        raise LossKitError(f"loss_weights={config.loss_weights} in args: expected {len(types)} weights, one per loss type")
    reward = _parameterization(config)
    templates = {name: _TYPES[name] for name in types}
    if config.use_weighting:
        if types != ["sigmoid"]:
            raise LossKitError(f"use_weighting=True in args with loss_type={types}: LossKit weighs DPO alone; leave it out")
        templates["sigmoid"] = "wpo(beta={beta}, clamped=false)"
    of_means = {name: _OF_MEANS[name] for name in types if name in _OF_MEANS}
    if of_means and reward is None and set(types) <= {*of_means, "sft"}:
        reward = "mean-log-ratio"
    else:
        templates |= of_means
    _check_use(config, templates)
    values = {field: repr(float(getattr(config, field))) for field in ("beta", "label_smoothing", "discopop_tau")}
    weights = config.loss_weights or [1.0] * len(types)
    terms = [
        ("" if weight == 1 else f"{float(weight)!r}*") + templates[name].format(**values)
        for name, weight in zip(types, weights)
    ]
    return " + ".join(terms) + ("" if reward is None else f" @ {reward}")


def _parameterization(config: trl.DPOConfig) -> str | None:
    """Returns the reward of ld_alpha or the divergence; None for the plain log-ratio."""
    divergence, alpha = config.f_divergence_type, config.ld_alpha
    if alpha is not None:
        for what, is_there in {
            f"f_divergence_type={divergence!r}": divergence != "reverse_kl",
            "loss_type='aot'": "aot" in config.loss_type,
        }.items():
            if is_there:
                raise LossKitError(f"ld_alpha={alpha} in args with {what}: LossKit has no objective of both; leave one out")
        return f"length-desensitized(alpha={float(alpha)!r})"
    if divergence == "reverse_kl":
        return None
    if divergence not in _DIVERGENCES:
        known = ", ".join(["reverse_kl", *_DIVERGENCES])
        raise LossKitError(f"f_divergence_type={divergence!r} in args is unknown; TRL knows {known}")
    if divergence != "alpha_divergence":
        return _DIVERGENCES[divergence]
    # TRL's coefficient is 1 - α; this close to 1, TRL uses the log-ratio.
    coefficient = float(config.f_alpha_divergence_coef)
    return None if abs(coefficient - 1) < 1e-6 else f"alpha-divergence(alpha={1 - coefficient!r}, trl_clamp=true)"


def _check_use(config: trl.DPOConfig, templates: dict[str, str]) -> None:
    """Rejects fields that are set but not read by any of the loss types."""
    reads = {field: any(f"{{{field}}}" in template for template in templates.values()) for field in _HYPERPARAMETERS}
    has_reward = set(templates) != {"sft"}
    reads["ld_alpha"] = reads["f_divergence_type"] = has_reward
    reads["f_alpha_divergence_coef"] = has_reward and config.f_divergence_type == "alpha_divergence"
    for field, is_read in reads.items():
        if _is_set(config, field) and not is_read:
            hint = "; conservative DPO is loss='dpo(label_smoothing=…)'" if field == "label_smoothing" else ""
            raise LossKitError(
                f"{field}={getattr(config, field)!r} in args has no effect with loss_type={list(templates)}; leave it out{hint}"
            )


# ---- LossKit's text


def _settings(text: str, field: str, config: trl.DPOConfig) -> dict[str, float]:
    """Returns what a set field adds to an objective's text."""
    owner, key, remedy = _HYPERPARAMETERS[field]
    given = getattr(config, field)
    value = 1 - given if field == "f_alpha_divergence_coef" else given
    resolved = losskit.Objective(text).text
    owners = [(name, values[key]) for name, values in components(resolved) if key in values and owner in (None, name)]
    if not owners:
        hint = f", or take an objective that has it: {remedy}" if remedy else ""
        wanted = key if owner is None else f"{key} of {owner}"
        raise LossKitError(f"{field}={given!r} in args: {resolved} has no {wanted}; leave it out{hint}")
    settings = {}
    for name, present in owners:
        if float(present) == value:
            continue
        if _is_given(text, name, key, present):
            raise LossKitError(
                f"{field}={given!r} in args, but {key} of {name} is {present} in the objective {text!r}; set it in one of the two"
            )
        settings[f"{name}.{key}"] = value
    return settings


def _is_given(text: str, name: str, key: str, value: str) -> bool:
    """Whether an objective's text already sets a hyperparameter."""
    try:
        losskit.Objective(text, settings={f"{name}.{key}": value})
    except LossKitError:
        return True
    return False
