"""A DPO training step of a Llama in PyTorch: step.py trl|eager|compile float32|bfloat16

case MODEL DATA: a Hugging Face directory, and JSON Lines of prompt, chosen, rejected, which form one batch. A call is a
step: forward, backward, clipping, AdamW. Reference log-probabilities are those of the initial model, computed beforehand.
"""

from __future__ import annotations

import contextlib
import json
import pathlib
import sys
import tempfile
import threading
from collections.abc import Sequence

import numpy
import torch
import torch.nn.functional as F
from transformers import LlamaForCausalLM

import protocol

BETA, LEARNING_RATE = 0.1, 1e-6
PADDING, BEGIN, END = 256, 257, 258
CHECKED_STEPS = 2


def tokens(data: str) -> list[dict[str, list[int]]]:
    """The rows as LossKit's transformer reads them: bytes, between a begin and an end token."""
    rows = [json.loads(line) for line in pathlib.Path(data).read_text().splitlines()]
    return [
        {
            "prompt_ids": [BEGIN, *row["prompt"].encode()],
            "chosen_ids": [*row["chosen"].encode(), END],
            "rejected_ids": [*row["rejected"].encode(), END],
        }
        for row in rows
    ]


class HandWritten:
    """A plain training loop: padding at the right, where causal attention needs no mask, and the head on responses only."""

    def __init__(self, compiled: bool, precision: str) -> None:
        self.compiled, self.is_half = compiled, precision == "bfloat16"
        self.history: list[float] = []

    def prepare(self, words: Sequence[str]) -> None:
        model = self.model = LlamaForCausalLM.from_pretrained(words[0], dtype=torch.float32, attn_implementation="sdpa")
        rows = tokens(words[1])
        responses = [(row["prompt_ids"], row[key]) for key in ("chosen_ids", "rejected_ids") for row in rows]
        width = max(len(prompt) + len(response) for prompt, response in responses)
        self.ids = torch.full((len(responses), width), PADDING)
        places, targets, owners = [], [], []
        for index, (prompt, response) in enumerate(responses):
            self.ids[index, : len(prompt) + len(response)] = torch.tensor(prompt + response)
            places += [index * width + len(prompt) - 1 + offset for offset in range(len(response))]
            targets += response
            owners += [index] * len(response)
        self.places, self.targets, self.owners = map(torch.tensor, (places, targets, owners))
        with torch.no_grad(), self.precision():
            self.reference = self.scores()
        self.loss = torch.compile(self.whole_loss, dynamic=False) if self.compiled else self.whole_loss
        self.optimizer = torch.optim.AdamW(model.parameters(), lr=LEARNING_RATE, weight_decay=0.0, fused=True)

    def precision(self) -> contextlib.AbstractContextManager:
        return torch.autocast("cpu", dtype=torch.bfloat16) if self.is_half else contextlib.nullcontext()

    def scores(self) -> torch.Tensor:
        """The log-probability of each response."""
        states = self.model.model(input_ids=self.ids, use_cache=False).last_hidden_state
        logits = self.model.lm_head(states.flatten(0, 1)[self.places]).float()
        log_probs = logits.log_softmax(-1).gather(-1, self.targets.unsqueeze(-1)).squeeze(-1)
        return torch.zeros(len(self.ids)).index_add(0, self.owners, log_probs)

    def whole_loss(self) -> tuple[torch.Tensor, torch.Tensor]:
        scores = self.scores()
        chosen, rejected = (scores - self.reference).chunk(2)
        return -F.logsigmoid(BETA * (chosen - rejected)).mean(), scores

    def call(self) -> None:
        self.optimizer.zero_grad(set_to_none=True)
        with self.precision():
            loss, scores = self.loss()
        loss.backward()
        norm = torch.nn.utils.clip_grad_norm_(self.model.parameters(), 1.0)
        self.optimizer.step()
        if len(self.history) < 4 * CHECKED_STEPS:
            means = [part.mean().item() for part in scores.detach().chunk(2)]
            self.history += [loss.item(), norm.item(), *means]

    def results(self) -> numpy.ndarray:
        while len(self.history) < 4 * CHECKED_STEPS:
            self.call()
        return numpy.array(self.history)


class TRL:
    """TRL's DPOTrainer, which trains in a separate thread and waits before each step."""

    def __init__(self, precision: str) -> None:
        self.is_half = precision == "bfloat16"
        self.may_go, self.has_come = threading.Semaphore(0), threading.Semaphore(0)

    def prepare(self, words: Sequence[str]) -> None:
        from datasets import Dataset
        from transformers import PrinterCallback, TrainerCallback
        from trl import DPOConfig, DPOTrainer

        class Tokenized(DPOTrainer):
            """A trainer whose data set is already tokenized."""

            def _prepare_dataset(self, dataset, *_):
                return dataset

        peer = self

        class Wait(TrainerCallback):
            def on_step_begin(self, *_, **__):
                peer.has_come.release()
                peer.may_go.acquire()

        rows = tokens(words[1])
        self.directory = tempfile.TemporaryDirectory()
        config = DPOConfig(
            output_dir=self.directory.name, per_device_train_batch_size=len(rows), max_steps=1_000_000,
            learning_rate=LEARNING_RATE, lr_scheduler_type="constant", beta=BETA, precompute_ref_log_probs=True, max_length=None,
            logging_steps=1, report_to=[], save_strategy="no", use_cpu=True, bf16=self.is_half, gradient_checkpointing=False,
            disable_tqdm=True, dataloader_pin_memory=False, seed=0,
        )  # fmt: skip
        self.trainer = Tokenized(
            LlamaForCausalLM.from_pretrained(words[0], dtype=torch.float32), args=config, train_dataset=Dataset.from_list(rows),
            processing_class=byte_tokenizer(), callbacks=[Wait()],
        )  # fmt: skip
        self.trainer.remove_callback(PrinterCallback)
        threading.Thread(target=self.train, daemon=True).start()
        self.has_come.acquire()

    def train(self) -> None:
        try:
            self.trainer.train()
        finally:
            self.has_come.release()

    def call(self) -> None:
        steps = self.trainer.state.global_step
        self.may_go.release()
        self.has_come.acquire()
        if self.trainer.state.global_step == steps:
            sys.exit("peer step trl: the trainer made no step; see its error above")

    def results(self) -> numpy.ndarray:
        records: list[dict] = []
        while len(records) < CHECKED_STEPS:
            records = [record for record in self.trainer.state.log_history if "loss" in record]
            if len(records) < CHECKED_STEPS:
                self.call()
        names = ("loss", "grad_norm", "logps/chosen", "logps/rejected")
        return numpy.array([record[name] for record in records[:CHECKED_STEPS] for name in names])


def byte_tokenizer():
    """The tokenizer that gives the trainer its padding and end tokens; it tokenizes nothing."""
    from tokenizers import Tokenizer, models
    from transformers import PreTrainedTokenizerFast

    names = [str(byte) for byte in range(256)] + ["<pad>", "<s>", "</s>"]
    words = Tokenizer(models.WordLevel({name: index for index, name in enumerate(names)}, unk_token="<pad>"))
    return PreTrainedTokenizerFast(tokenizer_object=words, pad_token="<pad>", bos_token="<s>", eos_token="</s>")


if __name__ == "__main__":
    kind, precision = sys.argv[1:]
    protocol.serve(TRL(precision) if kind == "trl" else HandWritten(kind == "compile", precision))
