"""How sure the answer is, and who meets the need: from the figures, in words."""

from collections.abc import Mapping
from typing import Any

from .folder import Json
from .study import Study

__all__ = ["certainty", "meets"]


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
        wrong = [row["words"] for row in rows.get(name, ()) if row["met"] is False]
        open_ = [row["words"] for row in rows.get(name, ()) if row["met"] is None]
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
