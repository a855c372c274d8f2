"""What changed from one run to another, candidate by candidate: trials of two runs share no block, so none are paired.

Source: B. Welch, The generalization of Student's problem when several different population variances are involved,
Biometrika 34 (1947), on logs. As within a run, only the primary figure is tested (Holm over all candidates compared);
the others get plain intervals. What else changed between the runs is in the ratio too, and no interval shows it.
"""

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from .candidates import Candidate
from .claims import claim_of
from .metrics import Metric, metric, value_of, with_margin
from .statistics import ALPHA, Estimate, holm_levels
from .study import Study

__all__ = ["Change", "changes", "welch"]

BESIDE = ("throughput", "end_to_end.p50", "end_to_end.p99")  # what is shown beside the primary figure
LEAST_TRIALS = 2


@dataclass(frozen=True)
class Change:
    """Figures of a run `a` and another run `b`, all trials merged; `ratio` is b / a over single trials; b is `claim`.

    `why` says what stands against a claim. Counts (lost) have neither ratio nor claim."""

    candidate: str
    metric: str
    primary: bool
    a: float | None
    b: float | None
    a_at_least: bool
    b_at_least: bool
    ratio: float | None = None
    low: float | None = None
    high: float | None = None
    claim: str | None = None
    level: float = 1 - ALPHA
    p: float | None = None
    trials: tuple[int, int] = (0, 0)
    margin: float = 0.0
    why: str | None = None

    def record(self) -> dict[str, Any]:
        return vars(self) | {"trials": list(self.trials)}


def changes(a: Study, others: Sequence[Study]) -> list[list[Change]]:
    """For each later run, every candidate that both have: the primary figure, throughput, latencies, lost messages."""
    margins = a.run["scenario"].get("margins")
    primary = with_margin(metric(a.summary["primary"]), margins)
    beside = [of for name in BESIDE if (of := with_margin(metric(name), margins)).path != primary.path]
    pairs = [(number, both) for number, b in enumerate(others) for both in _common(a, b)]
    tested = [(number, both) for number, both in pairs if both.why(primary) is None]
    levels = holm_levels([both.p(primary) for _, both in tested])
    level_of = {(number, both.a.name): level for (number, both), level in zip(tested, levels, strict=True)}
    out: list[list[Change]] = [[] for _ in others]
    for number, both in pairs:
        out[number].append(both.change(primary, level_of.get((number, both.a.name), ALPHA), primary=True))
        out[number] += [both.change(of, ALPHA, primary=False) for of in beside]
        out[number].append(both.lost())
    return out


def welch(over: Sequence[float], under: Sequence[float], alpha: float = ALPHA) -> Estimate | None:
    """The ratio of two geometric means with its 1 - alpha interval. None without values, or with one not above zero."""
    from scipy.special import stdtr, stdtrit

    if not over or not under or min(*over, *under) <= 0:
        return None
    sides = [[math.log(value) for value in side] for side in (over, under)]
    difference = statistics.fmean(sides[0]) - statistics.fmean(sides[1])
    estimate = Estimate(math.exp(difference), None, None, None, min(map(len, sides)), "Welch t")
    if estimate.n < LEAST_TRIALS:
        return estimate
    squares = [statistics.variance(side) / len(side) for side in sides]
    error = math.sqrt(sum(squares))
    if not error:
        return replace(estimate, low=estimate.value, high=estimate.value, p=float(difference == 0))
    freedom = sum(squares) ** 2 / sum(s**2 / (len(side) - 1) for s, side in zip(squares, sides, strict=True))
    reach = float(stdtrit(freedom, 1 - alpha / 2)) * error
    return replace(
        estimate,
        low=math.exp(difference - reach),
        high=math.exp(difference + reach),
        p=2 * float(stdtr(freedom, -abs(difference) / error)),
    )


@dataclass(frozen=True)
class _Both:
    """A candidate as both runs have it."""

    a: Candidate
    b: Candidate
    smoke: bool

    def ratio(self, of: Metric, alpha: float = ALPHA) -> Estimate | None:
        after, before = ([value for value, _ in side.values(of).values()] for side in (self.b, self.a))
        return welch(after, before, alpha)

    def p(self, of: Metric) -> float:
        estimate = self.ratio(of)
        return 1.0 if estimate is None or estimate.p is None else estimate.p

    def why(self, of: Metric) -> str | None:
        """Why no claim can be made; None if one can."""
        if self.smoke:
            return "smoke run"
        for run, side in (("first", self.a), ("second", self.b)):
            if side.excluded is not None:
                return f"excluded in the {run} run: {side.excluded}"
            if side.broken_promise:
                return f"lost {side.broken_promise:,} promised messages in the {run} run"
            measured = len(side.values(of))
            if measured < LEAST_TRIALS:
                trials = f"{measured} valid trial{'' if measured == 1 else 's'}"
                return f"{trials} with this figure in the {run} run; {LEAST_TRIALS} are the least"
        if any(bound for _, bound in self.b.values(of).values()):
            return "the second run's figure is only a lower bound: messages are missing"
        return None

    def change(self, of: Metric, alpha: float, *, primary: bool) -> Change:
        (a, a_at_least), (b, b_at_least) = (_figure(side, of) for side in (self.a, self.b))
        found = Change(self.a.name, of.name, primary, a, b, a_at_least, b_at_least, margin=of.margin, level=1 - alpha)
        estimate, why = self.ratio(of, alpha), self.why(of)
        if estimate is None:
            return replace(found, claim="not-comparable", why=why or "a figure is zero or not measured")
        bound = any(bound for _, bound in self.a.values(of).values())
        return replace(
            found,
            ratio=estimate.value,
            low=estimate.low,
            high=estimate.high,
            p=estimate.p,
            trials=(len(self.a.values(of)), len(self.b.values(of))),
            claim="not-comparable" if why else claim_of(of, estimate, bound),
            why=why,
        )

    def lost(self) -> Change:
        """Counted in invalid trials too, whose messages are lost all the same."""
        a, b = (float(side.lost) if side.counted else None for side in (self.a, self.b))
        return Change(self.a.name, "lost", False, a, b, False, False)


def _common(a: Study, b: Study) -> list[_Both]:
    theirs = {candidate.name: candidate for candidate in b.candidates}
    smoke = bool(a.summary["smoke"] or b.summary["smoke"])
    return [_Both(ours, theirs[ours.name], smoke) for ours in a.candidates if ours.name in theirs]


def _figure(side: Candidate, of: Metric) -> tuple[float | None, bool]:
    """Of all valid trials merged, and whether it is only a lower bound."""
    return (None, False) if side.merged is None else value_of(side.merged, of)
