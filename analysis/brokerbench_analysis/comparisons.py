"""Who is better, by how much, and how sure that is: the leader against each other candidate, paired by block.

Only the primary figure is tested; all else gets plain intervals, marked exploratory. The leader is chosen by the same
trials that test it: of eight equal candidates the luckiest leads, and it is further from the unluckiest than two named
beforehand would be. So Holm's procedure runs over **all pairs** of candidates, and the leader's are reported: whoever
leads, its pairs belong to the family, and the chance of any false `better` or `worse` stays below alpha. (A false
`no-difference` has a chance of its own, of half the level for each pair that truly differs by the margin.)
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import combinations

from .candidates import Candidate
from .claims import Comparison, claim_of
from .folder import Json
from .looks import Look, look_of, unfinished
from .metrics import EXPLORED, Metric, metric, value_of, with_margin
from .needs import lacking
from .pairs import Pair, Values
from .statistics import ALPHA, holm_levels

__all__ = ["compare", "decide", "leader_of", "unfit"]


def leader_of(ranked: Sequence[Candidate], of: Metric) -> Candidate | None:
    """The best merged figure, the one that is printed; one known only by a lower bound leads only if all are."""
    scores = []
    for candidate in ranked:
        value, bound = (None, False) if candidate.merged is None else value_of(candidate.merged, of)
        if value is not None:
            scores.append((bound, -value if of.higher_is_better else value, candidate))
    return min(scores, key=lambda s: s[:2])[2] if scores else None


def compare(leader: Candidate, others: Sequence[Candidate], primary: Metric, run: Json) -> list[Comparison]:
    """All comparisons of the leader: the primary figure first, then what is explored."""
    look = look_of(run)
    stopped = "smoke run" if run.get("smoke") else unfinished(run, look)
    barred = {o.name: stopped or unfit(leader) or unfit(o) for o in others}
    margins, seed = run["scenario"].get("margins"), int(run.get("seed") or 0)

    def values_of(of: Metric) -> dict[str, Values]:
        return {c.name: c.values(of) for c in (leader, *others)}

    of = with_margin(primary, margins)
    values = values_of(of)
    fit = {name: figures for name, figures in values.items() if barred.get(name) is None}
    tested = {c.b: c for c in decide(fit, leader.name, of, look, seed)}
    out = []
    for name, why in barred.items():
        out.append(tested.get(name) or _judged(Pair.of(values, leader.name, name), of, seed, why=why))
    for of in (with_margin(metric(name), margins) for name in EXPLORED):
        if of.path == primary.path:
            continue
        values = values_of(of)
        rows = (_judged(Pair.of(values, leader.name, n), of, seed, why=w, primary=False) for n, w in barred.items())
        out += [row for row in rows if row.ratio is not None]
    return out


def decide(
    values: Mapping[str, Values], leader: str, of: Metric, look: Look | None = None, seed: int = 0
) -> list[Comparison]:
    """The leader against each other candidate of `values`, all of which may be compared.

    Every interval stands at the level of the step at which Holm's procedure meets its pair. An equivalence is judged by
    the same interval: each of its two one-sided tests is then at half that level.
    """
    look = look or Look()
    pairs = [Pair.of(values, a, b) for a, b in combinations(values, 2)]
    levels = holm_levels([pair.p(seed) for pair in pairs], look.alpha)
    of_leader = {pair.other(leader): level for pair, level in zip(pairs, levels, strict=True) if pair.has(leader)}
    return [
        _judged(Pair.of(values, leader, name), of, seed, level, look=look.number) for name, level in of_leader.items()
    ]


def unfit(side: Candidate) -> str | None:
    """Why no claim can be made of it; None if one can."""
    if side.floor:
        return f"{side.name} is the floor, not a candidate"
    if not side.matched:
        return f"{side.name} promises less than was asked"
    if missing := lacking(side.needs):
        return f"{side.name} does not have {', '.join(each.need for each in missing)}"
    if side.broken_promise:
        return f"{side.name} lost {side.broken_promise:,} promised messages"
    if not side.usable:
        return f"{side.name} has no valid trial"
    return f"{side.name} {side.uncarried}" if side.uncarried else None


def _judged(
    pair: Pair,
    of: Metric,
    seed: int,
    level: float = ALPHA,
    *,
    why: str | None = None,
    primary: bool = True,
    look: int | None = None,
) -> Comparison:
    lacks_blocks = why is None and pair.lacks_blocks
    estimate, why = pair.ratio(level, seed), why or pair.too_little
    if estimate is None:
        found = Comparison(of.name, primary, pair.a, pair.b, None, None, None, "not-comparable")
        return replace(found, blocks=len(pair.figures), why=why, margin=of.margin, look=look, left_open=lacks_blocks)
    far = pair.furthest(level, seed)
    claim = "not-comparable" if why else claim_of(of, estimate, far)
    ends = [e.high for e in (estimate, far) if e is not None and e.high is not None]
    return Comparison(
        of.name,
        primary,
        pair.a,
        pair.b,
        estimate.value,
        estimate.low,
        max(ends, default=None),
        claim,
        blocks=estimate.n,
        level=1 - level,
        p=estimate.p,
        why=why,
        margin=of.margin,
        look=look,
        method=estimate.method,
        bound=pair.b_bound,
        left_open=lacks_blocks or claim == "undecided",
    )
