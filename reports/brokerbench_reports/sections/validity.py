"""Validity before any number: each candidate's state, and every reason with the trials it was found in."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from brokerbench_reports.words import plural

from .apart import apart
from .cells import Column, Who
from .glossary import STATES
from .subjects import Subject

__all__ = ["Reason", "reasons_of", "tally", "validity"]

_FIGURE = re.compile(r"\d[\d.,]*")
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


def validity(subjects: Sequence[Subject], notes: Sequence[str]) -> dict[str, Any]:
    """`notes`: what limits every figure of the page."""
    rows = [_Row(s.who, s.state, tally(s), reasons_of(s)) for s in subjects]
    columns = [Column("candidate"), Column("state"), Column("trials"), Column("reasons, limits")]
    return {
        "lead": _lead(subjects),
        "rows": rows,
        "columns": columns,
        "words": STATES,
        "apart": apart(subjects),
        "notes": notes,
    }


def _lead(subjects: Sequence[Subject]) -> str:
    states = [trial["validity"]["state"] for s in subjects for trial in s.counted]
    if not states:
        return "Nothing was measured."
    told = [f"{states.count(state)} {state}" for state in _ORDER[1:] if state in states]
    valid = f"{states.count('valid')} of {plural(len(states), 'trial')} valid"
    return f"{', '.join([valid, *told])}.{' Invalid ones are in no figure.' if 'invalid' in states else ''}"


def tally(subject: Subject) -> str:
    """`3 valid`, or `2 valid, 1 invalid`."""
    if not subject.counted:
        return "none"
    states = [trial["validity"]["state"] for trial in subject.counted]
    return ", ".join(f"{states.count(state)} {state}" for state in _ORDER if state in states)


def reasons_of(subject: Subject) -> list[Reason]:
    """Reasons and labels in the order met; those that differ in their figures alone are told once."""
    if subject.excluded:
        return [Reason(subject.excluded)]
    if not subject.counted:
        return [Reason("no trial of it has ended; the run was cut short")]
    found: dict[str, list[tuple[str, str]]] = {}
    for trial in subject.counted:
        labels = [_LABELS.get(label, label) for label in trial["validity"].get("labels", ())]
        for text in (*trial["validity"]["reasons"], *labels):
            found.setdefault(_FIGURE.sub("#", text), []).append((text, str(trial["id"])))
    return [Reason(told[0][0], _where(told, len(subject.counted))) for told in found.values()]


def _where(told: Sequence[tuple[str, str]], trials: int) -> str:
    ids = list(dict.fromkeys(identifier for _, identifier in told))
    where = (
        f"in {'all ' if trials > 1 else ''}{plural(trials, 'trial')}" if len(ids) == trials else f"in {', '.join(ids)}"
    )
    alike = len({text for text, _ in told})
    return where if alike == 1 else f"{where}, with other figures; these are of {ids[0]}"


_LABELS = {
    "client-bound": "client-bound: the generator was at its limit, so the broker may carry more than this",
    "queue-length latency": "queue-length latency: the queue grew, so latency tells how long the test was",
}
