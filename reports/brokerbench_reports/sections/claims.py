"""What can be claimed: the tested comparisons, the explored ones marked as such, and the objectives."""

from collections.abc import Mapping, Sequence
from typing import Any

from brokerbench_analysis import Study
from brokerbench_analysis.metrics import metric
from brokerbench_reports.words import NOT_MEASURED, figure, plural

from .cells import Cell, Column, Record, measured
from .subjects import Subject

__all__ = ["claims", "slo"]

Json = Mapping[str, Any]
_COLUMNS = (
    Column("figure"),
    Column("between"),
    Column("ratio", "first ÷ second", "n"),
    Column("interval of the ratio", "", "n"),
    Column("claim"),
    Column("on what"),
)
_CLAIMS = {
    "better": ("better", "better"),
    "worse": ("worse", "worse"),
    "no-difference": ("no difference shown", "met"),
    "undecided": ("undecided", "undecided"),
    "not-comparable": ("no claim", ""),
}


def claims(study: Study) -> dict[str, Any]:
    """The primary figure first; whatever else was looked at is named exploratory."""
    rows = study.summary["comparisons"]
    of = metric(study.summary["primary"])
    if not rows:
        lead = "Nothing: there were not two candidates with figures that may be compared."
    else:
        lead = (
            f"Only the primary figure, {of.words}, is tested: the leader against each other candidate, paired in "
            "blocks, corrected for the number of comparisons (Holm). The rest is exploratory: a hint for the next "
            "run, not a claim."
        )
    explored = [row for row in rows if not row["primary"]]
    return {
        "lead": lead,
        "columns": _COLUMNS,
        "rows": [_claim(row) for row in rows if row["primary"]],
        "explored": [_claim(row) for row in explored],
    }


def _claim(row: Json) -> Record:
    of = metric(row["metric"])
    words, badge = _CLAIMS[row["claim"]]
    interval = Cell(NOT_MEASURED, css="n none")
    if row["low"] is not None and row["high"] is not None:
        interval = Cell(f"{figure(row['low'])} to {figure(row['high'])}", f"{figure(100 * row['level'])} %", css="n")
    basis = [plural(row["blocks"], "block")] if row["blocks"] else []
    if not row["primary"]:
        words, badge = ("exploratory", "") if row["claim"] != "not-comparable" else ("no claim", "")
    basis += [row["why"]] if row["why"] else []
    cells = [
        Cell(of.words),
        Cell(f"{row['a']} against {row['b']}"),
        measured(row["ratio"]),
        interval,
        Cell(words, badge=badge or "plain"),
        Cell("; ".join(basis) or "one trial each"),
    ]
    return Record(cells)


def slo(study: Study, subjects: Sequence[Subject]) -> dict[str, Any]:
    """Each objective, for each candidate that was measured."""
    columns = (Column("candidate"), Column("objective"), Column("measured", "", "n"), Column("answer"))
    by_name = {subject.name: subject for subject in subjects}
    return {"columns": columns, "rows": [_objective(row, by_name[row["candidate"]]) for row in study.summary["slo"]]}


def _objective(row: Json, subject: Subject) -> Record:
    answer, badge = {True: ("met", "met"), False: ("missed", "missed"), None: ("cannot be told", "undecided")}[
        row["met"]
    ]
    try:
        unit = metric(row["metric"]).unit
    except ValueError:
        unit = ""
    source = (
        subject.source("ledger.json") if not unit else subject.source("latency.hlog" if unit == "ms" else "trial.json")
    )
    value = measured(row["value"], source=source, at_least=row["at_least"])
    if row["value"] is not None and unit:
        value = Cell(f"{value.text} {unit}", source=source, css="n")
    return Record([Cell(row["slo"]), value, Cell(answer, badge=badge)], subject.plain)
