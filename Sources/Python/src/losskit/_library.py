"""liblosskit.so through ctypes: its structs and functions, with failures as exceptions."""

from __future__ import annotations

import ctypes
import functools
import os
import pathlib

WHOLE = -1
FLOAT64, FLOAT32 = 0, 1
DEFAULT_PATH = 1
MEAN, SUM = 0, 1


class LossKitError(ValueError):
    """An error that LossKit reports; the message gives place, problem and remedy.

    `prompt` is the index of the prompt it concerns, from 0, or None. The message counts prompts from 1.
    """

    def __init__(self, message: str, prompt: int | None = None) -> None:
        super().__init__(message)
        self.prompt = prompt


class Failure(ctypes.Structure):
    _fields_ = [("prompt", ctypes.c_int64), ("message", ctypes.c_char * 2040)]


class RegistryOptions(ctypes.Structure):
    _fields_ = [
        ("directories", ctypes.POINTER(ctypes.c_char_p)),
        ("directory_count", ctypes.c_size_t),
        ("allowed_digests", ctypes.POINTER(ctypes.c_char_p)),
        ("allowed_digest_count", ctypes.c_size_t),
        ("flags", ctypes.c_uint32),
        ("reserved", ctypes.c_uint32),
    ]


class ObjectiveInfo(ctypes.Structure):
    _fields_ = [
        ("flags", ctypes.c_uint32),
        ("reserved", ctypes.c_uint32),
        ("min_responses", ctypes.c_size_t),
        ("max_responses", ctypes.c_size_t),
        ("references", ctypes.c_size_t),
        ("column_count", ctypes.c_size_t),
        ("state_count", ctypes.c_size_t),
        ("reward_scale", ctypes.c_double),
    ]


class ColumnInfo(ctypes.Structure):
    _fields_ = [("name", ctypes.c_char * 120), ("extent", ctypes.c_uint32), ("flags", ctypes.c_uint32)]


_POINTER, _SIZE, _TEXT = ctypes.c_void_p, ctypes.c_size_t, ctypes.c_char_p
_SIGNATURES = {
    "losskit_registry_open": [_POINTER, _POINTER],
    "losskit_registry_add": [_POINTER, _TEXT],
    "losskit_registry_list": [_POINTER, _POINTER],
    "losskit_registry_describe": [_POINTER, _TEXT, _POINTER],
    "losskit_registry_close": [_POINTER],
    "losskit_objective_open": [_POINTER, _TEXT, _POINTER, _SIZE, _TEXT, _POINTER],
    "losskit_objective_text": [_POINTER, _POINTER],
    "losskit_objective_hash": [_POINTER, _POINTER],
    "losskit_objective_describe": [_POINTER, _POINTER],
    "losskit_objective_column": [_POINTER, _SIZE, _POINTER],
    "losskit_objective_initial_state": [_POINTER, _POINTER, _SIZE],
    "losskit_objective_export": [_POINTER, _TEXT, _SIZE, _SIZE, _POINTER],
    "losskit_objective_evaluate": [_POINTER, _POINTER, _POINTER, _SIZE, ctypes.c_uint64, _POINTER],
    "losskit_objective_close": [_POINTER],
    "losskit_logprob_forward": [_POINTER],
    "losskit_logprob_backward": [_POINTER, _POINTER, _POINTER, _SIZE],
}


def library_path() -> pathlib.Path:
    """Returns the path of liblosskit.so: LOSSKIT_LIBRARY, or the one in this package."""
    if named := os.environ.get("LOSSKIT_LIBRARY"):
        return pathlib.Path(named)
    return pathlib.Path(__file__).parent / "native" / "lib" / "liblosskit.so"


@functools.cache
def library() -> ctypes.CDLL:
    """Returns the library, opened once."""
    path = library_path()
    if not path.is_file():
        raise LossKitError(
            f"{path}: the native library is missing; install the package with 'pip install ./Sources/Python' from LossKit's "
            "checkout, or set LOSSKIT_LIBRARY to an installed liblosskit.so"
        )
    loaded = ctypes.CDLL(str(path))
    for name, arguments in _SIGNATURES.items():
        function = getattr(loaded, name)
        function.argtypes = [*arguments, _POINTER]
        function.restype = ctypes.c_int32
    loaded.losskit_version.restype = ctypes.c_char_p
    loaded.losskit_text_free.argtypes = [_POINTER]
    loaded.losskit_text_free.restype = None
    return loaded


def version() -> str:
    """Returns the version of the native library."""
    return library().losskit_version().decode()


def call(name: str, *arguments: object) -> None:
    """Calls a function of the library; raises its failure."""
    failure = Failure()
    if getattr(library(), name)(*arguments, ctypes.byref(failure)) != 0:
        raise error(failure)


def error(failure: Failure) -> LossKitError:
    """Returns a failure as an exception."""
    return LossKitError(failure.message.decode(errors="replace"), None if failure.prompt < 0 else failure.prompt)


def text(name: str, *arguments: object) -> str:
    """Calls a function whose last result is a text, and frees that text."""
    result = ctypes.c_void_p()
    call(name, *arguments, ctypes.byref(result))
    try:
        return ctypes.string_at(result.value or 0).decode()
    finally:
        library().losskit_text_free(result)


def texts(values: list[bytes]) -> ctypes.Array[ctypes.c_char_p]:
    """Returns an array of C strings."""
    return (ctypes.c_char_p * len(values))(*values)
