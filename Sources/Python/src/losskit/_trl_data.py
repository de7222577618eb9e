"""Columns that an objective reads from a data set besides the responses, such as scores."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import torch

import losskit
from losskit._library import LossKitError

# Prefixes of columns that a model or its trainer computes, and no data set contains.
_COMPUTED = ("policy_", "reference_", "mismatched_", "token_", "reward")


def data_columns(objective: losskit.Objective) -> dict[str, tuple[str, ...]]:
    """Returns the data set's columns for each column that an objective reads: `chosen_score` and `rejected_score` for `score`."""
    found = {}
    for column in objective.columns.values():
        if column.optional or column.per_reference or column.per == "token" or column.name.startswith(_COMPUTED):
            continue
        is_of_response = column.per == "response"
        found[column.name] = (f"chosen_{column.name}", f"rejected_{column.name}") if is_of_response else (column.name,)
    return found


def check_data(columns: Mapping[str, tuple[str, ...]], datasets: Mapping[str, Any], objective: losskit.Objective) -> None:
    """Raises LossKitError for a data set that lacks a column; for a stream, that only shows with its first batch."""
    for argument, dataset in datasets.items():
        parts = dataset if isinstance(dataset, dict) else {"": dataset}
        for part, rows in parts.items():
            present = getattr(rows, "column_names", None)
            if present is None:
                continue
            for column, names in columns.items():
                if missing := [name for name in names if name not in present]:
                    place = f"{argument}[{part!r}]" if part else argument
                    raise LossKitError(
                        f"{place}: {objective.text} reads the column {column}, and the data set has no {' and no '.join(missing)}; "
                        "add it, a number in each row"
                    )


class WithData:
    """A collator that adds numeric columns to the result of another collator."""

    def __init__(self, collator: Callable[[list[dict[str, Any]]], dict[str, Any]], names: list[str]) -> None:
        self._collator, self._names = collator, names

    def __call__(self, rows: list[dict[str, Any]]) -> dict[str, Any]:
        batch = self._collator(rows)
        for name in self._names:
            try:
                batch[name] = torch.tensor([float(row[name]) for row in rows])
            except (KeyError, TypeError, ValueError) as problem:
                raise LossKitError(f"data set: {name} has to be a number in each row: {problem!r}") from None
        return batch
