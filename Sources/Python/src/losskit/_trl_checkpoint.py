"""Saves and restores an objective's state with the checkpoints of TRL's trainer."""

from __future__ import annotations

import json
import os

import torch

from losskit._library import LossKitError
from losskit.torch import Objective

_FILE = "losskit_state.json"


def save_objective(module: Objective, directory: str) -> None:
    """Writes the objective and its state into a checkpoint's directory."""
    os.makedirs(directory, exist_ok=True)
    saved = {
        "objective": module.objective.text,
        "hash": module.objective.hash,
        "state": None if module.state is None else module.state.tolist(),
    }
    with open(os.path.join(directory, _FILE), "w", encoding="utf-8") as file:
        json.dump(saved, file)


def restore_objective(module: Objective, directory: str) -> None:
    """Restores the objective's state from a checkpoint.

    A checkpoint without the file, such as one of TRL's own trainer, is accepted for an objective without a state. Raises LossKitError
    for a checkpoint of another objective, and for a file that cannot be read.
    """
    objective, path = module.objective, os.path.join(directory, _FILE)
    try:
        with open(path, encoding="utf-8") as file:
            saved = json.load(file)
        text, state = saved["objective"], saved["state"]
    except FileNotFoundError:
        if module.state is None:
            return
        raise LossKitError(
            f"{path}: the file does not exist, and {objective.text} has a state from step to step; resume from a checkpoint of "
            f"this objective, or start with the checkpoint's model: model={directory!r}"
        ) from None
    except (OSError, ValueError, KeyError, TypeError) as problem:
        raise LossKitError(f"{path}: the objective cannot be read: {problem!r}; resume from another checkpoint") from None
    # LossKit 1.0 wrote no hash.
    if text != objective.text or saved.get("hash", objective.hash) != objective.hash:
        change = (
            f"its loss has changed since, though its text, {text}, has not"
            if text == objective.text
            else f"it was trained with {text}, and this trainer's objective is {objective.text}"
        )
        raise LossKitError(
            f"{directory}: {change}; resume with the objective it was trained with, or start with its model: model={directory!r}"
        )
    if module.state is not None:
        module.state.copy_(torch.tensor(state, dtype=torch.float64))
