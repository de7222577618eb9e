"""The Python that the peers run in."""

from __future__ import annotations

import json
import pathlib
import subprocess
import sys

from .context import BENCHMARKS
from .problem import Problem

PACKAGES = ("torch", "trl", "liger-kernel", "transformers", "numpy")
VERSIONS = f"import importlib.metadata as m, json; print(json.dumps({{n: m.version(n) for n in {PACKAGES}}}))"


def versions(python: str) -> dict[str, str] | None:
    """The packages' versions; None where one is missing."""
    try:
        done = subprocess.run([python, "-c", VERSIONS], capture_output=True, text=True)
    except OSError:
        return None
    return json.loads(done.stdout) if done.returncode == 0 else None


def find(work: pathlib.Path) -> tuple[str, dict[str, str]]:
    """This interpreter if it has all packages, otherwise that of an environment that is created for them."""
    if found := versions(sys.executable):
        return sys.executable, found
    directory = work / "venv"
    install(directory)
    python = str(directory / "bin/python")
    if found := versions(python):
        return python, found
    raise Problem(f"{directory}: packages are missing although pip installed them; remove the directory and try again")


def install(directory: pathlib.Path) -> None:
    """Creates the environment if it is missing. PyTorch takes several gigabytes."""
    requirements = BENCHMARKS / "requirements.txt"
    command = [str(BENCHMARKS.parent / "Sources/Python/make-venv"), str(directory), str(requirements), sys.executable]
    if subprocess.run(command, stdout=sys.stderr).returncode != 0:
        raise Problem(
            f"{directory}: the environment could not be created, see above; `make bench PYTHON=…` uses an interpreter that has "
            "PyTorch, TRL and Liger"
        )
