"""Validity before any number: each candidate's state, and every reason with the trials it was found in."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from brokerbench_reports.words import plural

from .cells import Column, Who
from .glossary import STATES
from .subjects import Subject

__all__ = ["Reason", "reasons_of", "tally", "validity"]

_ORDER = ("valid", "suspect", "invalid")


@dataclass(frozen=True)
class Reason:
    text: str
    where: str = ""


@dataclass(frozen=True)
class _Row:
    who: Who
    state: str
    trials: str
    reasons: Sequence[Reason]


def validity(subjects: Sequence[Subject]) -> dict[str, Any]:
    rows = [_Row(s.who, s.state, tally(s), reasons_of(s)) for s in subjects]
    sound = sum(row.state == "valid" for row in rows)
    measured = sum(not s.excluded for s in subjects)
    lead = (
        f"{sound} of {plural(measured, 'candidate')} measured without an objection."
        if measured
        else "Nothing was measured."
    )
    columns = [Column("candidate"), Column("state"), Column("trials"), Column("reasons, limits")]
    return {"lead": lead, "rows": rows, "columns": columns, "words": STATES}


def tally(subject: Subject) -> str:
    """`3 valid`, or `2 valid, 1 invalid`."""
    if not subject.trials:
        return "none"
    states = [trial["validity"]["state"] for trial in subject.trials]
    return ", ".join(f"{states.count(state)} {state}" for state in _ORDER if state in states)


def reasons_of(subject: Subject) -> list[Reason]:
    """Reasons and labels, one line for each distinct text, in the order met."""
    if subject.excluded:
        return [Reason(subject.excluded)]
    found: dict[str, list[str]] = {}
    for trial in subject.trials:
        labels = [_LABELS.get(label, label) for label in trial["validity"].get("labels", ())]
        for text in (*trial["validity"]["reasons"], *labels):
            found.setdefault(text, []).append(str(trial["id"]))
    reasons = [
        Reason(text, "in all trials" if len(ids) == len(subject.trials) else _in(ids)) for text, ids in found.items()
    ]
    return reasons or ([] if subject.trials else [Reason("no trial of it has ended; the run was cut short")])


_LABELS = {
    "client-bound": "client-bound: the generator was at its limit, so the broker may carry more than this",
    "queue-length latency": "queue-length latency: the queue grew, so latency tells how long the test was",
}


def _in(ids: Sequence[str]) -> str:
    return f"in {', '.join(ids)}"
