"""What a rule is, and what it says: a pattern seen in this run, the setting behind it, the value to try, the price.

A finding is a hypothesis until paired trials have shown the gain; `change` is what to change in the scenario for that.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from .case import Case

__all__ = ["Advice", "Finding", "Proof", "Rule"]


@dataclass(frozen=True)
class Finding:
    """`found` and `to` as a scenario file has them; `change`: key of the scenario -> value, as for `-o key=value`."""

    setting: str
    found: Any
    to: Any
    evidence: str
    change: Mapping[str, str]


@dataclass(frozen=True)
class Rule:
    """`jams`: it caps the rate, so its proof saturates; else it is about lost messages, under the scenario's load.

    `default` names the version of the broker or client that it belongs to. `provable`: not where the change would make
    another question of it."""

    name: str
    drivers: frozenset[str]
    pattern: str
    effect: str
    price: str
    default: str
    source: str
    find: Callable[[Case], Iterator[Finding]]
    jams: bool = True
    provable: bool = True


@dataclass(frozen=True)
class Proof:
    """What paired trials said of it: `gain` is the figure with the new value / with the old one, with its interval.

    `text` is the result in a clause; `after`: what else had been changed before, in words; `together`: the result of
    all changes of that proof, where there were several."""

    folder: str
    metric: str
    shown: bool
    gain: float | None
    low: float | None
    high: float | None
    text: str
    after: str | None = None
    together: str | None = None


@dataclass(frozen=True)
class Advice:
    candidate: str
    rule: Rule
    finding: Finding
    trials: tuple[str, ...]
    version: str | None
    proof: Proof | None = None

    def record(self) -> dict[str, Any]:
        """As in summary.json."""
        rule, found, proof = self.rule, self.finding, self.proof
        return {
            "candidate": self.candidate,
            "rule": rule.name,
            "setting": found.setting,
            "from": found.found,
            "to": found.to,
            "evidence": found.evidence,
            "effect": rule.effect,
            "price": rule.price,
            "default": rule.default,
            "broker_version": self.version,
            "source": rule.source,
            "change": dict(found.change),
            "jams": rule.jams,
            "provable": rule.provable,
            "trials": list(self.trials),
            "proved": proof is not None and proof.shown,
            "gain": None if proof is None else proof.gain,
            "low": None if proof is None else proof.low,
            "high": None if proof is None else proof.high,
            "proof": None
            if proof is None
            else {name: getattr(proof, name) for name in ("folder", "metric", "text", "after", "together")},
        }
