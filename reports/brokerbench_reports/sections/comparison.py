"""The candidates side by side: ranked ones first, then apart what the rank does not cover, each with its reason."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from brokerbench.model import Survives
from brokerbench_analysis import Study
from brokerbench_analysis.metrics import metric, whole_way
from brokerbench_reports.words import between, count

from .asked import promise_words
from .bars import with_bars
from .cells import Cell, Column, Record, counted, measured
from .generator import limit_cell
from .machine import disk_warning
from .subjects import GENERATORS, Subject, readings
from .trials import bounds, latency_cell, of_the_way

__all__ = ["comparison"]

Json = Mapping[str, Any]
_COLUMNS = (
    Column("candidate"),
    Column("promise"),
    Column("delivered", "msg/s", "n"),
    Column("end-to-end p50", "ms", "n"),
    Column("end-to-end p99", "ms", "n"),
    Column("end-to-end p99.9", "ms", "n"),
    Column("confirm p99", "ms", "n"),
    Column("lost", "messages", "n"),
    Column("duplicates", "messages", "n"),
    Column("broker CPU", "s per million", "n"),
    Column("generator CPU", "s per million", "n"),
    Column("broker memory", "MiB, highest", "n"),
)


_FLUSHED = {Survives.POWER_LOSS, Survives.NODE_LOSS}  # promises that a flush before each confirm may be needed for
_LEAD = (
    "Latencies come from all valid trials merged. Below a figure stand its trials: the bar runs from the lowest to the "
    "highest, on one scale from zero for the column."
)
_LIMIT = Column("whose limit")


def comparison(study: Study, subjects: Sequence[Subject], details: Sequence[str]) -> dict[str, Any]:
    """`details`: what the verdict adds that no row says."""
    saturates = study.run["scenario"]["load"]["model"] == "saturate"
    rows = with_bars([*_ranked(study, subjects, saturates), *_unranked(study, subjects, saturates)])
    of = metric(study.summary["primary"])
    first = "highest" if of.higher_is_better else "lowest"
    order = f"Ranked by {of.words}, {first} first. " if study.verdict.ranking else ""
    named = of_the_way(_COLUMNS, [s.record["merged"] or {} for s in subjects])
    columns = (*named[:3], _LIMIT, *named[3:]) if saturates else named
    return {
        "lead": order + _LEAD,
        "columns": columns if any(row.cells for row in rows) else (_COLUMNS[0], Column("why there is no figure")),
        "rows": rows,
        "notes": [*details, *_notes(study, subjects, rows)],
    }


def _ranked(study: Study, subjects: Sequence[Subject], saturates: bool) -> list[Record]:
    """One ranking, but what the broker can do and what a client library gets of it stand apart."""
    by_name = {subject.name: subject for subject in subjects}
    ranked = [(place, by_name[row["candidate"]]) for place, row in enumerate(study.verdict.ranking, 1)]
    rows = []
    for kind in (*GENERATORS, ""):
        own = [(place, s) for place, s in ranked if (s.generator if s.generator in GENERATORS else "") == kind]
        rows += [Record(part=GENERATORS[kind])] if own and kind else []
        rows += [_row(s, saturates, place=place if kind else 0) for place, s in own]
    return rows


def _unranked(study: Study, subjects: Sequence[Subject], saturates: bool) -> list[Record]:
    why = {row["candidate"]: str(row["why"]) for row in study.verdict.unranked}
    floors = [s for s in subjects if s.floor and s.name in why and not s.excluded]
    weaker = [s for s in subjects if s.name in why and not (s.floor or s.excluded or s.record["matched"])]
    apart = [s for s in subjects if s.name in why and not s.excluded and s not in (*floors, *weaker)]
    excluded = [s for s in subjects if s.excluded]
    rows: list[Record] = []
    if apart:
        rows += [Record(part="Not ranked"), *(_row(s, saturates, why[s.name]) for s in apart)]
    if weaker:
        heading = Record(part="As shipped: promises less than was asked, so not in the rank")
        rows += [heading, *(_row(s, saturates, why[s.name]) for s in weaker)]
    if floors:
        heading = Record(part="Floor: exempt from the promise and the rank")
        rows += [heading, *(_row(s, saturates, why[s.name]) for s in floors)]
    if excluded:
        rows += [Record(part="Excluded before the run"), *(_left_out(s, s.excluded or "") for s in excluded)]
    return rows


def _left_out(subject: Subject, why: str) -> Record:
    return Record(who=subject.plain, rest=why, apart=True)


def _row(subject: Subject, saturates: bool, why: str = "", place: int = 0) -> Record:
    merged = subject.record["merged"]
    if merged is None:
        return _left_out(subject, why)
    said = [f"rank {place}"] if place else []
    if why and not subject.floor:
        said.append(why)
    if why and subject.generator in GENERATORS:
        said.append(GENERATORS[subject.generator].lower())
    if subject.state != "valid":
        said.append(f"{subject.state}, see above")
    cells = _cells(subject, merged)
    if saturates:
        cells.insert(2, limit_cell(subject))
    return Record(cells, replace(subject.who, about="; ".join(said)), bool(why))


def _cells(subject: Subject, merged: Json) -> list[Cell]:
    log, ledger = subject.source("latency.hlog"), subject.source("ledger.json")
    rates, use = subject.source("trial.json"), subject.source("trial.json", "resources.jsonl")
    costs = merged["resources"]

    def latency(kind: str, name: str) -> Cell:
        cell = latency_cell(merged[f"{kind}_ms"], name, log)
        return _over_trials(cell, subject, f"{kind}.{name}")

    return [
        _promise(subject),
        _over_trials(measured(merged["delivered_msgs_s"], digits=4, source=rates), subject, "throughput", 4),
        *(latency(whole_way(merged), figure) for figure in ("p50", "p99", "p99_9")),
        latency("confirm", "p99") if merged["confirm_ms"] else Cell(_unconfirmed(subject), css="n none", source=log),
        counted(merged["ledger"]["lost"], ledger, loud=True, note=_share(merged["ledger"])),
        counted(merged["ledger"]["duplicates"], ledger, loud=True),
        _over_trials(measured(costs["broker_cpu_s_per_million"], source=use), subject, "broker_cpu"),
        _over_trials(measured(costs["generator_cpu_s_per_million"], source=use), subject, "generator_cpu"),
        measured(costs["broker_rss_mib_max"], source=subject.source("resources.jsonl")),
    ]


def _unconfirmed(subject: Subject) -> str:
    return "confirms nothing" if subject.record["promise_point"] == "handed-over" else "not measured"


def _promise(subject: Subject) -> Cell:
    record = subject.record
    if record["guarantee"] is None:
        return Cell("exempt" if subject.floor else "not recorded", source="run.json")
    words = promise_words(record["guarantee"], record["survives"]).partition("; a promised message ")[2]
    badge = "floor" if subject.floor else "met" if record["matched"] else "missed"
    text = "exempt" if subject.floor else "as asked" if record["matched"] else "less than asked"
    return Cell(text, words, "run.json", badge=badge)


def _over_trials(cell: Cell, subject: Subject, name: str, digits: int = 3) -> Cell:
    """With lowest to highest over the trials that count, and each of them for the bar."""
    found = readings(subject.usable, metric(name))
    return replace(cell, note=between(found, digits), values=[value for value, _ in found])


def _share(ledger: Json) -> str:
    lost, promised = ledger["lost"], ledger["expected"]
    return f"of {count(promised)}" if lost and promised else ""


def _notes(study: Study, subjects: Sequence[Subject], rows: Sequence[Record]) -> list[str]:
    notes = bounds(rows)
    clients = [s for s in subjects if s.usable and s.usable[0].get("in_flight_by") == "back-pressure"]
    if clients:
        names = ", ".join(s.name for s in clients)
        notes.append(f"In flight is bounded by the socket's back-pressure, not by confirms, for: {names}.")
    warning = disk_warning(study.run["environment"])
    flushing = any(s.record["survives"] in _FLUSHED for s in subjects if not s.excluded)
    return [*notes, warning] if warning and flushing else notes
