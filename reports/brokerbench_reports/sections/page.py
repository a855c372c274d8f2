"""The whole page as values: one entry a section, in the order a reader meets them. Markdown prints from it too.

A new section is one entry of SECTIONS, a function that makes its contents, and a template of its name. What a section
has nothing to say about is not on the page.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from brokerbench_analysis import Study
from brokerbench_analysis.folder import TrialFiles
from brokerbench_analysis.metrics import metric
from brokerbench_reports.words import plural

from .advice import advice
from .asked import asked
from .checks import checks
from .claims import claims
from .coding import coding
from .comparison import comparison
from .decision import decision
from .environment import environment
from .first import details, first
from .generator import generator
from .ledger import ledger
from .machine import colocated
from .method import method
from .promises import promises
from .subjects import Subject, subjects_of
from .trials import trials
from .validity import validity

__all__ = ["SECTIONS", "Page", "Read", "Section", "page"]

Contents = Mapping[str, Any]
_ADDED = {"repeat", "probe"}


@dataclass(frozen=True)
class Read:
    """What every section is made from."""

    study: Study

    @cached_property
    def subjects(self) -> list[Subject]:
        return subjects_of(self.study.run, self.study.summary)

    @property
    def scenario(self) -> Contents:
        scenario: Contents = self.study.run["scenario"]
        return scenario

    @property
    def saturates(self) -> bool:
        return bool(self.scenario["load"]["model"] == "saturate")

    @cached_property
    def files(self) -> dict[str, TrialFiles]:
        """Trial id -> its files as read."""
        return {trial.files.id: trial.files for trial in self.study.measured}


@dataclass(frozen=True)
class Section:
    """`name`: its template and the name of its contents in there. `make`: None where only the page draws it, as
    `drawings` does under the same name. `title`: in the list of contents; empty, where it is not listed."""

    name: str
    title: str = ""
    make: Callable[[Read], Contents] | None = None

    @property
    def anchor(self) -> str:
        return self.name.replace("_", "-")


SECTIONS = (
    Section("first", make=lambda r: first(r.study, r.subjects)),
    Section("validity", "Validity", lambda r: validity(r.subjects, [colocated(r.study.run["environment"])])),
    Section(
        "asked", "What was asked", lambda r: {"pairs": asked(r.scenario, metric(r.study.summary["primary"]).words)}
    ),
    Section("comparison", "Side by side", lambda r: comparison(r.study, r.subjects, details(r.study, r.subjects))),
    Section("decision", "Decision", lambda r: decision(r.study, r.subjects)),
    Section("advice", "Advice", lambda r: advice(r.study.summary, r.subjects)),
    Section("generator", "Whose limit", lambda r: generator(r.subjects, saturates=r.saturates)),
    Section("coding", "Messages and coding", lambda r: coding(r.subjects)),
    Section("latency", "Latency"),
    Section("over_time", "Second by second"),
    Section("claims", "Claims and objectives", lambda r: claims(r.study, r.subjects)),
    Section("ledger", "Ledger", lambda r: ledger(r.subjects, r.files)),
    Section("checks", "Cross-checks", lambda r: checks(r.subjects)),
    Section("promises", "Promises", lambda r: promises(r.subjects, r.scenario["delivery"])),
    Section("environment", "Machine and settings", lambda r: environment(r.study.run, r.subjects, r.files)),
    Section("trials", "Trials", lambda r: trials(r.subjects)),
    Section("method", "Method", lambda r: method(r.study.run)),
)


@dataclass(frozen=True)
class Page:
    """`parts`: contents by section's name; what has nothing to say is not among them."""

    title: str
    question: str
    started: str
    version: str
    banners: list[dict[str, str]]
    parts: dict[str, Contents]


def page(study: Study) -> Page:
    read = Read(study)
    made = {section.name: section.make(read) for section in SECTIONS if section.make is not None}
    return Page(
        title=read.scenario["scenario"],
        question=read.scenario.get("question") or "",
        started=_moment(study.run.get("started")),
        version=str(study.run.get("brokerbench") or "of an unknown version"),
        banners=_banners(study),
        parts={name: contents for name, contents in made.items() if contents},
    )


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
