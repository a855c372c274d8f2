"""Does each candidate meet what the scenario needs? Every usable trial must, and so must the merged figure.

A candidate that did not carry the load in some trial meets nothing under that load.
"""

import operator
from collections.abc import Mapping, Sequence
from typing import Any

from .candidates import Candidate
from .metrics import metric, value_of
from .words import counted

__all__ = ["OPS", "evaluate", "in_words"]

OPS = {"<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge, "=": operator.eq}


def evaluate(slos: Sequence[dict[str, Any]], candidates: Sequence[Candidate]) -> list[dict[str, Any]]:
    """One row for each candidate and SLO; `met` is None where nothing was measured that could tell. `why`: where the
    figure alone does not say it."""
    rows = []
    for candidate in candidates:
        if candidate.excluded is not None or candidate.floor:
            continue
        rows += [{"candidate": candidate.name, **_one(slo, candidate)} for slo in slos]
    return rows


def in_words(slo: Mapping[str, Any]) -> str:
    """For a reader who has not seen the file: `end-to-end p99 < 50 ms`, `lost messages = 0`."""
    try:
        of = metric(slo["metric"])
    except ValueError:
        return f"{slo['metric']}: {slo.get('text') or ''}".strip()
    op = {"<=": "≤", ">=": "≥"}.get(slo["op"], slo["op"])
    return f"{of.words} {op} {counted(float(slo['value']))}{of.unit and f' {of.unit}'}"


def _one(slo: dict[str, Any], candidate: Candidate) -> dict[str, Any]:
    text = str(slo.get("text") or f"{slo['op']} {slo['value']:g}")
    row = {"slo": text if slo["metric"] in text else f"{slo['metric']}: {text}", "metric": slo["metric"]}
    row |= {"words": in_words(slo), "why": candidate.uncarried}
    try:
        of = metric(slo["metric"])
    except ValueError:
        return row | {"value": None, "at_least": False, "met": None}
    if candidate.merged is None:
        return row | {"value": None, "at_least": False, "met": False if candidate.uncarried else None}
    value, bound = value_of(candidate.merged, of)
    if slo["metric"] == "lost":
        value = candidate.lost  # of all trials
    each = list(candidate.values(of).values())
    answers = [_meets(slo, v, b) for v, b in (*each, (value, bound))]
    met = False if candidate.uncarried or False in answers else None if None in answers else True
    return row | {"value": value, "at_least": bound, "met": met}


def _meets(slo: dict[str, Any], value: float | None, bound: bool) -> bool | None:
    """A lower bound can break `< x`, and can only meet `> x`."""
    if value is None:
        return None
    holds = bool(OPS[slo["op"]](value, float(slo["value"])))
    if not bound:
        return holds
    if slo["op"] in {"<", "<="}:
        return None if holds else False
    return True if holds and slo["op"] in {">", ">="} else None
