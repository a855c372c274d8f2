"""Each candidate by each criterion, and each figure's own order: which would name another leader by itself."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from brokerbench.model import Having

from .candidates import Candidate
from .claims import Comparison
from .folder import Json
from .metrics import EXPLORED, Metric, metric, value_of
from .verdict import Verdict

__all__ = ["Order", "criteria", "orders"]


@dataclass(frozen=True)
class Order:
    """The ranked candidates by one figure, best first. `beaten_by`: those that the leader's own intervals put before
    it; where there is none, this figure names no other leader, however the values lie."""

    of: Metric
    primary: bool
    values: tuple[tuple[str, float, bool], ...]  # name, value, only a lower bound
    beaten_by: tuple[str, ...]

    @property
    def first(self) -> str:
        return self.values[0][0]

    def record(self) -> Json:
        return {
            "metric": self.of.name,
            "words": self.of.words,
            "unit": self.of.unit,
            "primary": self.primary,
            "order": [{"candidate": name, "value": value, "at_least": bound} for name, value, bound in self.values],
            "flips": bool(self.beaten_by),
            "beaten_by": list(self.beaten_by),
        }


def orders(ranked: Sequence[Candidate], of: Metric, found: Sequence[Comparison]) -> tuple[Order, ...]:
    """The primary figure first, then what is explored, as far as it was measured of all that are ranked."""
    explored = [metric(name) for name in EXPLORED]
    names = {c.name for c in ranked}
    made = []
    for each in (of, *(other for other in explored if other.path != of.path)):
        values = [(c.name, *value_of(c.merged or {}, each)) for c in ranked]
        known = [(name, value, bound) for name, value, bound in values if value is not None]
        if len(known) < len(ranked) or not ranked:
            continue
        best_first = sorted(known, key=_best_first(each))
        beaten = [c.b for c in found if c.metric == each.name and c.claim == "worse" and c.b in names]
        made.append(Order(each, each is of, tuple(best_first), tuple(beaten)))
    return tuple(made)


def _best_first(of: Metric) -> Callable[[tuple[str, float, bool]], tuple[bool, float]]:
    """One that is known only by a lower bound comes last."""
    sign = -1 if of.higher_is_better else 1
    return lambda row: (row[2], sign * row[1])


def criteria(candidates: Sequence[Candidate], verdict: Verdict, of: Metric, slos: Sequence[Json]) -> list[Json]:
    """One row for each candidate, in the scenario's order."""
    ranks = {row["candidate"]: row for row in verdict.ranking}
    why = {row["candidate"]: row["why"] for row in verdict.unranked}
    return [_row(c, ranks.get(c.name), why.get(c.name), of, slos) for c in candidates]


def _row(c: Candidate, ranked: Json | None, why: str | None, of: Metric, slos: Sequence[Json]) -> Json:
    value, bound = value_of(c.merged or {}, of)
    costs = (c.merged or {}).get("resources") or {}
    return {
        "candidate": c.name,
        "rank": None if ranked is None else ranked["rank"],
        "why_unranked": why,
        "needs": [each.model_dump(mode="json") for each in c.needs],
        "needs_met": _all([None if a.having is Having.NOT_KNOWN else a.having is Having.MET for a in c.needs]),
        "slo_met": _all([row["met"] for row in slos if row["candidate"] == c.name])
        if c.merged or c.uncarried
        else None,
        "primary": {"metric": of.name, "value": value, "at_least": bound, "unit": of.unit},
        "broker_cpu_s_per_million": costs.get("broker_cpu_s_per_million"),
        "generator_cpu_s_per_million": costs.get("generator_cpu_s_per_million"),
        "version": c.facts.get("version"),
        "released": c.facts.get("released"),
        "support": c.support.model_dump(mode="json"),
    }


def _all(answers: Sequence[bool | None]) -> bool | None:
    """True of none at all; None where one is not known and none is false."""
    return False if False in answers else None if None in answers else True
