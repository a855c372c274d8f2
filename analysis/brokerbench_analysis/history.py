"""All runs of a results folder, as each one's summary.json tells of it.

The one place where a summary is read back: a run's own page is made from what was measured. What stands here is what
its brokerbench made of it on that day, whoever may have changed the file since; a page that shows it must say so.
"""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from .doubt import in_doubt
from .metrics import metric

__all__ = ["History", "PastRun", "Standing", "Unreadable", "read_history"]

_MOST_BYTES = 64 << 20  # of a summary; a hundred trials make one of 1 MB


class _Part(BaseModel):
    """What is read of a summary; the rest of it is not looked at."""

    model_config = ConfigDict(frozen=True, allow_inf_nan=False)


class Standing(_Part):
    """A ranked candidate's primary figure, and the least and the most of its single trials."""

    candidate: str
    value: float | None
    at_least: bool
    low: float | None
    high: float | None
    trials: int


class _Unranked(_Part):
    candidate: str
    why: str


class _Verdict(_Part):
    sentence: str
    ranking: tuple[Standing, ...]
    unranked: tuple[_Unranked, ...]


class _Validity(_Part):
    state: Literal["valid", "suspect", "invalid"]


class _Trial(_Part):
    validity: _Validity
    kind: str = "planned"
    superseded: bool = False

    @property
    def counted(self) -> bool:
        return self.kind != "probe" and not self.superseded


class _Candidate(_Part):
    trials: tuple[_Trial, ...]


class _Environment(_Part):
    cpu: str | None = None
    cores: int | None = None
    scenario_sha256: str | None = None


class _Summary(_Part):
    version: Literal[1] = Field(alias="schema")
    scenario: str | None
    question: str | None
    started: str | None
    status: str
    smoke: bool
    primary: str
    environment: _Environment
    verdict: _Verdict
    candidates: dict[str, _Candidate]


@dataclass(frozen=True)
class PastRun:
    folder: str
    has_page: bool
    scenario: str
    question: str | None
    started: str  # ISO; empty where it was not recorded
    status: str
    smoke: bool
    sentence: str
    trials: dict[str, int]  # state -> how many, of those that count
    primary: str
    standings: tuple[Standing, ...]
    machine: str
    asked: str | None  # a checksum of the scenario

    @property
    def alike(self) -> tuple[str, str | None, str]:
        """Runs in which this is the same can stand on one line: same question, same machine, same figure."""
        return self.machine, self.asked, self.primary


@dataclass(frozen=True)
class Unreadable:
    folder: str
    why: str


@dataclass(frozen=True)
class History:
    runs: tuple[PastRun, ...]  # newest first
    unreadable: tuple[Unreadable, ...]


def read_history(results: Path) -> History:
    """Every folder that holds a run or what is left of one; nothing else in there is looked at. Raises OSError where
    `results` itself cannot be read."""
    runs, broken = [], []
    for folder in sorted(results.iterdir()):
        try:
            run = _read(folder)
        except ValidationError as error:
            broken.append(Unreadable(folder.name, f"summary.json is not as this brokerbench reads it: {_first(error)}"))
        except OSError as error:
            broken.append(Unreadable(folder.name, f"it cannot be read: {error.strerror or error}"))
        except (ValueError, RecursionError) as error:
            broken.append(Unreadable(folder.name, f"summary.json cannot be read: {error}"))
        else:
            runs += [run] if run else []
    return History(tuple(sorted(runs, key=lambda run: (run.started, run.folder), reverse=True)), tuple(broken))


def _read(folder: Path) -> PastRun | None:
    """None where it is no run."""
    if not folder.is_dir() or folder.name.startswith("."):
        return None
    path = folder / "summary.json"
    if not path.is_file():
        if (folder / "run.json").is_file():
            raise ValueError("there is none; `brokerbench report` of this folder says more")
        return None
    if path.stat().st_size > _MOST_BYTES:
        raise ValueError(f"it is larger than {_MOST_BYTES >> 20} MiB")
    summary = _Summary.model_validate(json.loads(path.read_text(encoding="utf-8")))
    return _past(folder, summary)


def _past(folder: Path, summary: _Summary) -> PastRun:
    metric(summary.primary)  # a figure that nobody knows is no figure
    each = {name: [t.validity.state for t in c.trials if t.counted] for name, c in summary.candidates.items()}
    states = [state for found in each.values() for state in found]
    ranked = {row.candidate: each.get(row.candidate, []) for row in summary.verdict.ranking}
    doubt = "" if summary.smoke else in_doubt(ranked)
    machine = summary.environment
    return PastRun(
        folder=folder.name,
        has_page=(folder / "report.html").is_file(),
        scenario=summary.scenario or "without a name",
        question=summary.question,
        started=summary.started or "",
        status=summary.status,
        smoke=summary.smoke,
        sentence=doubt or summary.verdict.sentence,
        trials={state: states.count(state) for state in ("valid", "suspect", "invalid") if state in states},
        primary=summary.primary,
        standings=summary.verdict.ranking,
        machine=f"{machine.cpu or 'a CPU not recorded'}, {machine.cores or 'an unknown number of'} cores",
        asked=machine.scenario_sha256,
    )


def _first(error: ValidationError) -> str:
    """Where it is wrong and how, in a line."""
    found = error.errors(include_url=False, include_input=False)[0]
    return f"{'.'.join(map(str, found['loc'])) or 'the whole of it'}: {found['msg']}"
