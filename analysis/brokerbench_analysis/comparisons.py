"""Who is better, by how much, and how sure that is: the leader against each other candidate, paired by block.

Only the primary figure is tested (Holm over the other candidates); all else gets plain intervals, marked exploratory.
A whole interval inside the margin is equivalence; an interval that shows neither is undecided.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from .candidates import Candidate
from .metrics import EXPLORED, Metric, metric, value_of
from .statistics import ALPHA, Estimate, holm_levels, log_ratio

__all__ = ["Comparison", "claim_of", "compare", "leader_of"]

LEAST_BLOCKS = 2


@dataclass(frozen=True)
class Comparison:
    """`ratio` is a / b, geometric mean over blocks. `why` says what stands against a claim."""

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

    def record(self) -> dict[str, Any]:
        return dict(vars(self))


def leader_of(ranked: Sequence[Candidate], of: Metric) -> Candidate | None:
    """The best merged figure, the one that is printed; one known only by a lower bound leads only if all are."""
    scores = []
    for candidate in ranked:
        value, bound = (None, False) if candidate.merged is None else value_of(candidate.merged, of)
        if value is not None:
            scores.append((bound, -value if of.higher_is_better else value, candidate))
    return min(scores, key=lambda s: s[:2])[2] if scores else None


def compare(leader: Candidate, others: Sequence[Candidate], primary: Metric, smoke: bool) -> list[Comparison]:
    """All comparisons of the leader: the primary figure first, then what is explored."""
    out = _tested(leader, others, primary, smoke)
    for name in EXPLORED:
        of = metric(name)
        if of.path == primary.path:
            continue
        for other in others:
            pairs, _ = _pairs(leader, other, of)
            estimate = log_ratio(pairs)
            if estimate is not None:
                out.append(_one(leader, other, of, estimate, ALPHA, _against(leader, other, of, smoke), primary=False))
    return out


def _tested(leader: Candidate, others: Sequence[Candidate], of: Metric, smoke: bool) -> list[Comparison]:
    against = {other.name: _against(leader, other, of, smoke) for other in others}
    plain = {other.name: log_ratio(_pairs(leader, other, of)[0]) for other in others}
    family = [o.name for o in others if against[o.name] is None]
    p_values = [_p(plain[name]) for name in family]
    levels = dict(zip(family, holm_levels(p_values), strict=True))
    out = []
    for other in others:
        level = levels.get(other.name, ALPHA)
        pairs, bound = _pairs(leader, other, of)
        out.append(_one(leader, other, of, log_ratio(pairs, level), level, against[other.name], bound=bound))
    return out


def _p(estimate: Estimate | None) -> float:
    return 1.0 if estimate is None or estimate.p is None else estimate.p


def _pairs(a: Candidate, b: Candidate, of: Metric) -> tuple[list[tuple[float, float]], bool]:
    """The blocks in which both have the figure, and whether b's is a lower bound somewhere."""
    ours, theirs = a.values(of), b.values(of)
    blocks = sorted(ours.keys() & theirs.keys())
    return [(ours[k][0], theirs[k][0]) for k in blocks], any(theirs[k][1] for k in blocks)


def _against(a: Candidate, b: Candidate, of: Metric, smoke: bool) -> str | None:
    """Why no claim can be made; None if one can."""
    return "smoke run" if smoke else _unfit(a) or _unfit(b) or _too_little(a, b, of)


def _unfit(side: Candidate) -> str | None:
    if side.floor:
        return f"{side.name} is the floor, not a candidate"
    if not side.matched:
        return f"{side.name} promises less than was asked"
    if side.broken_promise:
        return f"{side.name} lost {side.broken_promise:,} promised messages"
    return None if side.usable else f"{side.name} has no valid trial"


def _too_little(a: Candidate, b: Candidate, of: Metric) -> str | None:
    ours, theirs = a.values(of), b.values(of)
    blocks = len(ours.keys() & theirs.keys())
    if blocks < LEAST_BLOCKS:
        return f"{blocks} block{'' if blocks == 1 else 's'} in which both were measured; {LEAST_BLOCKS} are the least"
    if any(bound for _, bound in ours.values()):
        return f"{a.name}'s figure is only a lower bound: messages are missing"
    return None


def _one(
    a: Candidate,
    b: Candidate,
    of: Metric,
    estimate: Estimate | None,
    level: float,
    why: str | None,
    *,
    primary: bool = True,
    bound: bool = False,
) -> Comparison:
    if estimate is None:
        return Comparison(
            of.name,
            primary,
            a.name,
            b.name,
            None,
            None,
            None,
            "not-comparable",
            why=why or "a figure is zero or not measured",
        )
    claim = "not-comparable" if why else claim_of(of, estimate, bound)
    shown = (estimate.value, estimate.low, estimate.high, claim, estimate.n, 1 - level, estimate.p, why)
    return Comparison(of.name, primary, a.name, b.name, *shown)


def claim_of(of: Metric, estimate: Estimate, bound: bool) -> str:
    """`estimate` is of a / b; `bound`: b's figure is only a lower bound."""
    if estimate.low is None or estimate.high is None:
        return "undecided"
    if not bound and 1 / (1 + of.margin) <= estimate.low and estimate.high <= 1 + of.margin:
        return "no-difference"
    if estimate.low <= 1 <= estimate.high:
        return "undecided"
    better = of.better(estimate.value)
    # b's true figure is larger than its bound: that can only widen a lead, never make a deficit.
    return "better" if better else "undecided" if bound else "worse"
