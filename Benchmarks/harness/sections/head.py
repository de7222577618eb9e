"""(c) Hidden states, head, DPO, and the gradients of hidden states and head, without the logits in memory."""

from __future__ import annotations

import statistics

from ..context import Context
from ..duel import check_agreement, compared
from ..results import Case, Measurement, Section

PEERS = {"plain": "plain", "liger": "Liger", "liger-compile": "Liger, compiled", "trl": "TRL's head"}
TOLERANCE = 1e-3


def measure(context: Context) -> Section:
    """One size, with pages as shipped and retained."""
    sequences, tokens, vocabulary, hidden = (4, 64, 8_000, 256) if context.is_quick else (8, 256, 32_000, 1_024)
    shape = (sequences, tokens, vocabulary, hidden)
    cases = []
    with context.driver("head", str(context.plugins)) as ours:
        ours.prepare(*shape)
        found = ours.results()
        for pages in context.pages:
            cases.append(case(context, ours, found, shape, pages))
    title = f"Fused head and DPO: {sequences * tokens:,} tokens, hidden {hidden:,}, vocabulary {vocabulary:,}, float32"
    notes = ["Memory excludes hidden states and weights, and includes their gradients."]
    return Section("head", title, cases, limit="oneDNN's rate, three products", notes=notes, memory="extra")


def case(context: Context, ours, found, shape: tuple[int, int, int, int], pages: str) -> Case:
    """LossKit against each peer in turn."""
    context.say(f"  {pages}")
    own, measurements = [], []
    for kind, name in PEERS.items():
        with context.peer("head", kind, pages=pages) as peer:
            peer.prepare(*shape)
            check_agreement(f"head: {name}", found, peer.results(), TOLERANCE)
            measurement, samples = compared(ours, peer, name, context.effort(rounds=3))
        measurements.append(measurement)
        own += samples
    peak = ours.peak_bytes
    seconds = statistics.median(own)
    operations = 3 * 2 * shape[0] * shape[1] * shape[2] * shape[3]
    losskit = Measurement("LossKit", seconds, None, peak, peak - ours.resident_before)
    return Case(pages, [losskit, *measurements], operations / seconds / context.limits.sgemm)
