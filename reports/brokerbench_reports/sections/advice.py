"""What to try next: each piece of advice with what was seen, the price, and whether paired trials have shown a gain."""

import shlex
from collections.abc import Mapping, Sequence
from typing import Any

from brokerbench_reports.words import flag

from .cells import Cell, Column, Record, link
from .subjects import Subject

__all__ = ["advice"]

Json = Mapping[str, Any]
_LEAD = (
    "Only what this run's own figures show, from trials that are neither invalid nor contaminated nor bound by the"
    " client. A piece of advice is a hypothesis until paired trials, old setting against new, have shown the gain."
)
_COLUMNS = (Column("candidate"), Column("setting"), Column("seen"), Column("expected"), Column("proved"))


def advice(summary: Json, subjects: Sequence[Subject]) -> dict[str, Any]:
    """Empty where no pattern was seen. `columns` and `rows` are the short form."""
    rows = list(summary["advice"])
    if not rows:
        return {}
    who = {subject.name: subject for subject in subjects}
    numbers = _numbers(rows)
    pieces = [
        _piece(row, who[row["candidate"]], number, str(summary["scenario"]))
        for row, number in zip(rows, numbers, strict=True)
    ]
    return {"lead": _LEAD, "pieces": pieces, "columns": _COLUMNS, "rows": [_record(piece) for piece in pieces]}


def _numbers(rows: Sequence[Json]) -> list[int | None]:
    """The N of --prove N with which each is tried; None where it is no question for paired trials."""
    found: list[int | None] = []
    for row in rows:
        found.append(1 + sum(n is not None for n in found) if row["provable"] else None)
    return found


def _piece(row: Json, subject: Subject, number: int | None, scenario: str) -> dict[str, Any]:
    proof = row["proof"]
    change = " ".join(f"-o {shlex.quote(f'{key}={value}')}" for key, value in row["change"].items())
    badge = ("proved", "met") if row["proved"] else ("tried, no gain shown", "undecided") if proof else ("unproved", "")
    return {
        "who": subject.plain,
        "title": f"{row['setting']}: {flag(row['from'])} → {flag(row['to'])}",
        "badge": badge,
        "pairs": [
            ("Seen", str(row["evidence"])),
            ("Expected", str(row["effect"])),
            ("Price", str(row["price"])),
            ("Defaults", f"{row['default']} (measured here: {row['broker_version'] or 'version not known'})"),
            *_outcome(row),
        ],
        "source": str(row["source"]),
        "proof": link(*str(proof["folder"]).split("/"), "report.html") if proof else "",
        "try": f"brokerbench run {scenario}.yaml {change}" if change else "",
        "prove": f"brokerbench run {scenario}.yaml --prove {number}" if number and not proof else "",
        "files": ", ".join(f"trials/{trial}/trial.json" for trial in row["trials"]),
    }


def _outcome(row: Json) -> list[tuple[str, str]]:
    """What paired trials said; that they cannot say it, where they cannot."""
    proof = row["proof"]
    if proof is None:
        return [] if row["provable"] else [("Proof", "not by --prove: other messages are another question")]
    pairs = [("Paired trials", str(proof["text"]) + (f"; on top of {proof['after']}" if proof["after"] else ""))]
    return pairs + ([("All steps together", str(proof["together"]))] if proof["together"] else [])


def _record(piece: Json) -> Record:
    pairs = dict(piece["pairs"])
    cells = [
        Cell(piece["title"]),
        Cell(pairs["Seen"]),
        Cell(pairs["Expected"], f"price: {pairs['Price']}"),
        Cell(piece["badge"][0], pairs.get("Paired trials") or piece["prove"]),
    ]
    return Record(cells, piece["who"])
