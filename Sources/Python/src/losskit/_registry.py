"""The available losses, rewards, policies and objectives."""

from __future__ import annotations

import builtins
import ctypes
import functools
import json
import os
import weakref
from collections.abc import Iterable
from dataclasses import dataclass, fields
from typing import Any

from losskit import _arguments, _library
from losskit._library import LossKitError

KINDS = ("loss", "reward", "policy", "objective")


@dataclass(frozen=True)
class Entry:
    """An entry that a plugin offers.

    `kind` is loss, reward, policy or objective; `library` the file it comes from. `numeric_gradient`: its gradients are
    differences, not exact. `shadowed_by` names the library that is used instead, `conflicts_with` those that claim the same
    name.
    """

    kind: str
    name: str
    version: str
    summary: str
    numeric_gradient: bool
    library: str
    shadowed_by: str | None
    conflicts_with: tuple[str, ...]


class Registry:
    """Finds losses, rewards and objectives by name.

    directories: absolute paths searched for plugins, the first wins. default_path: whether the directories of
    LOSSKIT_PLUGIN_PATH and the plugins that came with the library follow. allowed_digests: the SHA-256 sums, in hexadecimal,
    of the only files to be opened. A plugin runs with the rights of this process. It can be copied and pickled; a copy is opened anew,
    from the same places.
    """

    def __init__(
        self,
        directories: Iterable[str | os.PathLike[str]] = (),
        *,
        default_path: bool = True,
        allowed_digests: Iterable[str] | None = None,
    ) -> None:
        paths = [_arguments.path("directories", path) for path in _members("directories", directories)]
        digests = None
        if allowed_digests is not None:
            digests = [_arguments.text("allowed_digests", digest) for digest in _members("allowed_digests", allowed_digests)]
        allowed = None if digests is None else [digest.decode() for digest in digests]
        self._origin = [os.fsdecode(path) for path in paths], default_path, allowed
        self._opened: builtins.list[str] = []
        options = _library.RegistryOptions()
        options.directories, options.directory_count = _library.texts(paths), len(paths)
        if digests is not None:
            # An empty list allows nothing, unlike no list.
            options.allowed_digests = _library.texts(digests or [b""])
            options.allowed_digest_count = len(digests)
        options.flags = _library.DEFAULT_PATH if default_path else 0
        handle = ctypes.c_void_p()
        _library.call("losskit_registry_open", ctypes.byref(options), ctypes.byref(handle))
        self._handle = handle
        self._close = weakref.finalize(self, _close, handle)

    def open(self, path: str | os.PathLike[str]) -> None:
        """Opens a plugin by its path; it takes precedence over the directories."""
        _library.call("losskit_registry_add", self._handle, _arguments.path("path", path))
        self._opened.append(os.path.abspath(os.fsdecode(path)))

    def __reduce__(self) -> tuple[Any, ...]:
        return _opened_again, (*self._origin, self._opened)

    def list(self, kind: str | None = None) -> builtins.list[Entry]:
        """Returns all entries, or those of one kind: loss, reward, policy or objective."""
        if kind is not None and kind not in KINDS:
            raise LossKitError(f"kind: {kind!r} is unknown; {', '.join(KINDS[:-1])} and {KINDS[-1]} are known")
        return [entry for entry in self._listing[0] if kind is None or entry.kind == kind]

    @property
    def problems(self) -> builtins.list[str]:
        """The reasons why libraries of the directories cannot be used."""
        return self._listing[1]

    @property
    def _listing(self) -> tuple[builtins.list[Entry], builtins.list[str]]:
        listing = json.loads(_library.text("losskit_registry_list", self._handle))
        return [_entry(item) for item in listing["entries"]], [problem["message"] for problem in listing["problems"]]

    def describe(self, name: str) -> dict[str, Any]:
        """Returns the full description of a name, as `losskit describe --json` prints it.

        A name that a loss and a reward share gives the loss. Raises LossKitError for an unknown name, with the nearest ones.
        """
        cards = json.loads(_library.text("losskit_registry_describe", self._handle, _arguments.text("name", name)))
        return cards[0]

    def close(self) -> None:
        """Closes the registry; objectives made from it stay open."""
        self._close()


def _entry(item: dict[str, Any]) -> Entry:
    """Returns an entry of the listing, ignoring fields that only a newer library has."""
    known = {field.name: item[field.name] for field in fields(Entry)}
    return Entry(**{**known, "conflicts_with": tuple(known["conflicts_with"])})


def _members(name: str, values: object) -> builtins.list[Any]:
    """Returns the members of a list; rejects a text, whose members would be its letters."""
    if isinstance(values, (str, bytes, os.PathLike)) or not isinstance(values, Iterable):
        raise LossKitError(f"{name}: a list is needed, not {_arguments.kind(values)}")
    return builtins.list(values)


def _opened_again(
    directories: builtins.list[str], default_path: bool, allowed_digests: builtins.list[str] | None, opened: builtins.list[str]
) -> Registry:
    """Restores a pickled registry."""
    registry = Registry(directories, default_path=default_path, allowed_digests=allowed_digests)
    for path in opened:
        registry.open(path)
    return registry


def _close(handle: ctypes.c_void_p) -> None:
    _library.call("losskit_registry_close", handle)


@functools.cache
def shared() -> Registry:
    """Returns the default registry: the plugins that came with the library, and those of LOSSKIT_PLUGIN_PATH."""
    return Registry()


def list(kind: str | None = None) -> builtins.list[Entry]:
    """Returns all entries of the default registry, or those of one kind: loss, reward, policy or objective."""
    return shared().list(kind)


def describe(name: str) -> dict[str, Any]:
    """Returns the full description of a name in the default registry; see `Registry.describe`."""
    return shared().describe(name)
