"""Whose limit a figure is: the broker's or the generator's. Ceilings of the clients alone, warnings, pauses."""

from collections.abc import Mapping, Sequence
from typing import Any

from brokerbench.model import GENERATOR_NEAR
from brokerbench_reports.words import NOT_MEASURED, figure, percent, plural

from .cells import Cell, Column, Record, Who, counted, link, measured
from .subjects import GENERATORS, Subject

__all__ = ["generator", "limit_cell"]

Json = Mapping[str, Any]
_LEAD = (
    "A figure is the broker's own only where the generator had room left. A ceiling is what the same client processes "
    "reach against a server that discards what they send, or hands them ready-made messages."
)
_PAUSES = (
    "In these moments the whole generator process did not run, so no message moved. The delay stands in the latencies, "
    "and the generator or this machine caused it, not the broker."
)
_PAUSE_COLUMNS = (
    Column("trial"),
    Column("process"),
    Column("pauses", css="n"),
    Column("longest", "ms", "n"),
    Column("together", "ms", "n"),
)


def generator(subjects: Sequence[Subject], *, saturates: bool) -> dict[str, Any]:
    """Empty where a folder tells nothing of its generator."""
    there = [s for s in subjects if not s.excluded and _tells(s)]
    columns = [
        Column("candidate"),
        *([Column("whose limit")] if saturates else []),
        Column("busiest process", "% of the time", "n"),
        Column("producers alone", "msg/s", "n"),
        Column("of that used", "%", "n"),
        Column("consumers alone", "deliveries/s", "n"),
        Column("of that used", "%", "n"),
        Column("ceiling from"),
    ]
    pauses = _pauses(subjects)
    if not there and not pauses["lead"]:
        return {}
    return {
        "lead": _LEAD,
        "columns": columns,
        "rows": [_row(s, saturates=saturates) for s in there],
        "warnings": [(s.plain, text) for s in there for text in s.record.get("warnings") or ()],
        "pauses": pauses,
    }


def limit_cell(subject: Subject) -> Cell:
    """Whose maximum a saturating load measured; the broker's only where the analysis says so."""
    limit = subject.record.get("limit") or {}
    by = limit.get("by")
    words, badge = {"broker": ("the broker's maximum", "met"), "client-bound": ("client-bound", "suspect")}.get(
        str(by), ("not known", "plain")
    )
    return Cell(words, str(limit.get("text") or "").removeprefix(f"{words}: "), badge=badge)


def _tells(subject: Subject) -> bool:
    record = subject.record
    return any(record.get(key) for key in ("ceiling", "limit", "warnings")) or subject.generator != ""


def _row(subject: Subject, *, saturates: bool) -> Record:
    ceiling, merged = subject.record.get("ceiling") or {}, subject.record["merged"] or {}
    rates = subject.source("trial.json")
    busy = (merged.get("resources") or {}).get("busy_share_max")
    cells = [limit_cell(subject)] if saturates else []
    cells.append(_loud(busy, rates))
    for side, used in (("producers", "sent_msgs_s"), ("consumers", "deliveries_msgs_s")):
        most, core = ceiling.get(f"{side}_msgs_s"), ceiling.get(f"{side}_busy")
        note = f"busy {percent(core)} of the time" if core is not None else ""
        cells.append(measured(most, digits=4, note=note, source="run.json"))
        rate = merged.get(used)
        cells.append(_loud(rate / most if rate is not None and most else None, f"run.json, {rates}" if rates else ""))
    cells.append(Cell(_from(ceiling), source="run.json"))
    return Record(cells, Who(subject.name, subject.who.series, GENERATORS.get(subject.generator, "")))


def _loud(share: float | None, source: str) -> Cell:
    """A share in per cent; above one half it is marked, in words too."""
    if share is None:
        return measured(None, source=source)
    if share <= GENERATOR_NEAR:
        return Cell(figure(100 * share, 2), source=source, css="n")
    return Cell(figure(100 * share, 2), "more than half", source, "n loud")


def _from(ceiling: Json) -> str:
    if not ceiling:
        return NOT_MEASURED
    day = str(ceiling.get("measured") or "")[:10]
    how = f"kept from {day or 'an earlier run'}" if ceiling.get("cached") else "measured for this run"
    if all(ceiling.get(f"{side}_msgs_s") is None for side in ("producers", "consumers")):
        how = NOT_MEASURED
    return f"{how}: {ceiling['reason']}" if ceiling.get("reason") else how


def _pauses(subjects: Sequence[Subject]) -> dict[str, Any]:
    """Told of all trials where a meter ran; listed where it found something."""
    metered = [(s, t, t["pauses"]) for s in subjects for t in s.trials if t.get("pauses")]
    stood = [(s, t, found) for s, t, found in metered if found["count"]]
    if not metered:
        lead = ""
    elif not stood:
        lead = f"The generator never stood still in {plural(len(metered), 'trial')}."
    else:
        lead = (
            f"The generator stood still in {len(stood)} of {plural(len(metered), 'trial')}, "
            f"{figure(max(found['max_ms'] for *_, found in stood))} ms at the longest."
        )
    rows = [_pause(s, t, found) for s, t, found in stood]
    return {"lead": lead, "words": _PAUSES, "columns": _PAUSE_COLUMNS, "rows": rows}


def _pause(subject: Subject, trial: Json, found: Json) -> Record:
    name = str(trial["id"])
    source = f"trials/{name}/trial.json"
    cells = [
        Cell(str(found.get("child") or "not recorded")),
        counted(found["count"], source),
        measured(found["max_ms"], source=source),
        measured(found["total_ms"], source=source),
    ]
    return Record(cells, Who(name, subject.who.series, href=link("trials", name, "trial.json")))
