"""The machine's limits, measured in the same run."""

from __future__ import annotations

from ..context import Context
from ..duel import alone
from ..problem import Problem
from ..results import Limits


def measure(context: Context, has_peer: bool) -> Limits:
    """Memory bandwidth by copying and by a triad, and the rates of products by oneDNN and, where there is a peer, by PyTorch."""
    size, order = (128 << 20, 1024) if context.is_quick else (256 << 20, 2048)
    effort = context.effort(rounds=5, turn=0.3)
    with context.driver("limits") as driver:
        driver.prepare("copy", size, context.threads)
        copy = 2 * size / alone(driver, effort)
        driver.prepare("triad", size, context.threads)
        triad = 3 * size / alone(driver, effort)
        driver.prepare("sgemm", order)
        sgemm = 2 * order**3 / alone(driver, effort)
    torch = [products_of_torch(context, order, precision) for precision in ("float32", "bfloat16")] if has_peer else [None, None]
    return Limits(copy, triad, sgemm, rounded_products(context, order), *torch)


def products_of_torch(context: Context, order: int, precision: str) -> float:
    """The rate of PyTorch's matrix products."""
    with context.peer("product", precision) as peer:
        peer.prepare(order)
        peer.results()
        return 2 * order**3 / alone(peer, context.effort(rounds=5, turn=0.3))


def rounded_products(context: Context, order: int) -> float | None:
    """The rate in bfloat16; None where oneDNN has no such products."""
    with context.driver("limits") as driver:
        try:
            driver.prepare("bfloat16", order)
        except Problem as problem:
            context.say(f"  {problem}")
            return None
        return 2 * order**3 / alone(driver, context.effort(rounds=5, turn=0.3))
