"""Logits, log-probabilities, DPO, gradient of the logits, in PyTorch: logits.py eager|compile|trl

case SEQUENCES TOKENS VOCABULARY: the first half of the sequences are chosen responses, the second half rejected ones.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence

import numpy
import torch
import torch.nn.functional as F

import inputs
import protocol

BETA = 0.01


def log_softmax_and_gather(logits: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
    return logits.log_softmax(-1).gather(-1, labels.unsqueeze(-1)).squeeze(-1)


def dpo(log_probs: torch.Tensor) -> torch.Tensor:
    """The loss of log-probabilities per token; those of the reference are 0."""
    chosen, rejected = log_probs.sum(-1).chunk(2)
    return -F.logsigmoid(BETA * (chosen - rejected)).mean()


class Logits:
    def __init__(self, kind: str) -> None:
        score: Callable = log_softmax_and_gather
        if kind == "trl":
            from trl.trainer.utils import selective_log_softmax as score
        self.loss: Callable = lambda logits, labels: dpo(score(logits, labels))
        if kind == "compile":
            self.loss = torch.compile(self.loss, dynamic=False)

    def prepare(self, words: Sequence[str]) -> None:
        sequences, tokens, vocabulary = (int(word) for word in words)
        count = sequences * tokens
        logits = inputs.uniform(count * vocabulary, 3, -8, 16)
        self.logits = logits.view(sequences, tokens, vocabulary).requires_grad_()
        self.labels = inputs.labels(count, 4, vocabulary).view(sequences, tokens)

    def call(self) -> None:
        self.logits.grad = None
        self.value = self.loss(self.logits, self.labels)
        self.value.backward()

    def results(self) -> numpy.ndarray:
        gradient = self.logits.grad
        rows = protocol.sampled(gradient.view(-1, gradient.shape[-1]))
        return numpy.concatenate([[self.value.item()], rows])


if __name__ == "__main__":
    protocol.serve(Logits(sys.argv[1]))
