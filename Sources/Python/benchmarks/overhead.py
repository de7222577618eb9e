"""Measures a loss with its gradient through each host, beside PyTorch and TRL, in one run; `make bench-python` calls it.

All hosts compute loss and gradient in float32 from the same log-probabilities, with two threads, and are called in turn. The figures
are medians of 200 calls, in microseconds, of the fastest of several rounds, because other work on the machine stalls threads that
wait for each other. Both compiled hosts use fullgraph=True.
"""

from __future__ import annotations

import argparse
import collections
import json
import pathlib
import statistics
import subprocess
import tempfile
import time
import types
from collections.abc import Callable

import torch
import torch.nn.functional as F
import trl

import losskit
from losskit.torch import Objective

BETA = 0.1
PAIRS = (8, 64, 1024)
NAMES = ("policy_chosen_logps", "policy_rejected_logps", "ref_chosen_logps", "ref_rejected_logps")
HOSTS = (
    "C API", "NumPy", "native", "traced", "traced, compiled", "eager by hand", "compiled by hand", "TRL's loss",
)  # fmt: skip


def dpo(a: torch.Tensor, b: torch.Tensor, c: torch.Tensor, d: torch.Tensor) -> torch.Tensor:
    return -F.logsigmoid(BETA * ((a - c) - (b - d))).mean()


def ipo(a: torch.Tensor, b: torch.Tensor, c: torch.Tensor, d: torch.Tensor) -> torch.Tensor:
    return (((a - c) - (b - d) - 1 / (2 * BETA)) ** 2).mean()


def cal_dpo(a: torch.Tensor, b: torch.Tensor, c: torch.Tensor, d: torch.Tensor) -> torch.Tensor:
    chosen, rejected, target = a - c, b - d, 1 / (2 * BETA)
    return (-F.logsigmoid(chosen - rejected) + (chosen - target) ** 2 + (rejected + target) ** 2).mean()


BY_HAND = {"dpo": dpo, "ipo": ipo, "cal-dpo": cal_dpo}
# The type of TRL's loss; it has no Cal-DPO, and divides IPO's log-ratios by lengths, which are 1 here.
TRL_TYPES = {"dpo": "sigmoid", "ipo": "ipo"}


class TRL:
    """TRL's `_compute_loss` with its metrics, on a model that returns given log-probabilities."""

    def __init__(self, kind: str, columns: list[torch.Tensor]) -> None:
        pairs = len(columns[0])
        self.log_probs = torch.cat([column.detach() for column in columns[:2]]).reshape(-1, 1).requires_grad_()
        zeros = torch.zeros(2 * pairs, 1)
        output = types.SimpleNamespace(log_probs=self.log_probs, entropy=zeros, mean_logits=zeros, is_top1=zeros.bool())
        self.model = lambda **_: output
        # One token of prompt and one of response each: the log-probabilities are already sums.
        self.inputs = {
            "input_ids": torch.zeros(2 * pairs, 2, dtype=torch.long),
            "attention_mask": torch.ones(2 * pairs, 2, dtype=torch.long),
            "completion_mask": torch.tensor([[0, 1]]).repeat(2 * pairs, 1),
            "ref_chosen_logps": columns[2],
            "ref_rejected_logps": columns[3],
        }
        alone = types.SimpleNamespace(device=torch.device("cpu"), gather=lambda x: x, gather_for_metrics=lambda x: x)
        self.trainer = types.SimpleNamespace(
            model=types.SimpleNamespace(training=True), accelerator=alone, aux_loss_enabled=False, ld_alpha=None,
            precompute_ref_logps=True, f_divergence_type="reverse_kl", loss_types=[kind], loss_weights=[1.0], beta=BETA,
            label_smoothing=0.0, use_weighting=False, _metrics={"train": collections.defaultdict(list)},
            _total_train_tokens=0, _tp_size=1,
        )  # fmt: skip

    def __call__(self) -> float:
        self.trainer._metrics["train"].clear()
        loss = trl.DPOTrainer._compute_loss(self.trainer, self.model, self.inputs, False)
        loss.backward()
        return loss.detach()


def hosts(name: str, pairs: int) -> dict[str, Callable[[], object]]:
    """A call of each host; each returns the loss."""
    torch._dynamo.reset()
    draw = torch.Generator().manual_seed(0)
    columns = [torch.randn(pairs, generator=draw) * 4 - 20 for _ in NAMES]
    for column in columns[:2]:
        column.requires_grad_()
    named = dict(zip(NAMES, columns))
    arrays = {key: column.detach().numpy() for key, column in named.items()}
    objective = losskit.Objective(name, beta=BETA)
    native, traced = (Objective(name, beta=BETA, compute=compute) for compute in ("native", "traced"))
    by_hand = BY_HAND[name]
    compiled = torch.compile(by_hand, fullgraph=True)
    compiled_trace = torch.compile(lambda **given: traced(**given)[0], fullgraph=True)

    def step(loss: torch.Tensor) -> torch.Tensor:
        loss.backward()
        return loss.detach()

    calls: dict[str, Callable[[], object]] = {
        "NumPy": lambda: objective.evaluate(**arrays).loss,
        "native": lambda: step(native(**named)[0]),
        "traced": lambda: step(traced(**named)[0]),
        "traced, compiled": lambda: step(compiled_trace(**named)),
        "eager by hand": lambda: step(by_hand(*columns)),
        "compiled by hand": lambda: step(compiled(*columns)),
    }
    if name in TRL_TYPES:
        calls["TRL's loss"] = TRL(TRL_TYPES[name], columns)
    return calls


def median_call(call: Callable[[], object], repeats: int) -> float:
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        call()
        times.append(time.perf_counter() - start)
    return 1e6 * statistics.median(times)


def measure(name: str, pairs: int, driver: pathlib.Path, rounds: int) -> dict[str, float]:
    """Microseconds of each host. Fails if their losses differ."""
    calls = hosts(name, pairs)
    expected = float(calls["eager by hand"]())
    for host, call in calls.items():
        if abs(float(call()) - expected) > 1e-4 * max(1, abs(expected)):
            raise SystemExit(f"{host}: the loss of {name} is {float(call())}, and by hand {expected}")
        median_call(call, 30)
    found: dict[str, list[float]] = {host: [] for host in HOSTS}
    for _ in range(rounds):
        for host, call in calls.items():
            found[host].append(median_call(call, 200))
        command = [driver, f"{name}(beta={BETA})", str(pairs), "5000"]
        found["C API"].append(float(subprocess.run(command, check=True, capture_output=True, text=True).stdout))
    return {host: min(times) for host, times in found.items() if times}


def build_driver(prefix: pathlib.Path, directory: str) -> pathlib.Path:
    """The C program, built as any program that uses an installed LossKit."""
    driver = pathlib.Path(directory) / "overhead"
    source = pathlib.Path(__file__).with_suffix(".c")
    library = prefix / "lib"
    subprocess.run(
        ["cc", "-std=c11", "-O2", "-I", prefix / "include", source, "-L", library, "-llosskit", f"-Wl,-rpath,{library}", "-o", driver],
        check=True,
    )
    return driver


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--prefix", type=pathlib.Path, required=True, help="where LossKit is installed, for the C program")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--json", type=pathlib.Path, help="where to write the figures, too")
    options = parser.parse_args()
    torch.set_num_threads(2)
    print(f"microseconds a call; torch {torch.__version__}, TRL {trl.__version__}, LossKit {losskit.version()}\n")
    print("| loss | pairs | " + " | ".join(HOSTS) + " | compiled: traced / by hand |")
    print("|---|---:|" + "---:|" * (len(HOSTS) + 1), flush=True)
    records = []
    with tempfile.TemporaryDirectory() as directory:
        driver = build_driver(options.prefix.resolve(), directory)
        for name in BY_HAND:
            for pairs in PAIRS:
                found = measure(name, pairs, driver, options.rounds)
                records.append({"loss": name, "pairs": pairs, "microseconds": found})
                figures = [f"{found[host]:.3g}" if found.get(host, 99) < 10 else f"{found[host]:.0f}" if host in found else "–"
                           for host in HOSTS]  # fmt: skip
                ratio = found["traced, compiled"] / found["compiled by hand"]
                print(f"| {name} | {pairs} | " + " | ".join(figures) + f" | {ratio:.2f} |", flush=True)
    if options.json:
        options.json.write_text(json.dumps(records, indent=2) + "\n")


if __name__ == "__main__":
    main()
