"""What a comparison may claim, and in which words: the effect first, with its interval."""

from dataclasses import dataclass
from typing import Any

from .metrics import Metric, metric
from .statistics import ALPHA, Estimate
from .words import article, compared, counted, side

__all__ = ["Comparison", "claim_of", "clause"]

_WIDEST = 1000.0  # times; an interval that goes beyond tells how few blocks there are, and nothing of the brokers


@dataclass(frozen=True)
class Comparison:
    """`ratio` is a / b, geometric mean over blocks, with its interval at `level`. `p` is of this pair alone, not
    corrected. `margin` is the share below which a difference is none, for practice; `look` the planned look it was made
    at. `why` says what stands against a claim. `bound`: b's figure is only a lower
    bound, so the truth may lie below `low`. `left_open`: more blocks may
    decide it."""

    metric: str
    primary: bool
    a: str
    b: str
    ratio: float | None
    low: float | None
    high: float | None
    claim: str
    blocks: int = 0
    level: float = 1 - ALPHA
    p: float | None = None
    why: str | None = None
    margin: float = 0.0
    look: int | None = None
    method: str = "t"
    bound: bool = False
    left_open: bool = False

    def record(self) -> dict[str, Any]:
        return vars(self) | {"text": clause(self)}


def claim_of(of: Metric, estimate: Estimate, furthest: Estimate | None = None) -> str:
    """`estimate` is of a / b; `furthest` the same if what b misses never arrives, where its figure is a lower bound.

    A bound can only show that a is better, and only where both ends of it show that.
    """
    claim = _claim(of, estimate)
    if furthest is None:
        return claim
    return "better" if {claim, _claim(of, furthest)} == {"better"} else "undecided"


def _claim(of: Metric, estimate: Estimate) -> str:
    """Better or worse needs both: an interval without 1 (not chance) and an effect beyond the margin (it matters)."""
    if estimate.low is None or estimate.high is None:
        return "undecided"
    most = 1 + of.margin
    if 1 / most <= estimate.low and estimate.high <= most:
        return "no-difference"
    if estimate.low <= 1 <= estimate.high or 1 / most <= estimate.value <= most:
        return "undecided"
    return "better" if of.better(estimate.value) else "worse"


def clause(c: Comparison) -> str:
    """Without a subject: the sentence's is `a`. What was not tested says so."""
    return ("" if c.primary else "exploratory: ") + _claimed(c, metric(c.metric))


def _claimed(c: Comparison, of: Metric) -> str:
    if c.claim == "not-comparable" or c.low is None or c.high is None:
        return f"{c.b} cannot be compared ({c.why or 'one block has no interval'})"
    if c.claim == "no-difference":
        return f"no difference shown from {c.b} (within {counted(round(100 * c.margin, 6))} %)"
    throughput = of.name == "delivered_msgs_s"
    more, less = ("more", "less") if throughput else ("higher", "lower")
    if c.claim == "undecided" and c.bound:
        return f"undecided against {c.b} (its {of.words} is only a lower bound: messages are missing)"
    if c.claim == "undecided" and max(c.high, 1 / c.low) > _WIDEST:
        return f"undecided against {c.b} ({c.blocks} blocks disagree so far that nothing can be said: make more)"
    if c.claim == "undecided":
        return f"undecided against {c.b} (between {side(c.low, more, less)} and {side(c.high, more, less)})"
    effect = f"at least {side(c.high, more, less)}" if c.bound else compared(c.low, c.high, more, less)
    return f"carries {effect} than {c.b}" if throughput else f"has {article(of.words)} {effect} than {c.b}"
