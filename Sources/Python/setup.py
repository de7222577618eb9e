"""Builds the wheel with the native library, the plugins, the program that opens them for the library's index, and the parts of the
Swift runtime that they need.

LOSSKIT_PREFIX names an installed prefix to take them from; without it `make` builds and installs them from the checkout
that contains this folder.
"""

import os
import pathlib
import re
import shutil
import subprocess

from setuptools import Distribution, setup
from setuptools.command.bdist_wheel import bdist_wheel
from setuptools.command.build_py import build_py

HERE = pathlib.Path(__file__).resolve().parent
# Small system libraries that can be missing on a machine; larger ones, such as the C library, are on every machine.
BUNDLED = ("libffi.so", "libmd.so")
# Policies need oneDNN, which is larger than everything else together, and Python does not use them.
POLICIES = {"libTransformer.so", "libLogProbabilityFile.so"}


def installed_prefix(scratch: pathlib.Path) -> pathlib.Path:
    """The prefix to take the native files from; created if none is named."""
    if prefix := os.environ.get("LOSSKIT_PREFIX"):
        return pathlib.Path(prefix)
    checkout = HERE.parent.parent
    if not (checkout / "Package.swift").is_file():
        raise SystemExit(
            f"{HERE}: LossKit's sources are not two folders up, and LOSSKIT_PREFIX names no installed LossKit; "
            "install from a checkout, or run 'make install PREFIX=…' there and set LOSSKIT_PREFIX"
        )
    subprocess.run(["make", "build"], cwd=checkout, check=True)
    subprocess.run(["make", "install-library", f"PREFIX={scratch}"], cwd=checkout, check=True)
    return scratch


def version() -> str:
    """The version of the native library, from its header."""
    prefix = os.environ.get("LOSSKIT_PREFIX")
    folder = pathlib.Path(prefix) / "include" if prefix else HERE.parent / "CLossKit" / "include"
    header = folder / "losskit.h"
    if not header.is_file():
        raise SystemExit(
            f"{header}: there is no such file; install from a checkout, or set LOSSKIT_PREFIX to an installed LossKit"
        )
    return re.search(r'#define LOSSKIT_VERSION "(.*)"', header.read_text()).group(1)


def needed_libraries(prefix: pathlib.Path, files: list[pathlib.Path]) -> set[pathlib.Path]:
    """The libraries that these files need and the package includes: those of the prefix, and a few of the system's.

    A prefix can contain others, for the command.
    """
    own = prefix.resolve() / "lib" / "losskit"
    found = set()
    for line in subprocess.run(["ldd", *files], check=True, capture_output=True, text=True).stdout.splitlines():
        if "=>" not in line:
            continue
        name, path = line.strip().split(" => ")
        if name.startswith(BUNDLED) or pathlib.Path(path.split(" (")[0]).resolve().is_relative_to(own):
            found.add(own / name if (own / name).is_file() else pathlib.Path(path.split(" (")[0]))
    return found


class BuildWithLibraries(build_py):
    """Copies liblosskit.so, the plugins and the Swift runtime into the package."""

    def run(self) -> None:
        super().run()
        package = pathlib.Path(self.build_lib) / "losskit" / "native" / "lib"
        prefix = installed_prefix(pathlib.Path(self.build_lib).resolve().parent / "prefix")
        library = prefix / "lib" / "liblosskit.so"
        if not library.is_file():
            raise SystemExit(f"{library}: there is no such file; run 'make install PREFIX={prefix}' first")
        shutil.rmtree(package, ignore_errors=True)
        (package / "losskit" / "plugins").mkdir(parents=True)
        plugins = [path for path in (prefix / "lib" / "losskit" / "plugins").glob("*.so") if path.name not in POLICIES]
        shutil.copy2(library, package)
        indexer = prefix / "lib" / "losskit" / "losskit-index"
        shutil.copy2(indexer, package / "losskit")
        for source in needed_libraries(prefix, [library, indexer, *plugins]):
            shutil.copy2(source, package / "losskit")
        for source in plugins:
            shutil.copy2(source, package / "losskit" / "plugins")


class NativeWheel(bdist_wheel):
    """A wheel for any Python of this platform: the library is called through ctypes."""

    def get_tag(self) -> tuple[str, str, str]:
        return "py3", "none", super().get_tag()[2]


class NativeDistribution(Distribution):
    """A distribution that is not pure Python."""

    def has_ext_modules(self) -> bool:
        return True


setup(
    version=version(),
    cmdclass={"build_py": BuildWithLibraries, "bdist_wheel": NativeWheel},
    distclass=NativeDistribution,
)
