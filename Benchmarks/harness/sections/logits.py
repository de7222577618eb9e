"""(b) From logits to log-probabilities, through DPO, to the gradient of the logits."""

from __future__ import annotations

import contextlib
import statistics

from ..context import PAGES, Context
from ..duel import check_agreement, compared
from ..results import Case, Measurement, Section

SHAPES = ((8, 128, 32_000), (4, 512, 32_000), (2, 256, 128_256))
PEERS = {"eager": "log_softmax + gather", "trl": "TRL selective_log_softmax", "compile": "torch.compile"}
IN_PLACE, APART = "LossKit, in place", "LossKit, kept logits"
TOLERANCE = 1e-3
FLOAT = 4


def measure(context: Context) -> Section:
    """Every shape, with pages as shipped and retained."""
    shapes = SHAPES[:1] if context.is_quick else SHAPES
    cases = [case(context, shape, pages) for shape in shapes for pages in PAGES]
    return Section(
        "logits", "From logits to the gradient of the logits, DPO between them, float32", cases, limit="memory bandwidth",
        memory="extra",
        notes=[
            "LossKit writes the gradient over the logits, as a trainer does, or into separate memory, as PyTorch does; ratios refer "
            "to the latter. Memory excludes the logits. The share is that of the gradient in place, and counts three passes over the "
            "logits: two that read and one that writes. It can exceed 100 %, because the copy and the triad that measure the limit also "
            "fetch what they overwrite, which is not counted, and two of the three passes overwrite nothing."
        ],
    )  # fmt: skip


def case(context: Context, shape: tuple[int, int, int], pages: str) -> Case:
    """One shape; each peer runs in a separate process, because memory is compared, too."""
    label = f"[{', '.join(f'{size}' for size in shape)}], {pages}"
    context.say(f"  {label}")
    effort = context.effort(rounds=4, turn=0.2)
    elements = shape[0] * shape[1] * shape[2]
    with contextlib.ExitStack() as stack:
        in_place = stack.enter_context(context.driver("logits"))
        apart = stack.enter_context(context.driver("logits"))
        in_place.prepare(*shape, "in-place")
        apart.prepare(*shape, "apart")
        found = apart.results()
        check_agreement(f"{label}: in place", in_place.results(), found, 0)
        inner, samples = compared(apart, in_place, IN_PLACE, effort)
        measurements = []
        for kind, name in PEERS.items():
            with context.peer("logits", kind, pages=pages) as peer:
                peer.prepare(*shape)
                check_agreement(f"{label}: {name}", found, peer.results(), TOLERANCE)
                measurement, own = compared(apart, peer, name, effort)
            measurements.append(measurement)
            samples += own
        peak = apart.peak_bytes
        outer = Measurement(APART, statistics.median(samples), None, peak, peak - apart.resident_before)
    inner.losskit_seconds = None
    return Case(label, [inner, outer, *measurements], 3 * FLOAT * elements / inner.seconds / context.limits.bandwidth)
