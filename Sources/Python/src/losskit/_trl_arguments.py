"""Prepares the arguments of TRL's trainer for an objective."""

from __future__ import annotations

import contextlib
import copy
import re
import warnings
from typing import Any

import trl

import losskit
from losskit._library import LossKitError
from losskit._trl_columns import NoReference
from losskit._trl_data import check_data, data_columns
from losskit._trl_objective import components

_SUPPLIED = ("policy_logp", "reference_logp", "token_count", "policy_token_logp", "reference_token_logp", "policy_log_collision")


def own_config(call: dict[str, Any]) -> trl.DPOConfig:
    """Returns a copy of the config, or TRL's default one if there is none; the caller's is not changed."""
    config, model = call.get("args"), call["model"]
    if config is None:
        name = model if isinstance(model, str) else model.config.name_or_path
        return trl.DPOConfig(f"{name.split('/')[-1]}-DPO")
    if not isinstance(config, trl.DPOConfig):
        raise LossKitError(f"args: expected a trl.DPOConfig, not {type(config).__name__}")
    return copy.copy(config)


def is_of_whole_batch(objective: losskit.Objective) -> bool:
    """Whether a step must be one evaluation: prompts depend on each other, or each batch updates a state."""
    return not objective.is_rowwise or objective.initial_state() is not None


def check(objective: losskit.Objective, config: trl.DPOConfig, call: dict[str, Any], accumulation: str) -> None:
    """Raises LossKitError for an objective that DPOTrainer cannot supply with columns, given the config and the data."""
    least, largest = objective.responses
    if least > 2 or (largest is not None and largest < 2):
        raise LossKitError(f"loss: {objective.text} is not a loss of pairs; DPOTrainer has pairs")
    if objective.references > 1:
        raise LossKitError(
            f"loss: {objective.text} compares with {objective.references} references; DPOTrainer has one. Call "
            "losskit.torch.Objective in a trainer of your own"
        )
    supplied = {*_SUPPLIED, *data_columns(objective)}
    for column in objective.columns.values():
        if column.name not in supplied and not column.optional:
            raise LossKitError(
                f"loss: {objective.text} reads the column {column.name}, which DPOTrainer does not have; call "
                "losskit.torch.Objective in a trainer of your own"
            )
    datasets = {name: call[name] for name in ("train_dataset", "eval_dataset") if call.get(name) is not None}
    check_data(data_columns(objective), datasets, objective)
    if config.precompute_ref_log_probs and "reference_token_logp" in objective.columns:
        raise LossKitError(
            f"precompute_ref_log_probs=True in args: {objective.text} reads the reference's log-probabilities token by token, and "
            "TRL precomputes their sums alone; set it to False"
        )
    if not is_of_whole_batch(objective) or accumulation != "whole" or config.gradient_accumulation_steps == 1:
        return
    for field, calm in (("disable_dropout", True), ("neftune_noise_alpha", None)):
        if getattr(config, field) != calm:
            raise LossKitError(
                f"{field}={getattr(config, field)} in args with gradient_accumulation_steps={config.gradient_accumulation_steps}: "
                f"{objective.text} looks at the whole batch, which takes two forward passes with equal results; set it to "
                f"{calm}, or accumulation='micro-batch'"
            )


def leave_out_reference(call: dict[str, Any], config: trl.DPOConfig, objective: losskit.Objective) -> None:
    """Keeps TRL from loading a reference model, and warns about arguments that have no effect."""
    fields = [field for field in ("precompute_ref_log_probs", "sync_ref_model") if getattr(config, field)]
    given = ["ref_model"] if call.get("ref_model") is not None else []
    given += [f"{field}=True in args" for field in fields]
    if given:
        warnings.warn(f"{', '.join(given)}: {objective.text} reads no reference; leave it out", stacklevel=3)
    for field in fields:
        setattr(config, field, False)
    call["ref_model"] = NoReference()


def model_card(objective: losskit.Objective) -> tuple[list[str], str, dict[str, str]]:
    """Returns what model cards state: the tags, what the model was trained with, and the paper if there is one."""
    names = [name for name, _ in components(objective.text.split(" @ ")[0])]
    paper = {}
    if len(names) == 1:
        with contextlib.suppress(LossKitError):
            citation = losskit.describe(names[0])["citation"] or ""
            if found := re.search(r"arXiv:(\d{4}\.\d{4,5})", citation):
                paper = {"title": citation, "id": found[1]}
    return ["trl", "losskit", *names], f"LossKit's objective `{objective.text}`", paper
