"""Derives the numbers of prompts, responses and references from the shapes of a batch's arguments, or reports which is wrong.

All ways to compute use this module, so a shape means the same natively, traced, in NumPy and in JAX:

    per prompt                      [G]
    chosen or rejected of a pair    [G]
    per response                    [K, G], or flat [K*G]
    per token                       [T]

and each of them with R rows before it, [R, …], if the column is per reference.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple

from losskit._batch import Place, counterpart, parts_of
from losskit._library import LossKitError

if TYPE_CHECKING:
    from losskit._objective import Column, Objective


class Extent(NamedTuple):
    """The entries along the last axis of an argument.

    per: "prompt" or "token". rows: the number of entries for each, more than 1 if the rows of a column are end to end.
    """

    name: str
    per: str
    rows: int


class Ranks(NamedTuple):
    """What is known of a batch before the lengths of the last axes."""

    responses: int
    references: int
    extents: tuple[Extent, ...]


def ranks(
    objective: Objective, places: Mapping[str, Place], leading: Sequence[tuple[int, ...] | None], has_counts: bool, has_offsets: bool
) -> Ranks:
    """Checks names and leading axes. leading: all axes of each argument but the last; None for a single number."""
    if not places and not has_offsets:
        raise LossKitError(f"{objective.text}: a batch needs columns; it reads {', '.join(objective.columns)}")
    _check_names(objective, places)
    columns = {name: objective.columns[where.column] for name, where in places.items()}
    inner = {name: _inner(name, columns[name], places[name], axes) for name, axes in zip(places, leading)}
    flat = {
        name: column.per == "response" and places[name].response is None and inner[name][1] is None
        for name, column in columns.items()
    }
    references = _references(objective, columns, inner, flat)
    responses = _responses(objective, places, columns, inner)
    least, largest = objective.responses
    if not has_counts and (responses < least or (largest is not None and responses > largest)):
        words = f"{least}" if least == largest else f"{least} or more" if largest is None else f"{least} to {largest}"
        raise LossKitError(f"{objective.text}: it takes prompts of {words} responses, and the columns have {responses} for each")
    extents = []
    for name, column in columns.items():
        rows = responses * (references if column.per_reference else 1) if flat[name] else 1
        extents.append(Extent(name, "token" if column.per == "token" else "prompt", rows))
    if not has_offsets and (token := next((item.name for item in extents if item.per == "token"), None)):
        raise LossKitError(f"token_offsets: {token} is per token, so they are needed: where each response's tokens start")
    return Ranks(responses, references, tuple(extents))


def prompts(found: Ranks, lengths: Sequence[int], counts: int | None, offsets: int | None) -> int:
    """Checks the lengths of the last axes, and returns the number of prompts. counts, offsets: their lengths."""
    first: dict[str, tuple[str, int]] = {}
    if counts is not None:
        first["prompt"] = "counts", counts
    elif offsets is not None and not any(extent.per == "prompt" for extent in found.extents):
        first["prompt"] = "token_offsets", (offsets - 1) // found.responses
    for (name, per, rows), length in zip(found.extents, lengths):
        entries = length // rows
        if length % rows != 0:
            raise LossKitError(f"{name}: its {length} entries are not {rows} rows of equal length")
        other, expected = first.setdefault(per, (name, entries))
        if entries != expected:
            raise LossKitError(f"{name}: it is for {_counted(entries, per)}, and {other} for {expected}; they have to be as many")
    count = first["prompt"][1]
    if count == 0:
        raise LossKitError(f"{first['prompt'][0]}: the batch has no prompts, and so no mean loss; skip the call")
    if offsets is not None and offsets != count * found.responses + 1:
        raise LossKitError(
            f"token_offsets: {count * found.responses + 1} numbers are needed, one per response and the end, not {offsets}"
        )
    return count


def _counted(count: int, noun: str) -> str:
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


def _check_names(objective: Objective, places: Mapping[str, Place]) -> None:
    """Checks that every argument belongs to a column, and that every column is given once and completely."""
    given: dict[str, dict[int | None, str]] = {}
    for name, where in places.items():
        if where.index < 0:
            raise LossKitError(
                f"{name}: {objective.text} reads no such column; it reads {', '.join(objective.columns)}, and for pairs their "
                "chosen and rejected parts, such as policy_chosen_logps"
            )
        found = given.setdefault(where.column, {})
        for part, other in found.items():
            if part == where.response or None in (part, where.response):
                raise LossKitError(f"{name}: {other} is passed for the same entries; leave one of them out")
        found[where.response] = name
    for found in given.values():
        if None not in found and len(found) == 1:
            (name,) = found.values()
            raise LossKitError(f"{counterpart(name)}: it is missing, and {name} is there; both parts of a pair are needed")
    for name, column in objective.columns.items():
        if name not in given and not column.optional:
            pair = " and ".join(parts_of(name)) if any(where.response is not None for where in places.values()) else ""
            raise LossKitError(f"{objective.text}: the column {name} is missing{pair and f'; for pairs, pass {pair}'}")


def _inner(name: str, column: Column, where: Place, leading: tuple[int, ...] | None) -> tuple[int | None, int | None]:
    """Returns the numbers of references and responses in an argument's leading axes; None for a missing axis."""
    part = where.response is not None
    wanted = "T" if column.per == "token" else "G"
    axes = list(leading) if leading is not None else []
    has_responses = column.per == "response" and not part
    # Two axes are [K, G] for a column per response, and [R, G] for any other column per reference.
    references = axes.pop(0) if column.per_reference and len(axes) == (2 if has_responses else 1) else None
    responses = axes.pop(0) if has_responses and axes else None
    if leading is None or axes:
        shapes = ["[K, G]", "[K*G]"] if has_responses else [f"[{wanted}]"]
        if column.per_reference:
            shapes.append("[R, K, G]" if has_responses else f"[R, {wanted}]")
        had = "a single number" if leading is None else f"one of {len(leading) + 1} axes, [{', '.join(map(str, leading))}, …]"
        what = "one number per pair" if part else f"one number per {column.per}"
        raise LossKitError(f"{name}: {what} is needed, an array {' or '.join(shapes)}, not {had}")
    return references, responses


def _references(
    objective: Objective, columns: Mapping[str, Column], inner: Mapping[str, tuple[int | None, int | None]],
    flat: Mapping[str, bool],
) -> int:  # fmt: skip
    """Returns the number of references of all columns per reference."""
    least = max(1, objective.references)
    first: tuple[str, int] | None = None
    for name, column in columns.items():
        if not column.per_reference or flat[name]:
            continue
        count = inner[name][0] or 1
        first = first or (name, count)
        if count != first[1]:
            raise LossKitError(f"{name}: it is for {_counted(count, 'reference')}, and {first[0]} for {first[1]}; they have to be as many")
        if count < least:
            raise LossKitError(
                f"{name}: {objective.text} compares with {least} references, and this is for {count}; their axis comes first, [R, …]"
            )
    return least if first is None else first[1]


def _responses(
    objective: Objective, places: Mapping[str, Place], columns: Mapping[str, Column],
    inner: Mapping[str, tuple[int | None, int | None]],
) -> int:  # fmt: skip
    """Returns the number of responses per prompt; if no argument determines it, two, or the nearest number that is allowed."""
    first: tuple[str, int] | None = None
    for name, where in places.items():
        count = 2 if where.response is not None else inner[name][1]
        if count is None:
            continue
        first = first or (name, count)
        if count != first[1]:
            raise LossKitError(f"{name}: it is for {_counted(count, 'response')}, and {first[0]} for {first[1]}; they have to be as many")
    if first is not None:
        return first[1]
    least, largest = objective.responses
    return 1 if least <= 1 and (largest == 1 or "label" in columns) else max(2, least)
