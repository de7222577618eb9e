"""A product of two square matrices in PyTorch, into an existing matrix: product.py float32|bfloat16

case ORDER
"""

from __future__ import annotations

import sys
from collections.abc import Sequence

import numpy
import torch

import inputs
import protocol


class Product:
    """The matrix product of PyTorch's models."""

    def __init__(self, precision: str) -> None:
        self.type = getattr(torch, precision)

    def prepare(self, words: Sequence[str]) -> None:
        order = int(words[0])
        self.factors = [inputs.uniform(order * order, stream, -1, 2).reshape(order, order).to(self.type) for stream in (7, 8)]
        self.value = torch.empty(order, order, dtype=self.type)

    def call(self) -> None:
        torch.mm(*self.factors, out=self.value)

    def results(self) -> numpy.ndarray:
        return protocol.sampled(self.value.float())


if __name__ == "__main__":
    protocol.serve(Product(sys.argv[1]))
