"""Figures held against each other by laws that hold for any queue: expected, found, how far apart."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from brokerbench_reports.words import percent, plural

from .cells import Cell, Column, Record, Who, link, measured
from .glossary import CHECKS
from .subjects import Subject

__all__ = ["checks"]

Json = Mapping[str, Any]
_ANSWERS = {True: ("holds", "valid"), False: ("does not hold", "invalid"), None: ("not applicable", "plain")}
_COLUMNS = (
    Column("trial"),
    Column("check"),
    Column("expected", css="n"),
    Column("found", css="n"),
    Column("off by", css="n"),
    Column("limit", css="n"),
    Column("answer"),
)


def checks(subjects: Sequence[Subject]) -> dict[str, Any]:
    """What does not hold is shown at once; the rest is there for who wants to look. Empty where nothing was checked."""
    found = [(s, trial, check) for s in subjects for trial in s.trials for check in trial.get("checks") or ()]
    if not found:
        return {}
    broken = [row for row in found if row[2]["holds"] is False]
    applied = sum(row[2]["holds"] is not None for row in found)
    lead = f"{applied - len(broken)} of {plural(applied, 'check')} that applied hold."
    return {
        "lead": f"{lead} Each figure is found a second way, by other counters or by other arithmetic.",
        "columns": _COLUMNS,
        "broken": [_row(*row) for row in broken],
        "groups": list(_groups(subjects, found)),
        "words": [f"{name}: {what}." for name, what in CHECKS.values()],
    }


def _groups(subjects: Sequence[Subject], found: Sequence[tuple[Subject, Json, Json]]) -> Iterator[dict[str, Any]]:
    for subject in subjects:
        rows = [row for row in found if row[0] is subject]
        held, not_held = (sum(row[2]["holds"] is answer for row in rows) for answer in (True, False))
        if rows:
            title = f"{subject.name}: {held} hold" + (f", {not_held} not" if not_held else "")
            yield {"title": title, "rows": [_row(*row) for row in rows]}


def _row(subject: Subject, trial: Json, check: Json) -> Record:
    name = str(trial["id"])
    source = f"trials/{name}/trial.json"
    words, badge = _ANSWERS[check["holds"]]
    endless = check["off"] is None and check["holds"] is False  # something where nothing was expected
    what = CHECKS.get(str(check["name"]), (str(check["name"]).replace("-", " "), ""))[0]
    cells = [
        Cell(what, str(check.get("about") or "")),
        measured(check["expected"], digits=4, source=source),
        measured(check["found"], digits=4, source=source),
        Cell("none expected", css="n", source=source) if endless else _share(check["off"], source),
        Cell(percent(check["limit"], chosen=True), css="n", source=source),
        Cell(words, badge=badge),
    ]
    return Record(cells, Who(name, subject.who.series, href=link("trials", name, "trial.json")))


def _share(share: float | None, source: str) -> Cell:
    return measured(None, source=source) if share is None else Cell(percent(abs(share)), source=source, css="n")
