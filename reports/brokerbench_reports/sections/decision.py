"""The decision: what each candidate has of what was needed, what is known of it beside its figures, each figure's own
order, and what would change the choice. Every answer names its proof, or the page and the day it was read."""

from collections.abc import Mapping, Sequence
from typing import Any

from brokerbench.model import FACTORS, Answer, Having, Line, Proof
from brokerbench_analysis import Study
from brokerbench_analysis.metrics import metric
from brokerbench_analysis.needs import lines_of
from brokerbench_reports.words import figure

from .cells import Cell, Column, Record
from .subjects import Subject

__all__ = ["criteria_of", "decision"]

Json = Mapping[str, Any]
_BADGES = {Having.MET: "met", Having.NOT_MET: "missed", Having.NOT_KNOWN: "undecided"}
_PROOFS = {
    Proof.CONFORMANCE: "proved by the conformance suite",
    Proof.DRIVER: "the driver does not declare it for these settings",
    Proof.RELEASES: "by the driver's release dates",
}
_FACTORS = {
    "performance": "performance, as its project tells it",
    "message-size": "message size",
    "language": "development languages",
    "protocol": "protocols",
    "licence": "licence",
    "community": "community",
    "support": "support",
}
_ANSWERS = {
    "shown": "shown by this run",
    "only-one-left": "the only one left",
    "undecided": "undecided",
    "objective-missed": "nobody: the leader misses an objective",
    "alone": "nothing to decide between",
    "unfinished": "not yet: the run has not ended",
    "smoke": "nothing is claimed",
    "nothing-ranked": "nobody could be ranked",
}


class _Sources:
    """The pages that the cells refer to by number, each once."""

    def __init__(self) -> None:
        self._numbers: dict[tuple[str, str], int] = {}

    def number(self, url: str, read: str) -> int:
        return self._numbers.setdefault((url, read), len(self._numbers) + 1)

    def listed(self) -> list[dict[str, str]]:
        return [{"number": str(n), "url": url, "read": read} for (url, read), n in self._numbers.items()]


def criteria_of(study: Study, subject: Subject) -> Json:
    """Its row of the decision's criteria."""
    rows: list[Json] = study.summary["decision"]["criteria"]
    return next(row for row in rows if row["candidate"] == subject.name)


def decision(study: Study, subjects: Sequence[Subject]) -> dict[str, Any]:
    """Empty where nothing was needed, nothing is known of the brokers, and no figure can be put in order."""
    found, sources = study.summary["decision"], _Sources()
    columns = [Column("need"), *(Column(subject.name) for subject in subjects)]
    needs = _needs(study, subjects, sources)
    factors = _factors(subjects, sources)
    orders = [_order(order) for order in found["orders"] if len(order["order"]) > 1]
    if not (needs or factors or orders):
        return {}
    return {
        "lead": _lead(found),
        "needs": {"columns": columns, "rows": needs},
        "factors": {"columns": [Column("factor"), *columns[1:]], "rows": factors},
        "orders": {"columns": [Column("by"), Column("best first"), Column("another leader?")], "rows": orders},
        "changes": list(found["would_change"]),
        "sources": sources.listed(),
    }


def _lead(found: Json) -> str:
    who = found["winner"] or "No choice"
    return f"{who} ({_ANSWERS[found['certainty']]}): {found['reason']}."


def _needs(study: Study, subjects: Sequence[Subject], sources: _Sources) -> list[Record]:
    rows = []
    for need in study.run["scenario"].get("needs") or ():
        cells = [Cell(str(need))]
        for subject in subjects:
            answers = [Answer.model_validate(each) for each in criteria_of(study, subject)["needs"]]
            answer = next((each for each in answers if each.need == need), None)
            cells.append(_answer(subject, answer, sources))
        rows.append(Record(cells))
    return rows


def _answer(subject: Subject, answer: Answer | None, sources: _Sources) -> Cell:
    if answer is None:
        return Cell("not recorded", css="none")
    said = [answer.says] if answer.says else []
    if answer.source:
        said.append(_page(answer.source, str(answer.read), sources))
    elif answer.proof in _PROOFS and _PROOFS[answer.proof] not in said:
        said.append(_PROOFS[answer.proof])
    if answer.need == "tls" and answer.having is Having.MET and not _encrypted(subject):
        said.append("measured without it")
    badge = "plain" if subject.floor else _BADGES[answer.having]
    return Cell(answer.having.value, "; ".join(said), "run.json", badge=badge)


def _encrypted(subject: Subject) -> bool:
    promise = subject.declared.get("promise") or {}
    return bool((promise.get("settings") or {}).get("tls"))


def _factors(subjects: Sequence[Subject], sources: _Sources) -> list[Record]:
    """Rows that somebody has something to say to."""
    known = {subject.name: lines_of(subject.declared, subject.record["facts"]) for subject in subjects}
    rows = []
    for about, words in _FACTORS.items():
        mine = [[line for line in known[subject.name] if line.about == about] for subject in subjects]
        cells = [_factor(lines, sources) for lines in mine]
        if any(cell.text != "not known" for cell in cells):
            rows.append(Record([Cell(words), *cells]))
    return rows


def _factor(lines: Sequence[Line], sources: _Sources) -> Cell:
    if not lines:
        return Cell("not known", css="none")
    told, pages = [], []
    for line in lines:
        answer = ", ".join(line.answer) if isinstance(line.answer, tuple) else line.answer
        said = line.says if line.about in FACTORS else "; ".join(part for part in (answer, line.says) if part)
        told.append(f"{said} (version {line.versions})" if line.versions else said)
        if line.source and (page := _page(line.source, str(line.read), sources)) not in pages:
            pages.append(page)
    return Cell("; ".join(told), ", ".join(pages), "run.json")


def _page(url: str, read: str, sources: _Sources) -> str:
    return f"source {sources.number(url, read)}"


def _order(order: Json) -> Record:
    of = metric(order["metric"])
    digits = 4 if of.higher_is_better else 3
    told = [
        f"{row['candidate']} {'≥ ' if row['at_least'] else ''}{figure(row['value'], digits)}{of.unit and f' {of.unit}'}"
        for row in order["order"]
    ]
    if order["primary"]:
        last = Cell("the figure that is tested", css="none")
    elif order["flips"]:
        last = Cell("yes", f"{', '.join(order['beaten_by'])}; explored, not tested", badge="undecided")
    else:
        last = Cell("no", badge="plain")
    return Record([Cell(of.words), Cell(", ".join(told)), last])
