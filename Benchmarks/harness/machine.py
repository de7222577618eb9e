"""A description of the machine and its software."""

from __future__ import annotations

import os
import pathlib
import platform

GIGA = 1 << 30


def processor() -> str:
    """The processor's name."""
    for line in pathlib.Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.split(":", 1)[1].strip()
    return platform.machine()


def vectors() -> str:
    """The widest vector instructions of the processor."""
    text = pathlib.Path("/proc/cpuinfo").read_text()
    for flag, name in (("avx512_bf16", "AVX-512 with bfloat16"), ("avx512f", "AVX-512"), ("avx2", "AVX2")):
        if f" {flag}" in text:
            return name
    return "baseline vectors"


def describe(threads: int, versions: dict[str, str]) -> list[str]:
    """Two lines: the machine, and what is installed."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / GIGA
    names = {"torch": "PyTorch", "trl": "TRL", "liger-kernel": "Liger", "transformers": "transformers"}
    packages = [f"Python {platform.python_version()}", *(f"{name} {versions[key]}" for key, name in names.items() if key in versions)]
    return [
        f"{processor()} ({platform.machine()}, {vectors()}), {os.cpu_count()} cores, {memory:.0f} GB; every process on {threads}",
        ", ".join([platform.freedesktop_os_release().get("PRETTY_NAME", "Linux"), *packages]),
    ]
