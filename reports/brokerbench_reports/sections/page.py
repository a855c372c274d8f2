"""The whole page as values: one field a section, in the order a reader meets them. Markdown prints from it too."""

from dataclasses import dataclass
from typing import Any

from brokerbench_analysis import Study
from brokerbench_analysis.metrics import metric
from brokerbench_reports.words import plural

from .asked import asked
from .claims import claims, slo
from .comparison import comparison
from .environment import colocated, environment
from .ledger import ledger
from .method import method
from .promises import promises
from .subjects import subjects_of
from .trials import trials
from .validity import validity

__all__ = ["Page", "page"]

_CONTENTS = (
    ("validity", "Validity"),
    ("comparison", "Side by side"),
    ("latency", "Latency"),
    ("over-time", "Second by second"),
    ("claims", "Claims and objectives"),
    ("ledger", "Ledger"),
    ("promises", "Promises"),
    ("environment", "Machine and settings"),
    ("trials", "Trials"),
    ("method", "Method"),
)


@dataclass(frozen=True)
class Page:
    title: str
    question: str
    started: str
    version: str
    banners: list[dict[str, str]]
    verdict: dict[str, Any]
    asked: list[tuple[str, str]]
    validity: dict[str, Any]
    comparison: dict[str, Any]
    claims: dict[str, Any]
    slo: dict[str, Any]
    ledger: dict[str, Any]
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
        verdict={"sentence": study.verdict.sentence, "details": _details(study)},
        asked=asked(scenario, metric(summary["primary"]).words),
        validity=validity(subjects),
        comparison=comparison(study, subjects),
        claims=claims(study),
        slo=slo(study, subjects),
        ledger=ledger(subjects, {name: file.ledger for name, file in files.items()}),
        promises=promises(subjects, scenario["delivery"]),
        environment=environment(run, subjects, {name: file.facts for name, file in files.items()}),
        trials=trials(subjects),
        method=method(run),
    )


def _details(study: Study) -> list[str]:
    """What else must be known, unless the sentence has said it."""
    notes = [note for note in study.verdict.notes if note not in study.verdict.sentence]
    return [*notes, colocated(study.run["environment"])]


def _moment(stamp: str | None) -> str:
    """`2026-11-23 17:00 UTC` from an ISO stamp."""
    if not stamp:
        return "start not recorded"
    return f"{stamp[:10]} {stamp[11:16]}{' UTC' if stamp.endswith(('+00:00', 'Z')) else ''}"


def _banners(study: Study) -> list[dict[str, str]]:
    run, found = study.run, []
    if run.get("smoke"):
        text = "Phases were shortened to see that everything works. No figure below supports a choice."
        found.append({"title": "Smoke run, no claim.", "text": text})
    if run["status"] != "finished":
        ended = len(study.measured)
        text = f"{ended} of {plural(len(run['trials']), 'planned trial')} ended; the page shows what there is."
        found.append({"title": f"The run is not complete ({run['status']}).", "text": text})
    return found
