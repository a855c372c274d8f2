"""How near the answer is to another one: what the nearest rival lacks, and how far an objective may be tightened."""

from collections.abc import Iterator

from .claims import Comparison
from .folder import Json
from .metrics import Metric, metric, value_of
from .standing import Standing
from .words import article, counted, digits, side

__all__ = ["nearest_limit", "nearest_rival"]


def nearest_rival(at: Standing) -> Iterator[str]:
    """Of those that the leader is shown to beat: by the end of the interval that is nearest to 1."""
    better = [c for c in at.found if c.primary and c.claim == "better" and c.low and c.high]
    if better and at.leader is not None:
        nearest = min(better, key=lambda c: _lead(c, at.of))
        lead = _lead(nearest, at.of)
        needed = side(lead if at.of.higher_is_better else 1 / lead)
        yield f"{nearest.b} would need {article(at.of.words)} at least {needed} to draw level with {at.leader.name}."


def _lead(c: Comparison, of: Metric) -> float:
    """The least ratio by which a leads, above 1."""
    return float(c.low or 0.0) if of.higher_is_better else 1 / float(c.high or 1.0)


def nearest_limit(at: Standing) -> Iterator[str]:
    """Of the objectives that the leader meets, the one with the least room: only of latencies and rates, which move a
    little at a time. Each trial must meet it, so the worst of them is what the limit may not pass."""
    if at.leader is None:
        return
    rows = [row for row in at.slos if row["candidate"] == at.leader.name]
    if any(row["met"] is False for row in rows):
        return
    near = []
    for asked, row in zip(at.run["scenario"].get("slo") or (), rows, strict=False):
        worst = _worst(at, asked) if row["met"] else None
        if worst and asked["value"] > 0:
            below = asked["op"] in {"<", "<="}
            near.append((asked["value"] / worst if below else worst / asked["value"], asked, worst))
    if not near:
        return
    _, asked, worst = min(near, key=lambda found: found[0])
    of, below = metric(asked["metric"]), asked["op"] in {"<", "<="}
    yield (
        f"{at.leader.name} would miss the objective for {of.words} if its limit of {counted(asked['value'])} {of.unit}"
        f" were {digits(worst, 3)} {of.unit} or {'less' if below else 'more'}."
    )


def _worst(at: Standing, asked: Json) -> float | None:
    """None where the figure does not move a little at a time, or is only a bound."""
    try:
        of = metric(asked["metric"])
    except ValueError:
        return None
    if at.leader is None or of.unit not in {"ms", "msg/s"} or asked["op"] == "=":
        return None
    readings = [*at.leader.values(of).values(), value_of(at.leader.merged or {}, of)]
    known = [value for value, bound in readings if value is not None and not bound]
    if not known or len(known) < len(readings):
        return None
    return max(known) if asked["op"] in {"<", "<="} else min(known)
