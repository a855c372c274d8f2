"""Every trial, one row each, with links to the files its figures are made of."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from brokerbench_analysis.metrics import is_bound, whole_way
from brokerbench_reports.words import figure, plural

from .apart import kind_words
from .cells import Cell, Column, Record, Who, counted, link, measured
from .subjects import Subject

__all__ = ["bounds", "latency_cell", "of_the_way", "trials"]

Json = Mapping[str, Any]
_COLUMNS = (
    Column("trial"),
    Column("state"),
    Column("steady"),
    Column("offered", "msg/s", "n"),
    Column("delivered", "msg/s", "n"),
    Column("end-to-end p50", "ms", "n"),
    Column("end-to-end p99", "ms", "n"),
    Column("send delay p99", "ms", "n"),
    Column("lost", "messages", "n"),
    Column("duplicates", "messages", "n"),
    Column("generator busy", "% of the time", "n"),
    Column("generator pauses", "longest, ms", "n"),
    Column("files", css="files"),
)
_WORK = (
    Column("consumers at work", "% of the time, mean", "n"),
    Column("given back", "deliveries", "n"),
    Column("rejected", "messages", "n"),
)
_BACKLOG = (
    Column("filled", "msg/s", "n"),
    Column("drained", "msg/s", "n"),
    Column("first message", "s", "n"),
    Column("drained in", "s", "n"),
)
_CHURN = {
    side: (Column(f"{side} reopened", "connections", "n"), Column(f"{side} back in", "ms, mean", "n"))
    for side in ("producers", "consumers")
}
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
_AT_LEAST = (
    "≥ stands where a message came never, or not before the trial ended: it is slower than every one that came, so the "
    "percentile is at least so high."
)


def trials(subjects: Sequence[Subject]) -> dict[str, Any]:
    ordered = sorted(
        ((t, s) for s in subjects for t in s.trials), key=lambda pair: (pair[0]["block"], str(pair[0]["id"]))
    )
    records = [trial for trial, _ in ordered]
    more = _asked_for(records)
    rows = [Record(_cells(t, more), _who(t, s), s.floor or t in s.apart) for t, s in ordered]
    lead = _LEAD if ordered else "No trial has ended."
    columns = [*of_the_way(_COLUMNS[:-1], records), *more, _COLUMNS[-1]]
    return {"lead": lead, "columns": columns, "rows": rows, "notes": bounds(rows)}


def _asked_for(records: Sequence[Json]) -> Sequence[Column]:
    """Columns that only some scenarios have: of consumers that work, of a backlog, of connections that churn."""
    groups = [group for record in records for group in (record.get("consumers") or {}).values()]
    works = any(g["working_share_mean"] is not None or g["returned"] or g["rejected"] for g in groups)
    backlog = _BACKLOG if any(record.get("backlog") for record in records) else ()
    churn = [c for side, of in _CHURN.items() if any((r.get("churn") or {}).get(side) for r in records) for c in of]
    return (*(_WORK if works else ()), *backlog, *churn)


def _more(trial: Json, columns: Sequence[Column], source: str) -> list[Cell]:
    cells: list[Cell] = []
    if _WORK[0] in columns:
        groups = list((trial.get("consumers") or {}).values())
        shares = [g["working_share_mean"] for g in groups if g["working_share_mean"] is not None]
        share = 100 * sum(shares) / len(shares) if shares else None
        cells += [measured(share, digits=2, source=source)]
        cells += [
            counted(sum(g[name] for g in groups) if groups else None, source) for name in ("returned", "rejected")
        ]
    if _BACKLOG[0] in columns:
        times = trial.get("backlog") or {}
        cells += [measured(trial.get(name), digits=4, source=source) for name in ("fill_msgs_s", "drain_msgs_s")]
        cells += [measured(times.get(name), digits=3, source=source) for name in ("first_s", "drain_s")]
    for side, (first, _) in _CHURN.items():
        if first in columns:
            cells += _churn((trial.get("churn") or {}).get(side) or {}, source)
    return cells


def _churn(found: Json, source: str) -> list[Cell]:
    took = found.get("reconnect_ms") or {}
    note = f"p50 {figure(took['p50'])}, at most {figure(took['max'])}" if took else ""
    return [counted(found.get("reopened"), source), measured(took.get("mean"), note=note, source=source)]


def of_the_way(columns: Sequence[Column], records: Sequence[Json]) -> Sequence[Column]:
    """The columns of the whole way's latency, named as what these records have: of requests it is the response."""
    if not any(whole_way(record) == "response" for record in records):
        return columns
    return [replace(column, label=column.label.replace("end-to-end", "response")) for column in columns]


def bounds(rows: Sequence[Record]) -> list[str]:
    """What the mark of a lower bound means, where one of these rows has it."""
    texts = [text for row in rows for cell in row.cells for text in (cell.text, cell.note)]
    return [_AT_LEAST] if any("≥" in text for text in texts) else []


def latency_cell(figures: Json | None, name: str, source: str) -> Cell:
    """A percentile: its value, at least so much, or why there is none."""
    if figures is None:
        return measured(None, source=source)
    return measured(figures.get(name), source=source, at_least=is_bound(figures, name), why="too few messages")


def _who(trial: Json, subject: Subject) -> Who:
    name = str(trial["id"])
    about = [part for part in ("" if subject.name in name else subject.name, kind_words(trial)) if part]
    return Who(name, subject.who.series, "; ".join(about), link("trials", name, "trial.json"))


def _cells(trial: Json, more: Sequence[Column]) -> list[Cell]:
    home = f"trials/{trial['id']}"
    state, ledger = trial["validity"]["state"], trial["ledger"] or {}
    rates, log = f"{home}/trial.json", f"{home}/latency.hlog"
    busy = (trial["resources"] or {}).get("busy_share_max")
    return [
        Cell(state, badge=state, source=rates),
        _steady(trial.get("steady") or {}),
        measured(trial["offered_msgs_s"], digits=4, source=rates),
        measured(trial["delivered_msgs_s"], digits=4, source=rates),
        *(latency_cell(trial[f"{whole_way(trial)}_ms"], figure, log) for figure in ("p50", "p99")),
        latency_cell(trial["send_delay_ms"], "p99", log),
        counted(ledger.get("lost"), f"{home}/ledger.json", loud=True),
        counted(ledger.get("duplicates"), f"{home}/ledger.json", loud=True),
        measured(None if busy is None else 100 * busy, digits=2, source=rates),
        _pauses(trial.get("pauses"), rates),
        *_more(trial, more, rates),
        Cell("", links=[(name, link("trials", str(trial["id"]), file)) for name, file in _FILES], css="files"),
    ]


def _steady(found: Json) -> Cell:
    state = found.get("state")
    if state is None:
        return Cell("not measured", css="none")
    badge = {"steady": "valid", "drifting": "suspect"}.get(str(state), "invalid")
    why = "; ".join(str(text).removeprefix(f"{state}: ") for text in found.get("reasons") or ())
    return Cell(str(state), why, css="why" if why else "", badge=badge)


def _pauses(found: Json | None, source: str) -> Cell:
    if found is None:
        return measured(None, source=source)
    if not found["count"]:
        return Cell("none", source=source, css="n")
    return Cell(figure(found["max_ms"]), plural(found["count"], "pause"), source, "n loud")
