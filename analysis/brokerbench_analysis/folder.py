"""Reads a run folder as it stands on disk, whole or damaged: what cannot be read becomes a Reason, not a crash."""

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from brokerbench.model import OWN, Pattern

from .histograms import DamagedLogError, Interval, read_hlog
from .needs import read_known
from .reasons import Reason

__all__ = ["SCHEMA", "FolderError", "Json", "TrialFiles", "asked_of", "counts", "own_of", "read_run", "read_trial"]

SCHEMA = 1
_decode = json.JSONDecoder().raw_decode
Json = dict[str, Any]
_FILES = ("intervals.jsonl", "resources.jsonl", "events.jsonl", "latency.hlog", "ledger.json", "facts.json")
_READINGS = "broker.jsonl"  # a folder of before has none


class FolderError(Exception):
    """This folder is not a run that can be read; the text is one line for the user."""


@dataclass(frozen=True)
class TrialFiles:
    """One trial as read. `trial` is empty when trial.json could not be read; `problems` says so."""

    entry: Json  # its line in run.json
    trial: Json = field(default_factory=dict)
    intervals: tuple[Json, ...] = ()
    resources: tuple[Json, ...] = ()
    events: tuple[Json, ...] = ()
    ledger: Json = field(default_factory=dict)
    facts: Json = field(default_factory=dict)
    latency: Mapping[str, tuple[Interval, ...]] = field(default_factory=dict)
    problems: tuple[Reason, ...] = ()
    in_flight: int | None = None  # slots of each producer, as the scenario has them
    readings: tuple[Json, ...] = ()  # of the broker's own counters, while the load ran

    @property
    def id(self) -> str:
        return str(self.entry["id"])

    @property
    def candidate(self) -> str:
        return str(self.entry["candidate"])

    @property
    def model(self) -> str:
        return str(self.trial["load"]["model"])

    @property
    def rate_msgs_s(self) -> float | None:
        rate = self.trial["load"].get("rate_msgs_s")
        return None if rate is None else float(rate)

    @property
    def warmup_s(self) -> float:
        return float(self.trial["phases"]["warmup_s"])

    @property
    def varies(self) -> bool:
        """Whether the rate asked changed over the measured window."""
        return bool(self.trial["load"].get("varies"))

    @property
    def measure_s(self) -> float:
        return float(self.trial["phases"]["measure_s"])

    @property
    def children(self) -> tuple[Json, ...]:
        return (*self.trial.get("producers", ()), *self.trial.get("consumers", ()))

    @property
    def confirms(self) -> bool:
        """Whether the broker is asked to confirm; that no confirm came does not change it."""
        return self.trial.get("in_flight_by") == "confirms" or "confirm" in self.latency

    @property
    def answered(self) -> bool:
        """Whether messages were requests, and the group of replies is owed an answer to each."""
        return self.trial.get("pattern") == Pattern.REQUEST_REPLY

    @property
    def groups(self) -> tuple[str, ...]:
        return tuple(self.ledger.get("groups", {}))


def read_run(folder: Path) -> Json:
    """run.json, checked as far as everything else leans on it. Raises FolderError."""
    path = folder / "run.json"
    try:
        run = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise FolderError(f"{folder} holds no run.json; give a folder that `brokerbench run` wrote") from None
    except (OSError, ValueError) as error:
        raise FolderError(f"{path} cannot be read ({error}); the run has to be repeated") from error
    if not isinstance(run, dict) or "schema" not in run:
        raise FolderError(f"{path} is not a run: it has no schema; give a folder that `brokerbench run` wrote")
    if run["schema"] != SCHEMA:
        raise FolderError(
            f"{path} has schema {run['schema']!r}, this brokerbench reads {SCHEMA}; use the version that wrote it"
        )
    missing = [key for key in ("scenario", "candidates", "trials", "status", "environment") if key not in run]
    if missing:
        raise FolderError(f"{path} lacks {', '.join(missing)}; the run has to be repeated")
    unknown = sorted({str(t.get("candidate")) for t in run["trials"]} - set(run["candidates"]))
    if unknown:
        raise FolderError(
            f"{path} has trials of {', '.join(unknown)}, which is no candidate in it; the run has to be repeated"
        )
    try:
        for about in run["candidates"].values():
            read_known(about)
    except ValueError as error:
        raise FolderError(f"{path} has needs or qualities that cannot be read ({error}); restore the file") from error
    return run


def own_of(run: Json, candidate: str) -> Json:
    """The parts of the scenario that this candidate has of its own."""
    broker = (run["scenario"].get("brokers") or {}).get(candidate) or {}
    return {part: broker[part] for part in OWN if broker.get(part) is not None}


def asked_of(run: Json, candidate: str) -> Json:
    """The scenario as this candidate was asked it."""
    return {**run["scenario"], **own_of(run, candidate)}


def counts(trial: Mapping[str, Any]) -> bool:
    """Whether figures, comparisons and the exit status are made of this record of a summary: not of a probe, not of a
    trial that was repeated. A summary of before knows neither."""
    return trial.get("kind") != "probe" and not trial.get("superseded")


def read_trial(folder: Path, entry: Json, in_flight: int | None = None) -> TrialFiles:
    """Everything under trials/<id>; a file that is missing, changed or unreadable is named in `problems`."""
    home = folder / "trials" / str(entry["id"])
    problems: list[Reason] = []
    trial = _read(home, "trial.json", problems)
    if not isinstance(trial, dict) or not trial:
        return TrialFiles(entry, problems=tuple(problems) or (_unreadable("trial.json", "it holds no object"),))
    problems += _changed(home, trial.get("files") or {})
    found = {name: _read(home, name, problems) for name in _FILES}
    readings = (_READINGS in (trial.get("files") or {}) and _read(home, _READINGS, problems)) or ()
    return TrialFiles(
        entry,
        trial,
        found["intervals.jsonl"] or (),
        found["resources.jsonl"] or (),
        found["events.jsonl"] or (),
        found["ledger.json"] or {},
        found["facts.json"] or {},
        found["latency.hlog"] or {},
        tuple(problems),
        in_flight,
        readings,
    )


def _changed(home: Path, recorded: Mapping[str, str]) -> Iterator[Reason]:
    """Files whose content is not what the trial wrote."""
    for name in sorted({*_FILES, *recorded}):
        if name not in recorded:
            yield Reason("integrity", f"{name}: trial.json records no sha256 for it, so it proves nothing")
            continue
        path = home / name
        if not path.is_file():
            if name not in {*_FILES, _READINGS}:  # those are said once, by _read
                yield _unreadable(name, "the file is missing")
            continue
        with path.open("rb") as file:
            found = hashlib.file_digest(file, "sha256").hexdigest()
        if found != recorded[name]:
            yield Reason(
                "integrity",
                f"{name} was changed: its sha256 is {found[:12]}…, trial.json had {str(recorded[name])[:12]}…",
            )


def _read(home: Path, name: str, problems: list[Reason]) -> Any:
    path = home / name
    try:
        if name.endswith(".hlog"):
            return read_hlog(path)
        text = path.read_text(encoding="utf-8")
        if name.endswith(".jsonl"):
            return tuple(_objects(text))
        return _object(json.loads(text))
    except FileNotFoundError:
        problems.append(_unreadable(name, "the file is missing"))
    except DamagedLogError as error:
        problems.append(_unreadable(name, str(error)))
    except (OSError, ValueError) as error:
        problems.append(_unreadable(name, str(error)))
    return None


def _objects(text: str) -> Iterator[Json]:
    for number, line in enumerate(text.splitlines(), 1):
        try:
            bare = line.strip(" \t\r")
            value, end = _decode(bare)  # less than `loads` does, of hundreds of thousands of lines
            yield _object(value if end == len(bare) else json.loads(bare))  # which says what is there besides
        except ValueError as error:
            raise ValueError(f"line {number}: {error}") from None


def _object(value: Any) -> Json:
    if not isinstance(value, dict):
        raise ValueError("not an object")
    return value


def _unreadable(name: str, why: str) -> Reason:
    return Reason("integrity", f"{name} cannot be read: {why}")
