"""The fate of every message, for each candidate and group, over all of its trials; lost ones by their ids."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from brokerbench_analysis.folder import TrialFiles
from brokerbench_analysis.moments import when_sent
from brokerbench_reports.words import plural

from .cells import Cell, Column, Record, counted, text
from .fates import fates
from .glossary import FATES
from .subjects import Subject

__all__ = ["ledger", "ledgers"]

Json = Mapping[str, Any]
_SENDER = ("sent", "promised", "unknown", "refused")
_ALWAYS = ("sent", "promised", "expected", "unique", "lost", "duplicates", "outstanding")
_IF_ANY = ("unknown", "refused", "recovered", "redelivered", "returned", "rejected", "reordered", "foreign", "corrupt")
_LOUD = {"lost", "duplicates", "outstanding", "reordered", "foreign", "corrupt"}
_LISTED = ("lost", "outstanding", "refused_delivered", "duplicates", "reordered", "corrupt", "foreign", "recovered")


def ledger(subjects: Sequence[Subject], files: Mapping[str, TrialFiles]) -> dict[str, Any]:
    """`files`: trial id -> its files as read."""
    sums = [(s, group, _sums(s, group)) for s in subjects for group in _groups(s)]
    extra = [name for name in _IF_ANY if any(total[name] for *_, total in sums)]
    silent = [name for name in _IF_ANY if name not in extra and all(total[name] == 0 for *_, total in sums)]
    names = [
        name for name in (*_ALWAYS[:2], *_IF_ANY[:2], *_ALWAYS[2:], *_IF_ANY[2:]) if name in _ALWAYS or name in extra
    ]
    rows = []
    for subject, group, total in sums:
        source = subject.source("ledger.json", usable=False)
        cells = [text(group), Cell(_closed(subject)[0], badge=_closed(subject)[1], source=source)]
        for name in names:
            note = _flagged(subject, group) if name == "duplicates" else ""
            cells.append(counted(total[name], source, loud=name in _LOUD, note=note))
        rows.append(Record(cells, subject.plain, subject.floor))
    lead = (
        "Messages over all trials, warm-up, repeated trials and probes included: a loss is a fact wherever it happens. "
        "What was sent and what was received is recorded in different processes."
    )
    if not rows:
        lead = "No trial left a ledger."
    elif silent:
        lead += f" None was {_listed(silent)}."
    columns = [Column("candidate"), Column("group"), Column("ledger"), *(Column(name, css="n") for name in names)]
    return {
        "lead": lead,
        "columns": columns,
        "rows": rows,
        "fates": fates(subjects),
        "lists": list(_lists(subjects, files)),
        "words": FATES,
    }


def ledgers(subject: Subject) -> list[Json]:
    """The ledgers of its trials, where there is one."""
    return [trial["ledger"] for trial in subject.trials if trial["ledger"]]


def _groups(subject: Subject) -> list[str]:
    return list(dict.fromkeys(group for entry in ledgers(subject) for group in entry["groups"]))


def _sums(subject: Subject, group: str) -> dict[str, int | None]:
    """None where one of the trials has no figure."""
    totals: dict[str, int | None] = {}
    for name in (*_ALWAYS, *_IF_ANY):
        found = [entry[name] if name in _SENDER else entry["groups"][group].get(name) for entry in ledgers(subject)]
        totals[name] = None if None in found else sum(found)
    return totals


def _flagged(subject: Subject, group: str) -> str:
    """Whether an application could have told the duplicates; empty where there are none."""
    parts = [entry["groups"][group] for entry in ledgers(subject)]
    parts = [part for part in parts if part["duplicates"]]
    flagged = [part.get("duplicates_flagged") for part in parts]
    if not parts:
        return ""
    if None in flagged:
        return "flags not measured"
    total = sum(part["duplicates"] for part in parts)
    return "all flagged" if sum(flagged) == total else f"{sum(flagged):,} flagged, {total - sum(flagged):,} unannounced"


def _closed(subject: Subject) -> tuple[str, str]:
    opened = sum(not entry["closed"] for entry in ledgers(subject))
    return ("closed", "valid") if not opened else (f"open in {plural(opened, 'trial')}", "invalid")


def _listed(names: Sequence[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} or {names[-1]}"


def _lists(subjects: Sequence[Subject], files: Mapping[str, TrialFiles]) -> Iterator[dict[str, Any]]:
    """One for each candidate that has ids of a fate to show."""
    for subject in subjects:
        lists = [
            _list(file, group, fate, ids, entry[fate])
            for trial in subject.trials
            if (file := files.get(str(trial["id"]))) is not None
            for group, entry in (file.ledger.get("groups") or {}).items()
            for fate in _LISTED
            if (ids := (entry.get("ids") or {}).get(fate)) and entry.get(fate)
        ]
        if lists:
            yield {"title": f"{subject.name}: which messages, by id", "lists": lists}


def _list(file: TrialFiles, group: str, fate: str, ids: Sequence[Any], number: int) -> dict[str, str]:
    trial = file.id
    cut = f"the first {len(ids)} of {number:,}" if number > len(ids) else "all of them"
    words, kind = (fate.replace("_", ", "), "payloads, hexadecimal" if fate == "foreign" else "producer:sequence")
    return {
        "title": f"{number:,} {words} in {trial}, group {group}{_when(file, fate, ids, number)}",
        "note": f"{kind}, {cut}, from trials/{trial}/ledger.json",
        "ids": ", ".join(map(str, ids)) if fate == "foreign" else _runs(ids),
    }


def _when(file: TrialFiles, fate: str, ids: Sequence[Any], number: int) -> str:
    """Told of the ids that are kept."""
    span = None if fate == "foreign" else when_sent(file, ids)
    if span is None:
        return ""
    listed = "" if number <= len(ids) else "those listed "
    return f", {listed}due between second {span[0]:.0f} and {span[1]:.0f}"


def _runs(ids: Sequence[Sequence[int]]) -> str:
    """Neighbours are drawn together: `0:17–19, 1:4`."""
    runs: list[list[int]] = []
    for producer, sequence in sorted((int(p), int(s)) for p, s in ids):
        if runs and runs[-1][0] == producer and runs[-1][2] == sequence - 1:
            runs[-1][2] = sequence
        else:
            runs.append([producer, sequence, sequence])
    return ", ".join(f"{p}:{a}" if a == b else f"{p}:{a}–{b}" for p, a, b in runs)
