"""How sure the answer is, who meets the need, and what would change it: from the figures, in words."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from .folder import Json
from .metrics import Metric, metric, value_of
from .study import Study
from .words import article, digits, side

__all__ = ["certainty", "meets", "would_change"]


_NO_TRIAL = "no valid trial"
_MANY = 3  # names in one sentence


def meets(study: Study) -> tuple[list[str], dict[str, str]]:
    """Who meets all that was asked, best first; and of each other measured candidate why it does not, or that it
    cannot be told. The floor is no candidate."""
    ranked = [str(row["candidate"]) for row in study.verdict.ranking]
    rows: dict[str, list[Json]] = {}
    for row in study.summary["slo"]:
        rows.setdefault(row["candidate"], []).append(row)
    met, missed = [], {}
    for name in ranked:
        wrong = [row["slo"] for row in rows.get(name, ()) if row["met"] is False]
        open_ = [row["slo"] for row in rows.get(name, ()) if row["met"] is None]
        if wrong:
            missed[name] = f"misses {', '.join(wrong)}"
        elif open_:
            missed[name] = f"cannot be told for {', '.join(open_)}"
        else:
            met.append(name)
    for row in study.verdict.unranked:
        if study.run["candidates"][row["candidate"]].get("role") != "floor":
            # Why a trial is not valid stands with the trial, and is long; what to do stands with what to do.
            why = str(row["why"])
            missed[str(row["candidate"])] = _NO_TRIAL if why.startswith(_NO_TRIAL) else why.partition("; ")[0]
    return met, missed


def certainty(study: Study) -> str:
    """What stands behind the sentence: what is shown, how it was tested, and what is left open."""
    summary = study.summary
    reason = _reason(study)
    told = (
        f"{reason[0].upper()}{reason[1:]}." if not _begins_with_a_name(reason, summary["candidates"]) else f"{reason}."
    )
    tested = [row for row in summary["comparisons"] if row["primary"] and row["claim"] != "not-comparable"]
    if summary["smoke"] or not study.verdict.ranking:
        return told
    if not tested:
        barred = next((f"{r['a']} against {r['b']}: {r['why']}" for r in summary["comparisons"] if r["primary"]), None)
        return told if barred is None or reason in barred else f"{told} Nothing was tested: {barred}."
    counts = sorted({int(row["blocks"]) for row in tested})
    blocks = f"{counts[0]}" if len(counts) == 1 else f"{counts[0]} to {counts[-1]}"
    return (
        f"{told} Tested over {blocks} blocks, each candidate once a block; the chance that any claim of a difference "
        "is false is at most 5 % (paired intervals, Holm over all pairs)."
    )


def _reason(study: Study) -> str:
    """The decision's own, but a long list of who is worse is a number."""
    decision, others = study.summary["decision"], len(study.verdict.ranking) - 1
    if decision["certainty"] == "shown" and others > _MANY:
        return f"{decision['winner']} is shown to be better than all {others} others"
    return str(decision["reason"])


def _begins_with_a_name(text: str, names: Mapping[str, Any]) -> bool:
    return any(text.startswith(name) for name in names)


def would_change(study: Study) -> list[str]:
    """How near the next one and the objectives are, then what the decision names. Nothing of a smoke run."""
    if study.summary["smoke"] or not study.verdict.ranking:
        return []
    return [*_rival(study), *_objectives(study), *study.summary["decision"]["would_change"]]


def _rival(study: Study) -> Iterator[str]:
    of = metric(study.summary["primary"])
    tested = [row for row in study.summary["comparisons"] if row["primary"]]
    better = [row for row in tested if row["claim"] == "better" and row["low"] and row["high"]]
    if better:
        nearest = min(better, key=lambda row: _lead(row, of))
        needed = f"{article(of.words)} {_needed(nearest, of)} than it had, at the near end of the interval"
        yield f"{nearest['b']} would draw level with {needed}."


def _lead(row: Json, of: Metric) -> float:
    """The least ratio by which a leads, above 1."""
    return float(row["low"]) if of.higher_is_better else 1 / float(row["high"])


def _needed(row: Json, of: Metric) -> str:
    lead = _lead(row, of)
    return side(lead if of.higher_is_better else 1 / lead)


def _objectives(study: Study) -> Iterator[str]:
    """How near the leader stands to what it must keep: only of latencies and rates, which move a little at a time."""
    leader = str(study.verdict.ranking[0]["candidate"])
    merged = study.summary["candidates"][leader]["merged"] or {}
    near = []
    for slo, row in _judged(study.run["scenario"].get("slo") or (), study.summary["slo"], leader):
        try:
            of = metric(slo["metric"])
        except ValueError:
            continue
        value, bound = value_of(merged, of)
        if row["met"] and value and not bound and of.unit in {"ms", "msg/s"} and slo["value"] > 0:
            near.append((slo["value"] / value if slo["op"] in {"<", "<="} else value / slo["value"], row["slo"]))
    if near:
        room, text = min(near)
        yield f"{leader} would fail {text} if it were {digits(room, 2)} times as strict."


def _judged(asked: Sequence[Json], rows: Sequence[Json], name: str) -> Iterator[tuple[Json, Json]]:
    """Each objective with what the candidate made of it; the rows stand in the file's order."""
    yield from zip(asked, (row for row in rows if row["candidate"] == name), strict=False)
