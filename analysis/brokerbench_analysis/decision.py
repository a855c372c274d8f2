"""The decision as a reader defends it: who wins, how sure that is, by which criteria, and what would change it.

The statistics decide by one figure. The rest stands beside it: needs and objectives filter, and every other figure says
whether it alone would name another candidate. No certainty is added here: what is undecided stays so.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from .candidates import Candidate
from .claims import Comparison, clause
from .criteria import Order, criteria, orders
from .folder import Json
from .looks import look_of, unfinished
from .metrics import Metric
from .needs import lacking
from .standing import Standing
from .verdict import Verdict
from .would_change import would_change

__all__ = ["Decision", "decide_between"]

SHOWN = "shown"  # better than each other that could be ranked, beyond chance and margin
ONLY_ONE_LEFT = "only-one-left"  # every other is out for a reason that more trials would not mend
UNDECIDED = "undecided"
OBJECTIVE_MISSED = "objective-missed"  # the one that leads does not meet what is asked of all
ALONE = "alone"  # the scenario names no other candidate
UNFINISHED, SMOKE, NOTHING = "unfinished", "smoke", "nothing-ranked"


@dataclass(frozen=True)
class Decision:
    winner: str | None
    leader: str | None  # the best figure, sure or not
    certainty: str
    reason: str
    margin: Json | None  # of the winner over the next one
    criteria: tuple[Json, ...]
    orders: tuple[Order, ...]
    would_change: tuple[str, ...]

    def record(self) -> Json:
        return vars(self) | {"orders": [order.record() for order in self.orders]}


def decide_between(
    run: Json,
    candidates: Sequence[Candidate],
    of: Metric,
    found: Sequence[Comparison],
    verdict: Verdict,
    slos: Sequence[Json],
) -> Decision:
    """`slos`: one row for each candidate and objective, as `slo.evaluate` has them."""
    ranking = [str(row["candidate"]) for row in verdict.ranking]
    tested = {c.b: c for c in found if c.primary}
    certainty, reason = _certainty(run, candidates, ranking, tested, slos)
    leader = ranking[0] if ranking else None
    winner = leader if certainty in {SHOWN, ONLY_ONE_LEFT} else None
    ranked = [next(c for c in candidates if c.name == name) for name in ranking]
    by_figure = orders(ranked, of, found)
    undecided = certainty == UNDECIDED
    standing = Standing(run, tuple(candidates), tuple(ranking), of, tuple(found), by_figure, slos, undecided)
    return Decision(
        winner,
        leader,
        certainty,
        reason,
        _margin(tested.get(ranking[1])) if winner and len(ranking) > 1 else None,
        tuple(criteria(candidates, verdict, of, slos)),
        by_figure,
        () if certainty in {SMOKE, UNFINISHED} else tuple(would_change(standing)),
    )


def _certainty(
    run: Json,
    candidates: Sequence[Candidate],
    ranking: Sequence[str],
    tested: dict[str, Comparison],
    slos: Sequence[Json],
) -> tuple[str, str]:
    """The word, and why it is that one."""
    unclaimed = _unclaimed(run, ranking, slos)
    if unclaimed is not None:
        return unclaimed
    leader = ranking[0]
    if len(ranking) == 1:
        return _alone(leader, [c for c in candidates if c.name != leader and not c.floor])
    open_against = [name for name in ranking[1:] if name not in tested or tested[name].claim != "better"]
    if open_against:
        return UNDECIDED, f"{leader} is not shown to be better than {', '.join(open_against)}"
    return SHOWN, f"{leader} is shown to be better than {', '.join(ranking[1:])}"


def _unclaimed(run: Json, ranking: Sequence[str], slos: Sequence[Json]) -> tuple[str, str] | None:
    """Where nobody can win, whatever the figures say."""
    if run.get("smoke"):
        return SMOKE, "a smoke run claims nothing"
    if (why := unfinished(run, look_of(run))) is not None:
        return UNFINISHED, why
    if not ranking:
        return NOTHING, "no candidate could be ranked"
    missed = [str(row["words"]) for row in slos if row["candidate"] == ranking[0] and row["met"] is False]
    return (OBJECTIVE_MISSED, f"{ranking[0]} leads, and does not meet {', '.join(missed)}") if missed else None


def _alone(leader: str, others: Sequence[Candidate]) -> tuple[str, str]:
    if not others:
        return ALONE, f"{leader} is the only candidate of the scenario"
    waiting = [c.name for c in others if not _out_for_good(c)]
    if waiting:
        return UNDECIDED, f"{', '.join(waiting)} could not be ranked, and more trials may change that"
    return ONLY_ONE_LEFT, f"every other candidate is out: {', '.join(c.name for c in others)}"


def _out_for_good(candidate: Candidate) -> bool:
    out = candidate.excluded or lacking(candidate.needs) or candidate.broken_promise or candidate.uncarried
    return bool(out) or not candidate.matched


def _margin(over: Comparison | None) -> Json | None:
    if over is None or over.claim != "better":
        return None
    kept: dict[str, Any] = {name: getattr(over, name) for name in ("metric", "ratio", "low", "high", "level")}
    return {"over": over.b, **kept, "text": clause(over)}
