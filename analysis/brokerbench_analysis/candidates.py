"""One candidate: what it promises, whether that matches what was asked, and the figures of its trials merged."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from brokerbench.model import SURVIVES_ORDER, Answer, Guarantee, Role, Survives

from .backlog import BACKLOG_RATES
from .folder import Json
from .latency import METRICS, Sample, figures, together
from .measure import COUNTS, RATES, Measured
from .metrics import Metric, value_of
from .needs import answers_of, support
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
    facts: Json  # as the last trial that has any read them back
    needs: tuple[Answer, ...]
    support: Answer  # of the version that was measured

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
        return (self.lost or 0) if promise.get("guarantee") == Guarantee.AT_LEAST_ONCE else 0

    @property
    def lost(self) -> int | None:
        """In all trials whose accounts are whole, those repeated and probes too: a loss is a fact whatever else was
        wrong. None without such a trial."""
        ledgers = self._whole_ledgers()
        return sum(int(ledger["lost"]) for ledger in ledgers) if ledgers else None

    @property
    def owed(self) -> int:
        """The promised messages, once for each group, of the trials in which `lost` counts."""
        return sum(int(ledger["expected"]) for ledger in self._whole_ledgers())

    @property
    def uncarried(self) -> str | None:
        """That the broker itself spoiled counted trials: the others are of its better moments, and make no figure of
        it that can be ranked. None where it did not."""
        spoiled = [t for t in self.counted if _believed(t) and any(r.brokers for r in t.validity.reasons)]
        return f"did not carry the load in {len(spoiled)} of {len(self.counted)} trials" if spoiled else None

    def _whole_ledgers(self) -> list[Json]:
        return [t.record["ledger"] for t in self.trials if _believed(t) and t.record["ledger"]]

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
        facts = next((t.files.facts for t in reversed(own) if t.files.facts), {})
        day = str(run.get("started") or "")
        needs = answers_of(about, facts, day)
        out.append(Candidate(name, about, own, matched, merged, facts, needs, support(about, facts, day)))
    return out


def _believed(trial: Measured) -> bool:
    return "integrity" not in trial.record["validity"]["codes"]


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
    """Histograms and counts are added, rates and costs are means over trials, memory is the most seen.

    A figure that one of the trials lacks is not measured: over the others it would be of those that had one.
    """
    if not usable:
        return None
    records = [t.record for t in usable]
    merged: Json = {"trials": len(records)}
    for name in (*RATES, *BACKLOG_RATES):
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


def _mean(values: Sequence[float | None]) -> float | None:
    known = [v for v in values if v is not None]
    return sum(known) / len(known) if known and len(known) == len(values) else None


def _largest(values: Sequence[float | None]) -> float | None:
    known = [v for v in values if v is not None]
    return max(known) if known and len(known) == len(values) else None
