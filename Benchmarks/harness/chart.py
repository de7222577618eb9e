"""The chart of a run: each peer's time as a multiple of LossKit's, on a logarithmic scale."""

from __future__ import annotations

import math
from xml.sax.saxutils import escape

from . import text
from .results import Measurement, Report

WIDTH, LEFT, RIGHT, LINE, TOP = 860, 270, 60, 17, 62
FAMILIES = (("PyTorch", "c0"), ("torch.compile", "c1"), ("TRL", "c2"), ("Liger", "c3"))
STYLE = """:root { --ground: #ffffff; --ink: #1b1f24; --quiet: #5c6670; --grid: #e3e6ea; --c0: #0072b2; --c1: #d55e00; --c2: #00805d; --c3: #a8437f; }
@media (prefers-color-scheme: dark) { :root { --ground: #14171b; --ink: #e8ebef; --quiet: #9aa4af; --grid: #2c323a; --c0: #56b4e9; --c1: #ff8f4a; --c2: #35cf9f; --c3: #e594c2; } }
.chart { font: 12px system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", sans-serif; }
.chart text { fill: var(--ink); } .chart .quiet { fill: var(--quiet); } .chart .title { font-size: 15px; font-weight: 650; }
.chart .head { font-weight: 600; stroke: var(--ground); stroke-width: 4; paint-order: stroke; } .chart circle { opacity: 0.85; } .chart .ground { fill: var(--ground); } .chart .grid { stroke: var(--grid); }
.chart .one { stroke: var(--ink); stroke-width: 1.5; } .chart .end { text-anchor: end; } .chart .middle { text-anchor: middle; }
.chart .c0 { fill: var(--c0); } .chart .c1 { fill: var(--c1); } .chart .c2 { fill: var(--c2); } .chart .c3 { fill: var(--c3); }"""


def family(name: str) -> str:
    """The color of a configuration."""
    for start, color in (("TRL", "c2"), ("Liger", "c3")):
        if name.startswith(start):
            return color
    return "c1" if "compile" in name else "c0"


def svg(report: Report) -> str:
    """The chart as SVG."""
    rows = lines(report)
    ratios = [measurement.ratio for _, measurements in rows for measurement in measurements]
    scale = Scale(min([1.0, *ratios]), max([10.0, *ratios]))
    height = TOP + LINE * len(rows) + 30
    body = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{height}" viewBox="0 0 {WIDTH} {height}" class="chart" role="img" '
        'aria-label="How many times as long as LossKit each peer takes">',
        f"<style>{STYLE}</style>", f'<rect class="ground" width="{WIDTH}" height="{height}"/>',
        '<text class="title" x="16" y="24">How many times as long as LossKit</text>', *legend(), *grid(scale, height),
    ]  # fmt: skip
    for index, (label, measurements) in enumerate(rows):
        y = TOP + LINE * index + 12
        if measurements:
            body.append(f'<text class="end" x="{LEFT - 10}" y="{y}">{escape(label)}</text>')
            body += [dot(measurement, scale, y - 4) for measurement in measurements]
        else:
            body.append(f'<text class="head" x="16" y="{y}">{escape(label)}</text>')
    return "\n".join([*body, "</svg>"]) + "\n"


class Scale:
    """Maps a ratio to a horizontal position."""

    def __init__(self, low: float, high: float) -> None:
        self.low, self.high = math.log10(low) - 0.05, math.log10(high) + 0.05

    def __call__(self, value: float) -> float:
        return LEFT + (WIDTH - LEFT - RIGHT) * (math.log10(value) - self.low) / (self.high - self.low)

    @property
    def ticks(self) -> list[float]:
        """1, 2, 5, 10, … where there is room, otherwise powers of ten."""
        steps = (1, 2, 5) if self.high - self.low < 2.5 else (1,)
        powers = range(math.floor(self.low), math.ceil(self.high) + 1)
        ticks = [step * 10.0**power for power in powers for step in steps]
        return [tick for tick in ticks if self.low <= math.log10(tick) <= self.high]


def lines(report: Report) -> list[tuple[str, list[Measurement]]]:
    """The rows: a heading for each section, then its cases."""
    rows = []
    for section in report.sections:
        cases = [(case.label, [item for item in case.measurements if item.ratio is not None]) for case in section.cases]
        cases = [(label, measurements) for label, measurements in cases if measurements]
        rows += [(section.title, []), *cases] if cases else []
    return rows


def legend() -> list[str]:
    x, parts = 16, []
    for name, color in FAMILIES:
        parts.append(f'<circle class="{color}" cx="{x + 5}" cy="42" r="5"/><text class="quiet" x="{x + 15}" y="46">{name}</text>')
        x += 36 + 7 * len(name)
    return parts


def grid(scale: Scale, height: int) -> list[str]:
    parts = []
    for tick in scale.ticks:
        x, kind = f"{scale(tick):.1f}", "one" if tick == 1 else "grid"
        parts.append(f'<line class="{kind}" x1="{x}" x2="{x}" y1="{TOP}" y2="{height - 26}"/>')
        parts.append(f'<text class="quiet middle" x="{x}" y="{height - 10}">{tick:g}×</text>')
    return parts


def dot(measurement: Measurement, scale: Scale, y: float) -> str:
    words = f"{measurement.name}: {text.time(measurement.seconds)}, {text.ratio(measurement.ratio)}"
    x = f"{scale(measurement.ratio):.1f}"
    return f'<circle class="{family(measurement.name)}" cx="{x}" cy="{y}" r="5"><title>{escape(words)}</title></circle>'
