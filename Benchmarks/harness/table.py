"""A run as Markdown, between the markers of Documentation/Benchmarks.md."""

from __future__ import annotations

from . import text
from .problem import Problem
from .results import Case, Growth, Limits, Report, Section

BEGIN, END = "<!-- bench -->", "<!-- /bench -->"


def markdown(report: Report) -> str:
    """The whole block, ending with a line feed."""
    parts = [BEGIN, f"`{report.command}`. Medians, both sides in turn; in parentheses, how many times LossKit's time."]
    parts += ["  \n".join([*report.machine, limits(report.limits)])]
    for section in report.sections:
        parts += [f"**{section.title}**", table(section), *section.notes]
    if report.growth:
        parts += ["**How LossKit's cost grows**", growth(report.growth)]
    return "\n\n".join([*parts, END]) + "\n"


def replaced(document: str, block: str, name: str) -> str:
    """The document with another block between its markers."""
    start, end = document.find(BEGIN), document.find(END)
    if start < 0 or end < start:
        raise Problem(f"{name}: the markers {BEGIN} and {END} are missing; write them where the table belongs")
    return document[:start] + block.rstrip("\n") + document[end + len(END) :]


def limits(limits: Limits) -> str:
    """The line of the machine's limits."""
    return (
        f"Memory: {limits.copy / 1e9:.1f} GB/s copied, {limits.triad / 1e9:.1f} GB/s in a triad (bytes read and written). "
        f"Products by oneDNN: {limits.sgemm / 1e9:,.0f} GFLOP/s in float32"
        + (f", {limits.bfloat16 / 1e9:,.0f} in bfloat16" if limits.bfloat16 else ", none in bfloat16")
        + (f"; by PyTorch: {limits.torch_sgemm / 1e9:,.0f} and {limits.torch_bfloat16 / 1e9:,.0f}." if limits.torch_sgemm else ".")
    )


def table(section: Section) -> str:
    """A row for each case, a column for each configuration, and LossKit's share of the limit."""
    columns = section.columns
    shares = any(case.share is not None for case in section.cases)
    head = ["", *columns, *([f"share of {section.limit}"] if shares else [])]
    lines = [row(head), row([":---", *["---:"] * (len(head) - 1)])]
    for case in section.cases:
        cells = [cell(case, column, section.memory) for column in columns]
        share = [] if not shares else ["–" if case.share is None else f"{100 * case.share:.0f} %"]
        lines.append(row([case.label, *cells, *share]))
    return "\n".join(lines)


def cell(case: Case, column: str, memory: str) -> str:
    """Time, ratio, memory."""
    measurement = case.named(column)
    if measurement is None:
        return "–"
    words = text.time(measurement.seconds)
    if measurement.ratio is not None:
        words += f" ({text.ratio(measurement.ratio)})"
    if memory == "extra" and measurement.extra_bytes is not None:
        words += f", {text.megabytes(measurement.extra_bytes)}"
    if memory == "peak" and measurement.peak_bytes is not None:
        words += f", {text.megabytes(measurement.peak_bytes)}"
    return words


def growth(found: list[Growth]) -> str:
    """A row for each size that varies."""
    lines = [row(["", "from", "to", "exponent"]), row([":---", "---:", "---:", "---:"])]
    for item in found:
        ends = [f"{size:,}: {text.time(seconds)}" for size, seconds in (item.points[0], item.points[-1])]
        lines.append(row([f"{item.name}, by {item.against}", *ends, f"{item.slope:.2f}"]))
    return "\n".join(lines)


def row(cells: list[str]) -> str:
    return "| " + " | ".join(cells) + " |"
