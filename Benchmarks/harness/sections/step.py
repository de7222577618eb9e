"""(d) A full DPO training step of a Llama: forward, backward, clipping, AdamW, with given reference log-probabilities."""

from __future__ import annotations

import contextlib
import dataclasses
import json
import pathlib
import random
import shutil
import statistics
import string
import subprocess

from ..context import BENCHMARKS, Context
from ..duel import Effort, check_agreement, compared
from ..problem import Problem
from ..results import Case, Measurement, Section
from ..training import METRICS, Training

PEERS = {"trl": "TRL", "eager": "PyTorch", "compile": "torch.compile"}
# Tokens: a prompt with its begin token, responses with their end token.
PROMPT, CHOSEN, REJECTED = 128, 64, 40
TOLERANCES = {"float32": 2e-3, "bfloat16": 5e-2}


@dataclasses.dataclass(frozen=True)
class Model:
    """The shape of a model, and the number of pairs in a step."""

    name: str
    pairs: int
    options: dict[str, int]

    @property
    def operations(self) -> float:
        """The operations of the products with weights, forward and backward; prompts count once, the head only on responses."""
        hidden, heads = self.options["hidden_size"], self.options["num_attention_heads"]
        shared = hidden // heads * self.options["num_key_value_heads"]
        layer = 2 * hidden * hidden + 2 * hidden * shared + 3 * hidden * self.options["intermediate_size"]
        read, scored = PROMPT + CHOSEN - 1 + REJECTED - 1, CHOSEN + REJECTED
        weights = read * layer * self.options["num_hidden_layers"] + scored * hidden * self.options["vocab_size"]
        return 6.0 * self.pairs * weights


def llama(hidden: int, intermediate: int, layers: int, heads: int, shared: int, vocabulary: int) -> dict[str, int]:
    return {
        "hidden_size": hidden, "intermediate_size": intermediate, "num_hidden_layers": layers, "num_attention_heads": heads,
        "num_key_value_heads": shared, "vocab_size": vocabulary, "max_position_embeddings": PROMPT + CHOSEN,
    }  # fmt: skip


SMALL = Model("10 M", 4, llama(256, 688, 11, 4, 4, 4096))
LARGE = Model("135 M", 2, llama(576, 1536, 30, 9, 3, 49_152))


def measure(context: Context) -> Section:
    """The smaller model."""
    shape = "11 layers, hidden 256, vocabulary 4,096, 4 pairs"
    return section(context, "step", SMALL, shape)


def measure_large(context: Context) -> Section:
    """The larger model, which takes minutes to compile."""
    return section(context, "large-step", LARGE, "SmolLM2's shape, 2 pairs")


def section(context: Context, name: str, model: Model, shape: str) -> Section:
    """A model in float32 and bfloat16, with pages as shipped and retained."""
    cases = []
    directory, data = write(context, model)
    for precision in ("float32",) if context.is_quick else TOLERANCES:
        cases += cases_of(context, model, precision, directory, data)
    shutil.rmtree(directory)
    return Section(
        name, f"A full DPO training step of a Llama with {model.name} weights: prompt {PROMPT} tokens, responses {CHOSEN} and {REJECTED}",
        cases, limit="oneDNN's rate, products with weights", memory="peak",
        notes=[
            f"{shape}. LossKit is `losskit train`; PyTorch is a hand-written loop with the head on responses only. Memory is the "
            "peak of the whole process."
        ],
    )  # fmt: skip


def cases_of(context: Context, model: Model, precision: str, directory: pathlib.Path, data: pathlib.Path) -> list[Case]:
    """One run of LossKit, measured beside each peer in turn."""
    cases = []
    with training(context, model, precision, directory, data) as ours:
        found = ours.results()
        for pages in context.pages:
            label = f"{model.name}, {precision}, {pages}"
            context.say(f"  {label}")
            own, measurements = [], []
            for kind, name in quick(context, PEERS):
                with context.peer("step", kind, precision, pages=pages) as peer:
                    peer.prepare(directory, data)
                    parts = tuple((metric, slice(index, None, len(METRICS))) for index, metric in enumerate(METRICS))
                    check_agreement(f"{label}: {name}", found, peer.results(), TOLERANCES[precision], parts)
                    measurement, samples = compared(ours, peer, name, effort(context, model))
                measurements.append(measurement)
                own += samples
            seconds = statistics.median(own)
            limit = context.limits.sgemm if precision == "float32" else context.limits.bfloat16
            share = model.operations / seconds / limit if limit else None
            cases.append(Case(label, [Measurement("LossKit", seconds, None, ours.peak_bytes), *measurements], share))
    return cases


def quick(context: Context, peers: dict[str, str]) -> list[tuple[str, str]]:
    """A quick run has no time to compile a model."""
    return [(kind, name) for kind, name in peers.items() if not (context.is_quick and kind == "compile")]


def effort(context: Context, model: Model) -> Effort:
    """A sample is a step."""
    return Effort(rounds=2 if context.is_quick else 3, sample=1e-9, turn=1.5 if model is SMALL else 1e-9)


def training(
    context: Context, model: Model, precision: str, directory: pathlib.Path, data: pathlib.Path
) -> contextlib.AbstractContextManager[Training]:
    """`losskit train` on the same model and data, with no last step."""
    words = [str(context.losskit), "train", *options(model, precision, directory, data)]
    return Training(words, model.pairs, context.environment(), context.processors, context.work)


def options(model: Model, precision: str, directory: pathlib.Path, data: pathlib.Path) -> list[str]:
    """The options of `losskit train`."""
    values = {
        "loss": "dpo(beta=0.1)", "init": directory, "data": data, "per-device-train-batch-size": model.pairs,
        "max-steps": 1_000_000_000, "learning-rate": 1e-6, "lr-scheduler-type": "constant", "logging-steps": 1, "save-steps": 0,
    }  # fmt: skip
    if precision == "bfloat16":
        values["policy-set"] = "bf16=true"
    return [word for name, value in values.items() for word in (f"--{name}", str(value))]


def write(context: Context, model: Model) -> tuple[pathlib.Path, pathlib.Path]:
    """Writes the initial model and the data, which both sides read."""
    directory = context.work / f"model-{model.options['hidden_size']}"
    words = [f"{name}={value}" for name, value in model.options.items()]
    command = [context.python, str(BENCHMARKS / "peers/model.py"), str(directory), *words]
    done = subprocess.run(command, env=context.environment(), capture_output=True, text=True)
    if done.returncode != 0:
        raise Problem(f"{directory}: the model could not be written:\n{done.stderr[-2000:]}")
    draw = random.Random(0)

    def text(tokens: int) -> str:
        return "".join(draw.choices(string.ascii_lowercase + " ", k=tokens - 1))

    rows = [{"prompt": text(PROMPT), "chosen": text(CHOSEN), "rejected": text(REJECTED)} for _ in range(model.pairs)]
    data = directory / "pairs.jsonl"
    data.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return directory, data
