"""(f) How LossKit's cost grows with pairs, responses, tokens and vocabulary."""

from __future__ import annotations

from ..context import Context
from ..duel import Effort, alone
from ..results import Growth

PAIRS = tuple(1 << power for power in range(10, 21))
RESPONSES = (2, 4, 8, 16, 32)
TOKENS = (64, 128, 256, 512, 1024)
VOCABULARIES = (1_000, 4_000, 16_000, 64_000, 256_000)


def measure(context: Context) -> list[Growth]:
    """Varies one size at a time."""
    context.say("  pairs, responses, tokens, vocabulary")
    effort = context.effort(rounds=3)
    step = 2 if context.is_quick else 1
    found = []
    with context.driver("losses") as driver:
        found.append(losses(driver, "pairs", "dpo", "dpo(beta=0.1)", [(count, 2) for count in PAIRS[::step]], 0, effort))
        rankings = [(4096, count) for count in RESPONSES[::step]]
        found.append(losses(driver, "responses of 4,096 prompts", "plackett-luce", "plackett-luce", rankings, 1, effort))
    name = "logits to gradient"
    found.append(logits(context, "tokens, vocabulary 32,000", name, [(2, count // 2, 32_000) for count in TOKENS[::step]], effort))
    found.append(logits(context, "vocabulary, 128 tokens", name, [(2, 64, size) for size in VOCABULARIES[::step]], effort))
    return found


def losses(driver, against: str, name: str, objective: str, shapes: list[tuple[int, int]], axis: int, effort: Effort) -> Growth:
    points = []
    for shape in shapes:
        driver.prepare(objective, *shape)
        points.append((shape[axis], alone(driver, effort)))
    return Growth(against, name, points)


def logits(context: Context, against: str, name: str, shapes: list[tuple[int, int, int]], effort: Effort) -> Growth:
    points = []
    for shape in shapes:
        size = shape[0] * shape[1] if against.startswith("tokens") else shape[2]
        with context.driver("logits") as driver:
            driver.prepare(*shape, "in-place")
            points.append((size, alone(driver, effort)))
    return Growth(against, name, points)
