"""Numbers that depend only on their index, so that both sides of a comparison make the same ones, as drivers/inputs.h does."""

from __future__ import annotations

import numpy
import torch

CHUNK = 1 << 20


def mixed(index: numpy.ndarray, stream: int) -> numpy.ndarray:
    """32 bits for each index."""
    x = (index.astype(numpy.uint32) ^ numpy.uint32(stream * 0x9E3779B9 & 0xFFFFFFFF)) * numpy.uint32(0x85EBCA6B)
    x = (x ^ (x >> numpy.uint32(13))) * numpy.uint32(0xC2B2AE35)
    x = (x ^ (x >> numpy.uint32(16))) * numpy.uint32(0x27D4EB2F)
    return x ^ (x >> numpy.uint32(15))


def uniform(count: int, stream: int, low: float, width: float) -> torch.Tensor:
    """Uniform in [low, low + width), made in chunks, so that little memory is touched besides the result."""
    values = torch.empty(count, dtype=torch.float32)
    for start in range(0, count, CHUNK):
        index = numpy.arange(start, min(start + CHUNK, count), dtype=numpy.int64)
        part = low + width * ((mixed(index, stream) >> numpy.uint32(8)) * 2.0**-24)
        values[start : start + len(index)] = torch.from_numpy(part.astype(numpy.float32))
    return values


def labels(count: int, stream: int, classes: int) -> torch.Tensor:
    """Class numbers."""
    return torch.from_numpy((mixed(numpy.arange(count), stream) % numpy.uint32(classes)).astype(numpy.int64))
