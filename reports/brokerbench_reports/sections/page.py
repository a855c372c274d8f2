"""The whole page as values: one field a section, in the order a reader meets them. Markdown prints from it too."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from brokerbench_analysis import Study
from brokerbench_analysis.metrics import metric
from brokerbench_reports.words import plural

from .asked import asked
from .checks import checks
from .claims import claims, slo
from .comparison import comparison
from .environment import environment
from .generator import generator
from .ledger import ledger
from .machine import colocated
from .method import method
from .promises import promises
from .subjects import Subject, subjects_of
from .trials import trials
from .validity import validity

__all__ = ["Page", "page"]

_CONTENTS = (
    ("comparison", "Side by side"),
    ("generator", "Whose limit"),
    ("latency", "Latency"),
    ("over-time", "Second by second"),
    ("claims", "Claims and objectives"),
    ("ledger", "Ledger"),
    ("checks", "Cross-checks"),
    ("promises", "Promises"),
    ("environment", "Machine and settings"),
    ("trials", "Trials"),
    ("method", "Method"),
)
_ADDED = {"repeat", "probe"}


@dataclass(frozen=True)
class Page:
    title: str
    question: str
    started: str
    version: str
    banners: list[dict[str, str]]
    sentence: str
    asked: list[tuple[str, str]]
    validity: dict[str, Any]
    comparison: dict[str, Any]
    generator: dict[str, Any]
    claims: dict[str, Any]
    slo: dict[str, Any]
    ledger: dict[str, Any]
    checks: dict[str, Any]
    promises: dict[str, Any]
    environment: dict[str, Any]
    trials: dict[str, Any]
    method: dict[str, Any]
    contents: tuple[tuple[str, str], ...] = _CONTENTS


def page(study: Study) -> Page:
    run, summary = study.run, study.summary
    subjects = subjects_of(run, summary)
    files = {trial.files.id: trial.files for trial in study.measured}
    scenario = run["scenario"]
    return Page(
        title=scenario["scenario"],
        question=scenario.get("question") or "",
        started=_moment(run.get("started")),
        version=str(run.get("brokerbench") or "of an unknown version"),
        banners=_banners(study),
        sentence=_doubtful(study, subjects) or study.verdict.sentence,
        asked=asked(scenario, metric(summary["primary"]).words),
        validity=validity(subjects, [colocated(run["environment"])]),
        comparison=comparison(study, subjects, _details(study, subjects)),
        generator=generator(subjects, saturates=scenario["load"]["model"] == "saturate"),
        claims=claims(study, subjects),
        slo=slo(study, subjects),
        ledger=ledger(subjects, {name: file.ledger for name, file in files.items()}),
        checks=checks(subjects),
        promises=promises(subjects, scenario["delivery"]),
        environment=environment(run, subjects, {name: file.facts for name, file in files.items()}),
        trials=trials(subjects),
        method=method(run),
    )


def _doubtful(study: Study, subjects: Sequence[Subject]) -> str:
    """A sentence without figures, where a ranked candidate has no trial without an objection; else empty."""
    ranked = {row["candidate"] for row in study.verdict.ranking}
    names = [s.name for s in subjects if s.name in ranked and not any(_sound(trial) for trial in s.usable)]
    if not names:
        return ""
    return f"No answer to rely on: no trial of {', '.join(names)} is valid. The reasons stand below, then the figures."


def _sound(trial: Mapping[str, Any]) -> bool:
    return bool(trial["validity"]["state"] == "valid")


def _details(study: Study, subjects: Sequence[Subject]) -> list[str]:
    """What else must be known, unless the sentence or a row of the table says it."""
    rows = {f"{row['candidate']}: {row['why']}" for row in study.verdict.unranked}
    notes = [note for note in study.verdict.notes if note not in rows and note not in study.verdict.sentence]
    return [study.verdict.sentence, *notes] if _doubtful(study, subjects) else notes


def _moment(stamp: str | None) -> str:
    """`2026-11-23 17:00 UTC` from an ISO stamp."""
    if not stamp:
        return "start not recorded"
    return f"{stamp[:10]} {stamp[11:16]}{' UTC' if stamp.endswith(('+00:00', 'Z')) else ''}"


def _progress(study: Study) -> str:
    """Repeats and probes are added to a plan; what the first look made needless is no longer in it."""
    planned = {t["id"] for t in study.run["trials"] if t.get("kind") not in _ADDED and t["state"] != "skipped"}
    ended = {trial.files.id for trial in study.measured}
    more = len(ended - planned)
    told = f"{len(ended & planned)} of {plural(len(planned), 'planned trial')} ended"
    return f"{told}, and {plural(more, 'repeat or probe', 'repeats or probes')}" if more else told


def _banners(study: Study) -> list[dict[str, str]]:
    run, found = study.run, []
    if run.get("smoke"):
        text = "Phases were shortened to see that everything works. No figure below supports a choice."
        found.append({"title": "Smoke run, no claim.", "text": text})
    if run["status"] != "finished":
        text = f"{_progress(study)}; the page shows what there is."
        found.append({"title": f"The run is not complete ({run['status']}).", "text": text})
    return found
