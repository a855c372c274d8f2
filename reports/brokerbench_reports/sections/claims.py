"""What can be claimed: the tested comparisons, the explored ones marked as such, and the objectives."""

from collections.abc import Mapping, Sequence
from typing import Any

from brokerbench_analysis import Study
from brokerbench_analysis.metrics import metric
from brokerbench_reports.words import NOT_MEASURED, figure, percent, plural

from .cells import Cell, Column, Record, measured
from .subjects import Subject

__all__ = ["claims"]

Json = Mapping[str, Any]
_KINDS = {"fast": "fast generator", "library": "client library"}
_COLUMNS = (
    Column("figure"),
    Column("between"),
    Column("ratio", "first ÷ second", "n"),
    Column("interval of the ratio", "", "n"),
    Column("claim"),
    Column("margin", "no difference within", "n"),
    Column("on what"),
)
_CLAIMS = {
    "better": ("better", "better"),
    "worse": ("worse", "worse"),
    "no-difference": ("no difference shown", "met"),
    "undecided": ("undecided", "undecided"),
    "not-comparable": ("no claim", ""),
}


def claims(study: Study, subjects: Sequence[Subject]) -> dict[str, Any]:
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
    kinds = {subject.name: subject.generator for subject in subjects}
    return {
        "lead": lead,
        "looks": _looks(study.summary.get("looks") or study.run.get("looks")),
        "columns": _COLUMNS,
        "rows": [_claim(row, kinds) for row in rows if row["primary"]],
        "explored": [_claim(row, kinds) for row in rows if not row["primary"]],
        "slo": _slo(study, subjects),
    }


def _looks(looks: Json | None) -> str:
    """A second look doubles the chances of a false claim, unless both bounds are stricter: so both are told."""
    if not looks:
        return ""
    went = {
        True: "The first left something undecided, so the run went on",
        False: "The first decided, so the run ended",
    }
    told = went.get(looks["went_on"], "The run ended before the first look")
    alphas = [alpha for alpha in (looks["alpha_first"], looks["alpha_second"]) if alpha is not None]
    each = " and ".join(percent(alpha, chosen=True) for alpha in alphas)
    spent = f" Each look may err less for it: {each}, {percent(sum(alphas), chosen=True)} in all." if alphas else ""
    plan = f"Planned before the start: a look after {plural(looks['first'], 'block')}, one after {looks['second']}."
    return f"{plan} {told}.{spent}"


def _claim(row: Json, kinds: Mapping[str, str]) -> Record:
    of = metric(row["metric"])
    words, badge = _CLAIMS[row["claim"]]
    interval = Cell(NOT_MEASURED, css="n none")
    if row["low"] is not None and row["high"] is not None:
        interval = Cell(f"{figure(row['low'])} to {figure(row['high'])}", f"{100 * row['level']:.4g} %", css="n")
    basis = [plural(row["blocks"], "block")] if row["blocks"] else []
    if not row["primary"]:
        words, badge = ("exploratory", "") if row["claim"] != "not-comparable" else ("no claim", "")
    basis += [f"look {row['look']}"] if row.get("look") else []
    basis += [row["why"]] if row["why"] else []
    margin = (
        Cell(NOT_MEASURED, css="n none")
        if row.get("margin") is None
        else Cell(percent(row["margin"], chosen=True), css="n")
    )
    cells = [
        Cell(of.words),
        Cell(f"{row['a']} against {row['b']}", _unlike(kinds.get(row["a"], ""), kinds.get(row["b"], ""))),
        measured(row["ratio"]),
        interval,
        Cell(words, badge=badge or "plain"),
        margin,
        Cell("; ".join(basis) or "one trial each"),
    ]
    return Record(cells)


def _unlike(a: str, b: str) -> str:
    """A ratio between the two kinds of rows tells of the clients as much as of the brokers."""
    return "" if a == b or not {a, b} <= _KINDS.keys() else f"unlike: {_KINDS[a]} against {_KINDS[b]}"


def _slo(study: Study, subjects: Sequence[Subject]) -> dict[str, Any]:
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
    return Record([Cell(row["slo"]), value, Cell(answer, row["why"] or "", badge=badge)], subject.plain)
