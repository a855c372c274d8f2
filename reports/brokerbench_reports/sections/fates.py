"""What the sender was told against what came of it: the matrix that shows a broker's word broken."""

from collections.abc import Mapping, Sequence
from typing import Any

from brokerbench.model import Guarantee

from .cells import Cell, Column, Record, counted, text
from .subjects import Subject

__all__ = ["fates"]

Json = Mapping[str, Any]
_ANSWERS = ("confirmed", "refused", "unknown", "handed-over")
_COMES = ("delivered", "absent")
_LOST = {("confirmed", "absent"), ("handed-over", "absent")}
_LOUD = {("refused", "delivered"), ("unknown", "absent")}
_LEAD = (
    "What the sender was told, and what came to the group, over all trials, warm-up, repeated trials and probes "
    "included. Bold red must not be: a promise broken, a refusal delivered all the same, a fate still open."
)
_ALLOWED = "allowed: at most once"


def fates(subjects: Sequence[Subject]) -> dict[str, Any]:
    """Over all of a candidate's trials, as the ledger's own table is; no rows where no ledger has the matrix."""
    sums = [(s, group, _sums(s, group)) for s in subjects for group in _groups(s)]
    answers = [a for a in _ANSWERS if any(a in total for *_, total in sums)]
    columns = [Column("candidate"), Column("group")]
    columns += [Column(answer.replace("-", " "), come, "n") for answer in answers for come in _COMES]
    return {
        "lead": _LEAD,
        "columns": columns,
        "rows": [_row(*row, answers) for row in sums],
    }


def _groups(subject: Subject) -> list[str]:
    ledgers = [trial["ledger"] for trial in subject.trials if trial["ledger"]]
    return list(dict.fromkeys(name for one in ledgers for name, group in one["groups"].items() if group.get("fates")))


def _sums(subject: Subject, group: str) -> dict[str, dict[str, int | None]]:
    """Answer -> what came of it -> messages; None where one of the trials does not say."""
    ledgers = [trial["ledger"]["groups"].get(group) or {} for trial in subject.trials if trial["ledger"]]
    found = [one.get("fates") or {} for one in ledgers]
    total: dict[str, dict[str, int | None]] = {}
    for answer in dict.fromkeys(name for one in found for name in one):
        total[answer] = {come: _sum([(one.get(answer) or {}).get(come) for one in found]) for come in _COMES}
    return total


def _sum(parts: Sequence[int | None]) -> int | None:
    return None if None in parts else sum(part for part in parts if part is not None)


def _row(subject: Subject, group: str, total: Mapping[str, Mapping[str, int | None]], answers: Sequence[str]) -> Record:
    source = subject.source("ledger.json", usable=False)
    cells = [text(group)]
    for answer in answers:
        for come in _COMES:
            if answer in total:
                cells.append(_cell(subject, (answer, come), total[answer][come], source))
            else:
                cells.append(Cell("n/a", css="n none"))
    return Record(cells, subject.plain, subject.floor)


def _cell(subject: Subject, fate: tuple[str, str], number: int | None, source: str) -> Cell:
    """A loss breaks a promise only where at-least-once was promised."""
    allowed = fate in _LOST and subject.record["guarantee"] == Guarantee.AT_MOST_ONCE
    note = _ALLOWED if allowed and number else ""
    return counted(number, source, loud=fate in _LOUD or (fate in _LOST and not allowed), note=note)
