"""The candidates as every section sees them: name, colour, trials, state, in one order."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from brokerbench_analysis.folder import counts
from brokerbench_analysis.metrics import Metric, Reading, value_of

from .cells import Who

__all__ = ["GENERATORS", "Subject", "readings", "subjects_of"]

Json = Mapping[str, Any]

# Two questions, two kinds of rows: what the broker can do, and what an application will get from it.
GENERATORS = {"fast": "Broker, fast generator", "library": "With the client you would use"}


@dataclass(frozen=True)
class Subject:
    who: Who
    declared: Json  # its entry in run.json
    record: Json  # its entry in summary.json

    @property
    def plain(self) -> Who:
        """Its name alone, where a table repeats it."""
        return replace(self.who, about="")

    @property
    def name(self) -> str:
        return self.who.name

    @property
    def trials(self) -> list[Json]:
        return list(self.record["trials"])

    @property
    def counted(self) -> list[Json]:
        """The trials that answer the question; `apart` are the others."""
        return [trial for trial in self.trials if counts(trial)]

    @property
    def apart(self) -> list[Json]:
        """Contaminated trials that were repeated, and probes: in no figure."""
        return [trial for trial in self.trials if not counts(trial)]

    @property
    def usable(self) -> list[Json]:
        return [trial for trial in self.counted if trial["validity"]["state"] != "invalid"]

    @property
    def excluded(self) -> str | None:
        reason = self.record["excluded"]
        return None if reason is None else str(reason)

    @property
    def floor(self) -> bool:
        return bool(self.declared.get("role") == "floor")

    @property
    def generator(self) -> str:
        """`fast`, `library`, or nothing where a folder does not say."""
        return str(self.record.get("generator") or self.declared.get("generator") or "")

    @property
    def state(self) -> str:
        if self.excluded:
            return "excluded"
        if not self.counted:
            return "not measured"
        if not self.usable:
            return "invalid"
        return "valid" if all(t["validity"]["state"] == "valid" for t in self.counted) else "suspect"

    def source(self, *files: str, usable: bool = True) -> str:
        """The files of the run folder that a figure over its trials is made of."""
        ids = [trial["id"] for trial in (self.usable if usable else self.trials)]
        return ", ".join(f"trials/{identifier}/{file}" for identifier in ids for file in files)


def readings(trials: Sequence[Json], of: Metric) -> list[Reading]:
    """The figure of each trial that has it."""
    found = [value_of(trial, of) for trial in trials]
    return [(value, bound) for value, bound in found if value is not None]


def subjects_of(run: Json, summary: Json) -> list[Subject]:
    """In the scenario's order; colours go to those with figures first, so that eight of them never repeat one."""
    names = list(summary["candidates"])
    coloured = sorted(names, key=lambda name: summary["candidates"][name]["excluded"] is not None)
    return [
        Subject(
            Who(name, coloured.index(name), _about(run["candidates"][name])),
            run["candidates"][name],
            summary["candidates"][name],
        )
        for name in names
    ]


def _about(declared: Json) -> str:
    parts = [str(declared.get("title") or declared["driver"])]
    parts += [f"client {declared['client']}"] if declared.get("client") else []
    parts += [f"{declared['server']} server"] if declared.get("server") else []
    parts += ["floor"] if declared.get("role") == "floor" else []
    return " · ".join(parts)
