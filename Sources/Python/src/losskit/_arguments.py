"""Converts arguments of the package's functions; errors name the argument of the wrong type."""

from __future__ import annotations

import math
import operator
import os
from typing import Any

import numpy as np
import numpy.typing as npt

from losskit._library import LossKitError


def kind(value: object) -> str:
    """Describes a value's type in words."""
    return "None" if value is None else type(value).__name__


def text(name: str, value: object) -> bytes:
    """Returns a text in the library's form."""
    if not isinstance(value, str):
        raise LossKitError(f"{name}: a text is needed, not {kind(value)}")
    return _encoded(name, value)


def path(name: str, value: object) -> bytes:
    """Returns a path in the library's form."""
    try:
        plain = os.fspath(value)
    except TypeError:
        raise LossKitError(f"{name}: a path is needed, not {kind(value)}") from None
    return _encoded(name, os.fsdecode(plain), "surrogateescape")


def _encoded(name: str, value: str, errors: str = "strict") -> bytes:
    if "\0" in value:
        raise LossKitError(f"{name}: {value!r} contains a NUL character; remove it")
    try:
        return value.encode(errors=errors)
    except UnicodeEncodeError:
        raise LossKitError(f"{name}: {value!r} is not valid Unicode; it contains a lone surrogate") from None


def whole(name: str, value: object, least: int, largest: int) -> int:
    """Returns a whole number within a range."""
    try:
        if isinstance(value, (bool, np.bool_)):
            raise TypeError
        number = operator.index(value)
    except TypeError:
        raise LossKitError(f"{name}: a whole number is needed, not {kind(value)}") from None
    if not least <= number <= largest:
        words = f"{least} or more" if number < least else f"at most {largest}"
        raise LossKitError(f"{name}: a whole number, {words}, is needed, not {number}")
    return number


def whole_numbers(name: str, values: npt.ArrayLike, dtype: type[np.unsignedinteger]) -> npt.NDArray[np.unsignedinteger]:
    """Returns whole numbers, contiguous, in one of the library's types."""
    array = plain(name, values)
    if array.ndim != 1 or array.dtype.kind not in "iu":
        what = f"an array of {array.dtype}" if array.ndim == 1 else f"an array of shape {array.shape}"
        raise LossKitError(f"{name}: a list of whole numbers is needed, not {what}")
    outside = np.flatnonzero((array < 0) | (array > np.iinfo(dtype).max))
    if outside.size:
        raise LossKitError(
            f"{name}: entry {outside[0] + 1} is {array[outside[0]]}; a number from 0 to {np.iinfo(dtype).max} is needed"
        )
    return np.ascontiguousarray(array, dtype)


def numbers(name: str, value: npt.ArrayLike) -> npt.NDArray[np.floating]:
    """Returns an array that the library can read in place, or a converted copy."""
    array = plain(name, value)
    if array.dtype == np.float32 or array.dtype == np.float64:
        return array
    if array.dtype == np.float16:
        return array.astype(np.float32)
    if array.dtype.kind in "iub":
        return array.astype(np.float64)
    what = kind(value) if array.dtype == object and array.ndim == 0 else array.dtype
    raise LossKitError(f"{name}: numbers are needed, not {what}")


def plain(name: str, value: Any) -> npt.NDArray[Any]:
    """Returns an array in the machine's byte order."""
    try:
        array = np.asarray(value)
    except Exception as problem:  # What a type's own conversion raises can be anything.
        remedy = "; pass tensor.detach().cpu().numpy(), or use losskit.torch" if _is_tensor(value) else f": {problem}"
        raise LossKitError(f"{name}: {type(value).__name__} is no array that NumPy can read{remedy}") from None
    return array if array.dtype.isnative else array.astype(array.dtype.newbyteorder("="))


def not_finite(name: str, value: float, per: str | None = None, entry: int = 0) -> LossKitError:
    """Returns the error for a number that is not finite; entry is its index among `per`."""
    place = name if per is None else f"{name} of {per} {entry + 1}"
    number = "NaN" if math.isnan(value) else "-infinity" if value < 0 else "infinity"
    return LossKitError(f"{place} is {number}; expected a finite number", entry if per == "prompt" else None)


def _is_tensor(value: object) -> bool:
    return type(value).__module__.split(".")[0] == "torch"
