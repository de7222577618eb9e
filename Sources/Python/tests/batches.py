"""Batches of random columns that any objective can read."""

from __future__ import annotations

import numpy as np

import losskit

PROMPTS = 6


def responses_of(objective: losskit.Objective) -> int:
    """Two responses, or the nearest number that the objective takes."""
    least, largest = objective.responses
    return min(max(2, least), largest or max(2, least))


def random_batch(objective: losskit.Objective, seed: int = 0, prompts: int = PROMPTS) -> dict[str, np.ndarray]:
    """Columns by name, and token_offsets where tokens are read, as arguments of `evaluate`."""
    draw = np.random.default_rng(seed)
    responses, references = responses_of(objective), max(1, objective.references)
    lengths = draw.integers(2, 7, (responses, prompts))
    offsets = np.concatenate([[0], np.cumsum(lengths.ravel())])
    batch: dict[str, np.ndarray] = {}
    base = draw.normal(-20, 4, (responses, prompts))
    for column in objective.columns.values():
        shape = {"prompt": (prompts,), "response": (responses, prompts), "token": (int(offsets[-1]),)}[column.per]
        if column.per_reference and (references > 1 or column.per != "response"):
            shape = (references, *shape)
        batch[column.name] = _values(column, shape, base, lengths, draw)
    if any(column.per == "token" for column in objective.columns.values()):
        batch["token_offsets"] = offsets
    return batch


def _values(
    column: losskit.Column, shape: tuple[int, ...], base: np.ndarray, lengths: np.ndarray, draw: np.random.Generator
) -> np.ndarray:
    if column.per == "token":
        return -draw.exponential(1.5, shape) - 0.05
    match column.name:
        case "token_count":
            return lengths.astype(float)
        case "label":
            return np.broadcast_to(np.arange(shape[-1]) % 2 == 0, shape).astype(float)
        case "score":
            return np.sort(draw.normal(0, 1, shape), axis=0)[::-1].copy()
        case "policy_logp" | "reference_logp":
            return base + draw.normal(0, 1, shape)
        case name if "logp" in name or "collision" in name:
            return -draw.exponential(10, shape) - 1
        case _:
            return draw.uniform(0.1, 1, shape)


def every_objective() -> list[str]:
    """The names of all losses and named objectives."""
    return sorted(entry.name for kind in ("loss", "objective") for entry in losskit.list(kind))
