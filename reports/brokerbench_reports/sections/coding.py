"""What the messages were, and what writing and reading them costs: by itself, and in what the trials show."""

from collections.abc import Mapping, Sequence
from typing import Any

from brokerbench_reports.words import count, figure

from .cells import Cell, Column, Record, counted, measured
from .subjects import Subject

__all__ = ["coding"]

Json = Mapping[str, Any]
_LEAD = (
    "All candidates sent the same orders. Encode to decode: microseconds of CPU for one message, measured before the "
    "load with no broker at all, in passes in which all ways of writing took turns. From end-to-end on: what the "
    "trials show, where bodies were ready-made, so that only their bytes differ. Below each figure stands its 95 % "
    "interval, over passes or trials; bytes are the mean of the orders sent, 16 of them the stamp's, and exact. "
    "An application pays both sides: add the cost of coding to the latency yourself."
)
_COLUMNS = (
    Column("candidate"),
    Column("written as"),
    Column("encoded", "B", "n"),
    Column("sent", "B", "n"),
    Column("encode", "µs", "n"),
    Column("decode", "µs", "n"),
    Column("compress", "µs", "n"),
    Column("decompress", "µs", "n"),
    Column("coding in all", "µs", "n"),
    Column("end-to-end p50", "ms", "n"),
    Column("end-to-end p99", "ms", "n"),
    Column("delivered", "msg/s", "n"),
    Column("broker CPU", "s per million", "n"),
)
_PACKING = ("compress", "decompress")
_DRAWN_LEAD = (
    "What was drawn: measured on the pool of bodies that was sent over and over, and on the keys of one producer."
)
_DRAWN = (
    Column("candidate"),
    Column("bodies", "distinct", "n"),
    Column("smallest", "B", "n"),
    Column("mean", "B", "n"),
    Column("largest", "B", "n"),
    Column("saved by zlib, level 1", "%", "n"),
    Column("distinct keys", "", "n"),
    Column("most frequent key", "% of messages", "n"),
)


def coding(subjects: Sequence[Subject]) -> dict[str, Any]:
    """Empty where all messages are alike: one size, no key, noise."""
    coded = [s for s in subjects if s.record.get("coding")]
    drawn = [s for s in subjects if s.record.get("message")]
    if not coded and not any(_tells(s.record["message"]) for s in drawn):
        return {}
    packed = any(s.record["coding"]["compress_us"] for s in coded)
    return {
        "lead": _LEAD if coded else "",
        "columns": _COLUMNS if packed else [column for column in _COLUMNS if column.label not in _PACKING],
        "rows": [_row(s, packed) for s in coded],
        "drawn": {"lead": _DRAWN_LEAD, "columns": _DRAWN, "rows": [_drawn(s) for s in drawn]},
    }


def _tells(message: Json) -> bool:
    return bool(message["keys"]) or message["smallest_bytes"] != message["largest_bytes"] or message["saved_share"] > 0


def _row(subject: Subject, packs: bool) -> Record:
    found = subject.record["coding"]
    packed = "" if found["compression"] == "none" else f", {found['compression']}"
    rates = subject.source("trial.json")
    log = subject.source("latency.hlog")
    use = subject.source("trial.json", "resources.jsonl")
    effect = found["effect"]
    none = "none" if not packed else "not measured"
    cells = [
        Cell(f"{found['codec']}, {found['model']}{packed}", source="run.json"),
        measured(found["encoded_bytes"], digits=4, source="run.json"),
        measured(found["sent_bytes"], digits=4, source="run.json"),
        _level(found["encode_us"], "run.json"),
        _level(found["decode_us"], "run.json"),
        *([_level(found[f"{step}_us"], "run.json", none) for step in _PACKING] if packs else []),
        _level(found["application_us"], "run.json"),
        _level(effect["end_to_end_p50_ms"], log),
        _level(effect["end_to_end_p99_ms"], log),
        _level(effect["delivered_msgs_s"], rates, digits=4),
        _level(effect["broker_cpu_s_per_million"], use),
    ]
    return Record(cells, subject.plain)


def _level(found: Json | None, source: str, why: str = "not measured", digits: int = 3) -> Cell:
    if found is None:
        return measured(None, source=source, why=why)
    ends = (found["low"], found["high"])
    note = "one value, no interval" if None in ends else f"{figure(ends[0], digits)} to {figure(ends[1], digits)}"
    return measured(found["value"], digits=digits, note=note, source=source, at_least=bool(found.get("at_least")))


def _drawn(subject: Subject) -> Record:
    message = subject.record["message"]
    keys = message["keys"] or {}
    why = "no key" if not message["keys"] else "not measured"
    cells = [
        _counted(message["bodies"], "as in the trace"),
        _counted(message["smallest_bytes"], "as in the trace"),
        measured(message["mean_bytes"], digits=4, source="run.json"),
        _counted(message["largest_bytes"]),
        measured(100 * max(0.0, message["saved_share"]), source="run.json"),
        _counted(keys.get("distinct"), why, _of(keys)),
        measured(None if not keys else 100 * keys["hottest_share"], source="run.json", why=why),
    ]
    return Record(cells, subject.plain)


def _counted(number: int | None, why: str = "not measured", note: str = "") -> Cell:
    return measured(None, source="run.json", why=why) if number is None else counted(number, "run.json", note=note)


def _of(keys: Json) -> str:
    return f"in {count(keys['messages'])} messages" if keys else ""
