"""Every trial, one row each, with links to the files its figures are made of."""

from collections.abc import Mapping, Sequence
from typing import Any

from .cells import Cell, Column, Record, Who, counted, link, measured
from .subjects import Subject

__all__ = ["latency_cell", "trials"]

Json = Mapping[str, Any]
_COLUMNS = (
    Column("trial"),
    Column("state"),
    Column("offered", "msg/s", "n"),
    Column("delivered", "msg/s", "n"),
    Column("end-to-end p50", "ms", "n"),
    Column("end-to-end p99", "ms", "n"),
    Column("send delay p99", "ms", "n"),
    Column("lost", "messages", "n"),
    Column("duplicates", "messages", "n"),
    Column("generator busy", "% of a core", "n"),
    Column("files", css="files"),
)
_FILES = (
    ("latency", "latency.hlog"),
    ("ledger", "ledger.json"),
    ("seconds", "intervals.jsonl"),
    ("use", "resources.jsonl"),
    ("facts", "facts.json"),
)
_LEAD = (
    "In the order they ran. Links lead into the run folder, so they work where this page lies in it; "
    "each figure names the file it comes from when pointed at."
)
_ORDER = ("mean", "p50", "p90", "p95", "p99", "p99_9", "max")


def trials(subjects: Sequence[Subject]) -> dict[str, Any]:
    ordered = sorted(
        ((t, s) for s in subjects for t in s.trials), key=lambda pair: (pair[0]["block"], str(pair[0]["id"]))
    )
    return {
        "lead": _LEAD if ordered else "No trial has ended.",
        "columns": _COLUMNS,
        "rows": [Record(_cells(t), _who(t, s), s.floor) for t, s in ordered],
    }


def latency_cell(figures: Json | None, name: str, source: str) -> Cell:
    """A percentile: its value, at least so much, or why there is none."""
    if figures is None:
        return measured(None, source=source)
    since = figures.get("at_least_from") or ("p50" if figures.get("at_least") else None)
    bound = since is not None and _ORDER.index(name) >= _ORDER.index(since)
    return measured(
        figures.get(name), source=source, at_least=bound, why="too few messages" if figures["count"] else "none came"
    )


def _who(trial: Json, subject: Subject) -> Who:
    name = str(trial["id"])
    about = "" if subject.name in name else subject.name
    return Who(name, subject.who.series, about, link("trials", name, "trial.json"))


def _cells(trial: Json) -> list[Cell]:
    home = f"trials/{trial['id']}"
    state, ledger = trial["validity"]["state"], trial["ledger"] or {}
    rates, log = f"{home}/trial.json", f"{home}/latency.hlog"
    busy = (trial["resources"] or {}).get("busy_share_max")
    return [
        Cell(state, badge=state, source=rates),
        measured(trial["offered_msgs_s"], digits=4, source=rates),
        measured(trial["delivered_msgs_s"], digits=4, source=rates),
        latency_cell(trial["end_to_end_ms"], "p50", log),
        latency_cell(trial["end_to_end_ms"], "p99", log),
        latency_cell(trial["send_delay_ms"], "p99", log),
        counted(ledger.get("lost"), f"{home}/ledger.json", loud=True),
        counted(ledger.get("duplicates"), f"{home}/ledger.json", loud=True),
        measured(None if busy is None else 100 * busy, digits=2, source=rates),
        Cell("", links=[(name, link("trials", str(trial["id"]), file)) for name, file in _FILES], css="files"),
    ]
