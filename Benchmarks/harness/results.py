"""The results of a run."""

from __future__ import annotations

import dataclasses

from .slope import slope


@dataclasses.dataclass
class Measurement:
    """A configuration's median seconds per call, and LossKit's median measured beside it."""

    name: str
    seconds: float
    losskit_seconds: float | None = None
    peak_bytes: int | None = None
    extra_bytes: int | None = None

    @property
    def ratio(self) -> float | None:
        """The time as a multiple of LossKit's."""
        return None if self.losskit_seconds is None else self.seconds / self.losskit_seconds


@dataclasses.dataclass
class Case:
    """A row of a table: the measurements of each configuration, LossKit's first."""

    label: str
    measurements: list[Measurement] = dataclasses.field(default_factory=list)
    share: float | None = None
    """The fraction of the machine's limit that LossKit reaches."""

    def named(self, name: str) -> Measurement | None:
        return next((measurement for measurement in self.measurements if measurement.name == name), None)


@dataclasses.dataclass
class Section:
    """A table."""

    name: str
    title: str
    cases: list[Case]
    limit: str = ""
    """The limit that `share` refers to."""
    notes: list[str] = dataclasses.field(default_factory=list)
    memory: str = ""
    """The memory that the table shows: "peak" of the process, or "extra", which excludes the inputs."""

    @property
    def columns(self) -> list[str]:
        """The names of the configurations, in order of appearance."""
        return list(dict.fromkeys(measurement.name for case in self.cases for measurement in case.measurements))


@dataclasses.dataclass
class Growth:
    """LossKit's seconds at several sizes."""

    against: str
    name: str
    points: list[tuple[int, float]]

    @property
    def slope(self) -> float:
        """The exponent of the size."""
        return slope([size for size, _ in self.points], [seconds for _, seconds in self.points])


@dataclasses.dataclass
class Limits:
    """The machine's limits: bytes per second, read and written, and operations per second."""

    copy: float
    triad: float
    sgemm: float
    bfloat16: float | None
    """None where oneDNN has no products in bfloat16 on this processor."""
    torch_sgemm: float | None = None
    """The rate of PyTorch's products; None where no peer is measured."""
    torch_bfloat16: float | None = None

    @property
    def bandwidth(self) -> float:
        return max(self.copy, self.triad)


@dataclasses.dataclass
class Report:
    """A whole run."""

    command: str
    machine: list[str]
    limits: Limits
    sections: list[Section]
    growth: list[Growth]
