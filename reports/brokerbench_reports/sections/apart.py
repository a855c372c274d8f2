"""Trials that are in no figure: contaminated ones that were repeated, and probes. Each says what it is for."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from brokerbench_reports.words import percent, plural

from .cells import Cell, Column, Record, link
from .subjects import Subject

__all__ = ["apart", "kind_words"]

Json = Mapping[str, Any]
_PROBE = "one more producer and one more consumer a group, to see whether the generator or the broker was the limit"


def apart(subjects: Sequence[Subject]) -> dict[str, Any]:
    """Empty rows where every trial counts."""
    found = [(s, trial) for s in subjects for trial in s.apart]
    probes = sum(trial.get("kind") == "probe" for _, trial in found)
    counts = [(len(found) - probes, "disturbed and repeated"), (probes, "made to find whose limit it was")]
    told = ", ".join(f"{number} {words}" for number, words in counts if number)
    return {
        "title": f"{plural(len(found), 'more trial')} in no figure and no comparison: {told}",
        "columns": (Column("trial"), Column("candidate"), Column("kind"), Column("what it is for")),
        "rows": [_row(subject, trial) for subject, trial in found],
    }


def kind_words(trial: Json) -> str:
    """Why a trial that was not in the first plan is there, or does not count; empty for an ordinary one."""
    if trial.get("kind") == "probe":
        return "probe, in no figure"
    if trial.get("superseded"):
        return "disturbed, in no figure"
    if trial.get("repeats"):
        return f"repeat of {trial['repeats']}"
    return "second look" if trial.get("kind") == "second-look" else ""


def _row(subject: Subject, trial: Json) -> Record:
    probe = trial.get("kind") == "probe"
    name = str(trial["id"])
    cells = [
        Cell(subject.name),
        Cell("probe" if probe else "superseded", badge="plain"),
        Cell(_PROBE if probe else _superseded(subject, trial)),
    ]
    return Record(cells, replace(subject.plain, name=name, href=link("trials", name, "trial.json")))


def _superseded(subject: Subject, trial: Json) -> str:
    by = next((str(t["id"]) for t in subject.trials if t.get("repeats") == trial["id"]), None)
    instead = f"{by} counts in its place" if by else "another trial counts in its place"
    return f"{_disturbance(trial.get('contamination') or {})}; {instead}. Kept, so that anyone can look"


def _disturbance(found: Json) -> str:
    parts = []
    if found.get("steal_share"):
        parts.append(f"other machines took {percent(found['steal_share'])} of the CPU time")
    if found.get("throttled_share"):
        parts.append(f"the container was held back for {percent(found['throttled_share'])} of the time")
    return f"Disturbed from outside: {' and '.join(parts)}" if parts else "Disturbed from outside"
