"""One candidate: what it promises, whether that matches what was asked, and the figures of its trials merged."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from brokerbench.model import SURVIVES_ORDER, Guarantee, Role, Survives

from .folder import Json
from .latency import METRICS, Sample, figures, together
from .measure import COUNTS, RATES, Measured
from .metrics import Metric, value_of
from .sums import summed, total

__all__ = ["Candidate", "candidates_of"]

_GUARANTEES = tuple(Guarantee)
_MEAN_COSTS = ("generator_cpu_s_per_million", "broker_cpu_s_per_million", "flushes_per_confirmed")
_MOST_COSTS = ("generator_rss_mib_max", "broker_rss_mib_max", "busy_share_max")


@dataclass(frozen=True)
class Candidate:
    name: str
    about: Json  # as in run.json
    trials: tuple[Measured, ...]  # ended ones, in the order they ran
    matched: bool
    merged: Json | None  # shaped like a trial's record; None without a usable trial

    @property
    def excluded(self) -> str | None:
        why = self.about.get("excluded")
        return None if why is None else str(why)

    @property
    def floor(self) -> bool:
        return bool(self.about.get("role") == Role.FLOOR)

    @property
    def counted(self) -> tuple[Measured, ...]:
        """Without probes and trials that were repeated."""
        return tuple(t for t in self.trials if t.counts)

    @property
    def usable(self) -> tuple[Measured, ...]:
        """What figures and comparisons are made of."""
        return tuple(t for t in self.counted if t.usable)

    @property
    def broken_promise(self) -> int:
        """Promised messages that were lost although at-least-once was promised."""
        promise = self.about.get("promise") or {}
        return self.lost if promise.get("guarantee") == Guarantee.AT_LEAST_ONCE else 0

    @property
    def lost(self) -> int:
        """In all trials whose accounts are whole: a trial that is invalid for its rate has lost its messages all the
        same."""
        records = [t.record for t in self.counted if "integrity" not in t.record["validity"]["codes"]]
        return sum(int(record["ledger"]["lost"]) for record in records if record["ledger"])

    def values(self, of: Metric) -> dict[int, tuple[float, bool]]:
        """Block -> (figure, only a lower bound) of each usable trial that has it."""
        out = {}
        for trial in self.usable:
            value, bound = value_of(trial.record, of)
            if value is not None:
                out[int(trial.record["block"])] = (value, bound)
        return out

    def sample(self, metric: str) -> Sample | None:
        return together([t.samples.get(metric) for t in self.usable])


def candidates_of(run: Json, trials: Sequence[Measured]) -> list[Candidate]:
    """In run.json's order."""
    asked = run["scenario"].get("delivery") or {}
    out = []
    for name, about in run["candidates"].items():
        own = tuple(t for t in trials if t.files.candidate == name)
        matched = about.get("excluded") is None and _matches(about.get("promise"), asked)
        merged = _merged([t for t in own if t.usable and t.counts])
        out.append(Candidate(name, about, own, matched, merged))
    return out


def _matches(promise: Mapping[str, Any] | None, asked: Mapping[str, Any]) -> bool:
    """At least what was asked; stronger is a match too."""
    if promise is None:
        return False
    survives = SURVIVES_ORDER.index(Survives(promise["survives"]))
    guarantee = _GUARANTEES.index(Guarantee(promise["guarantee"]))
    asked_survives = SURVIVES_ORDER.index(Survives(asked.get("survives", Survives.NOTHING)))
    asked_guarantee = _GUARANTEES.index(Guarantee(asked.get("guarantee", Guarantee.AT_LEAST_ONCE)))
    return survives >= asked_survives and guarantee >= asked_guarantee


def _merged(usable: Sequence[Measured]) -> Json | None:
    """Histograms and counts are added, rates and costs are means over trials, memory is the most seen."""
    if not usable:
        return None
    records = [t.record for t in usable]
    merged: Json = {"trials": len(records)}
    for name in RATES:
        merged[name] = _mean([r[name] for r in records])
    for metric in METRICS:
        merged[f"{metric}_ms"] = figures(together([t.samples.get(metric) for t in usable]))
    ledgers = [r["ledger"] for r in records]
    merged["ledger"] = {name: total(ledger[name] for ledger in ledgers) for name in COUNTS}
    merged["ledger"]["fates"] = summed(ledger["fates"] for ledger in ledgers)
    costs = [r["resources"] for r in records]
    merged["resources"] = {name: _mean([c[name] for c in costs]) for name in _MEAN_COSTS}
    merged["resources"] |= {name: _largest([c[name] for c in costs]) for name in _MOST_COSTS}
    return merged


def _known(values: Sequence[float | None]) -> list[float]:
    return [v for v in values if v is not None]


def _mean(values: Sequence[float | None]) -> float | None:
    known = _known(values)
    return sum(known) / len(known) if known else None


def _largest(values: Sequence[float | None]) -> float | None:
    return max(_known(values), default=None)
