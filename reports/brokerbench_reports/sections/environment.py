"""Where it was measured: the machine, versions, and each candidate's settings as its broker reported them."""

from collections.abc import Mapping, Sequence
from typing import Any

from brokerbench_analysis.folder import TrialFiles
from brokerbench_reports.words import age, flag

from .machine import disk_warning, machine
from .subjects import Subject

__all__ = ["environment", "version_age"]

Json = Mapping[str, Any]
_CLUSTER = ("nodes", "replicas", "policy")


def environment(run: Json, subjects: Sequence[Subject], files: Mapping[str, TrialFiles]) -> dict[str, Any]:
    """`files`: trial id -> its files as read."""
    facts = {name: trial.facts for name, trial in files.items()}
    about = run["environment"]
    versions = [(s.name, _version(s, str(run.get("started") or ""))) for s in subjects if not s.excluded]
    groups = [_settings(subject, facts) for subject in subjects]
    libraries = about.get("libraries") or {}
    if libraries:
        groups.append(
            {"title": "Libraries", "source": "run.json", "pairs": [(k, flag(v)) for k, v in libraries.items()]}
        )
    return {
        "lead": "As recorded when the run began. Settings are those the broker reported, not those it was asked for.",
        "machine": [("brokerbench", str(run.get("brokerbench", "not recorded"))), *machine(about)],
        "versions": versions,
        "warning": disk_warning(about),
        "groups": [group for group in groups if group["pairs"]],
    }


def version_age(subject: Subject, started: str) -> str:
    """`3.10.8, 4.2 years old`, as short as it can be told; empty where the version is not known."""
    version = subject.record.get("broker_version")
    released = str((subject.record.get("facts") or {}).get("released") or "")
    old = age(released, started) if released else ""
    return ", ".join(str(part) for part in (version, old) if part)


def _version(subject: Subject, started: str) -> str:
    """`3.10.8, released 2022-09-21, 4.2 years old when this was measured; support ended 2023-07-31`, and a cluster's
    shape as it was read back."""
    version = subject.record.get("broker_version")
    if not version:
        return "not recorded"
    facts = subject.record.get("facts") or {}
    released = str(facts.get("released") or "")
    old = age(released, started) if released else ""
    said = f"{version}, released {released}" if released else f"{version}, release date not known"
    said += f", {old} when this was measured" if old else ""
    parts = [said, _support(str(facts.get("support_ends") or ""), started)]
    parts += [f"{name}: {flag(facts[name])}" for name in _CLUSTER if facts.get(name)]
    return "; ".join(parts)


def _support(ends: str, started: str) -> str:
    if not ends:
        return "support state not known"
    # Both are ISO dates, which sort as they stand.
    return f"support ended {ends}" if started and ends < started[:10] else f"supported until {ends}"


def _settings(subject: Subject, facts: Mapping[str, Json]) -> dict[str, Any]:
    promised = (subject.declared.get("promise") or {}).get("settings") or {}
    pairs = [(f"{name} (asked)", flag(item)) for name, item in promised.items()]
    found = {str(trial["id"]): facts[str(trial["id"])] for trial in subject.trials if facts.get(str(trial["id"]))}
    for name in dict.fromkeys(key for trial in found.values() for key in trial):
        values = list(dict.fromkeys(flag(trial.get(name)) for trial in found.values()))
        note = "" if len(values) == 1 else f" (differs between trials: {'; '.join(values[1:])})"
        pairs.append((str(name), values[0] + note))
    source = ", ".join(["run.json", *(f"trials/{i}/facts.json" for i in found)]) if pairs else ""
    return {"title": f"Settings of {subject.name}", "source": source, "pairs": pairs}
