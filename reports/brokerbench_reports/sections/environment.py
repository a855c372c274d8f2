"""Where it was measured: the machine, versions, and each candidate's settings as its broker reported them."""

from collections.abc import Mapping, Sequence
from typing import Any

from brokerbench_reports.words import flag

from .subjects import Subject

__all__ = ["colocated", "environment"]

Json = Mapping[str, Any]
_ELSEWHERE = {"libraries", "co_located"}
_NAMES = {
    "cpu": "CPU",
    "cores": "cores",
    "memory_gib": "memory, GiB",
    "cpu_governor": "CPU governor",
    "python": "Python",
}


def colocated(machine: Json) -> str:
    """What every reader must know before carrying a figure elsewhere."""
    cores = machine.get("cores")
    share = f"this machine's {cores} cores" if cores else "this machine's cores"
    return (
        f"Co-located: generator and brokers shared {share}. "
        "Figures are relative on this machine, not sizing figures: compare candidates with each other, nothing else."
    )


def environment(run: Json, subjects: Sequence[Subject], facts: Mapping[str, Json]) -> dict[str, Any]:
    """`facts`: trial id -> facts.json as read."""
    machine = run["environment"]
    pairs = [("brokerbench", str(run.get("brokerbench", "not recorded")))]
    pairs += [
        (_NAMES.get(key, key.replace("_", " ")), _told(item)) for key, item in machine.items() if key not in _ELSEWHERE
    ]
    groups = [_settings(subject, facts) for subject in subjects]
    libraries = machine.get("libraries") or {}
    if libraries:
        groups.append(
            {"title": "Libraries", "source": "run.json", "pairs": [(k, flag(v)) for k, v in libraries.items()]}
        )
    return {
        "lead": "As recorded when the run began. Settings are those the broker reported, not those it was asked for.",
        "machine": pairs,
        "groups": [group for group in groups if group["pairs"]],
    }


def _told(item: Any) -> str:
    if item is None:
        return "not recorded"
    return f"{item:,.4g}" if isinstance(item, float) else flag(item)


def _settings(subject: Subject, facts: Mapping[str, Json]) -> dict[str, Any]:
    promised = (subject.declared.get("promise") or {}).get("settings") or {}
    pairs = [(f"{name} (asked)", flag(item)) for name, item in promised.items()]
    found = {str(trial["id"]): facts[str(trial["id"])] for trial in subject.trials if facts.get(str(trial["id"]))}
    for name in dict.fromkeys(key for trial in found.values() for key in trial):
        values = list(dict.fromkeys(flag(trial.get(name)) for trial in found.values()))
        note = "" if len(values) == 1 else f" (differs between trials: {'; '.join(values[1:])})"
        pairs.append((str(name), values[0] + note))
    version = subject.record.get("broker_version")
    source = ", ".join(["run.json", *(f"trials/{i}/facts.json" for i in found)]) if pairs else ""
    return {"title": f"{subject.name}{f', version {version}' if version else ''}", "source": source, "pairs": pairs}
