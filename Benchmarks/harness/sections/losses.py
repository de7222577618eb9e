"""(a) Loss and gradient from given log-probabilities."""

from __future__ import annotations

import contextlib
import itertools
import statistics

from ..context import Context
from ..duel import check_agreement, compared
from ..results import Case, Measurement, Section

PAIRS = (8, 64, 1024, 65_536, 1_048_576)
LOSSES = ("dpo", "ipo", "cal-dpo")
PEERS = {"eager": "PyTorch", "compile": "torch.compile", "trl": "TRL"}
# Read: four floats; written: two.
BYTES_PER_PAIR = 24
TOLERANCE = 1e-4
# The pages of smaller arrays are never returned to the system.
LARGE = 65_536


def measure(context: Context) -> Section:
    """Every loss and size, LossKit against each peer in turn."""
    pairs = (8, 1024, 65_536) if context.is_quick else PAIRS
    losses = ("dpo", "cal-dpo") if context.is_quick else LOSSES
    cases = []
    for pages in context.pages:
        with contextlib.ExitStack() as stack:
            ours = stack.enter_context(context.driver("losses"))
            # PyTorch at its best also has its constants in memory: see `map_constants`.
            is_shipped = pages == "as shipped"
            words = [] if is_shipped else ["mapped"]
            peers = {kind: stack.enter_context(context.peer("losses", kind, *words, pages=pages)) for kind in PEERS}
            counts = [count for count in pairs if is_shipped or count >= LARGE]
            for loss, count in itertools.product(losses, counts):
                label = f"{loss}, {count:,} pairs" + (f", {pages}" if count >= LARGE else "")
                context.say(f"  {label}")
                cases.append(case(context, ours, peers, loss, count, label))
    return Section(
        "losses", "Loss and gradient from given log-probabilities, float32", cases,
        limit="memory bandwidth", notes=[
            "The column TRL is TRL's `_compute_loss` with its metrics; TRL has no Cal-DPO. PyTorch computes in float32, LossKit in double. "
            "On AMD processors PyTorch's log1p takes twenty times as long until a page of its constants is read, which differs by chance "
            "from process to process; in the rows with retained pages all of them are read before."
        ],
    )  # fmt: skip


def case(context: Context, ours, peers, loss: str, count: int, label: str) -> Case:
    """One loss at one size."""
    ours.prepare(f"{loss}(beta=0.1)", count, 2)
    found = ours.results()
    own, measurements = [], []
    for kind, peer in peers.items():
        if (kind, loss) == ("trl", "cal-dpo"):
            continue
        peer.prepare(loss, count)
        check_agreement(f"{label}, {PEERS[kind]}", found, peer.results(), TOLERANCE)
        measurement, samples = compared(ours, peer, PEERS[kind], context.effort(rounds=5))
        measurements.append(measurement)
        own += samples
    seconds = statistics.median(own)
    share = BYTES_PER_PAIR * count / seconds / context.limits.bandwidth
    return Case(label, [Measurement("LossKit", seconds), *measurements], share if count >= LARGE else None)
