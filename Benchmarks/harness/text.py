"""Numbers formatted for tables."""

from __future__ import annotations

import math


def significant(value: float, digits: int) -> str:
    """Rounds to `digits` significant digits, with commas and without an exponent."""
    if value == 0:
        return "0"
    places = digits - 1 - math.floor(math.log10(abs(value)))
    rounded = round(value, places)
    if rounded and math.floor(math.log10(abs(rounded))) > math.floor(math.log10(abs(value))):
        places -= 1
    return f"{rounded:,.{max(0, places)}f}"


def time(seconds: float) -> str:
    """Three digits, in the largest unit that gives at least 1."""
    for unit, factor in (("s", 1), ("ms", 1e3), ("µs", 1e6)):
        if seconds * factor >= 0.9995:
            return f"{significant(seconds * factor, 3)} {unit}"
    return f"{significant(seconds * 1e9, 3)} ns"


def megabytes(count: int) -> str:
    """Whole megabytes."""
    return f"{count / 1e6:,.0f} MB"


def ratio(value: float) -> str:
    """A multiple, such as 2.1×."""
    return f"{significant(value, 2 if value < 100 else 3)}×"
