"""What changed from one run to another, candidate by candidate: trials of two runs share no block, so none are paired.

Source: B. Welch, The generalization of Student's problem when several different population variances are involved,
Biometrika 34 (1947), on logs. As within a run, only the primary figure is tested (Holm over all candidates compared);
the others get plain intervals. The question is of runs, and one run each is one value of each: what else changed
between them, and by how much two runs of the same thing differ, is in the ratio too, and no interval made of trials
shows it.
"""

import math
import statistics
import string
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from .candidates import Candidate
from .claims import claim_of
from .comparable import Side, differences
from .looks import look_of, unfinished
from .metrics import Metric, metric, value_of, with_margin
from .statistics import ALPHA, FURTHEST, GRAIN, Estimate, holm_levels, ratio_of
from .study import Study

__all__ = ["BETWEEN_RUNS", "LETTERS", "Both", "Change", "changes", "in_common", "welch"]

BESIDE = ("throughput", "end_to_end.p50", "end_to_end.p99")  # what is shown beside the primary figure
LEAST_TRIALS = 2
LETTERS = string.ascii_uppercase
BETWEEN_RUNS = (
    "Higher and lower: by more than chance within these runs explains. Runs of the same thing differ from one to the"
    " next beyond that, and whatever else changed between them counts too."
)


@dataclass(frozen=True)
class Change:
    """Figures of a run `a` and another run `b`, all trials merged; `ratio` is b / a over single trials; b is `claim`.

    `why` says what stands against a claim. Counts (lost) have neither ratio nor claim. `better` and `worse` are of
    these trials: what `text` calls higher or lower, as BETWEEN_RUNS explains."""

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
        return vars(self) | {"trials": list(self.trials), "text": self.text}

    @property
    def text(self) -> str | None:
        if self.claim in {"better", "worse"}:
            return "lower" if self.ratio is not None and self.ratio < 1 else "higher"
        return None if self.claim is None else self.claim.replace("-", " ")


def changes(a: Study, others: Sequence[Study]) -> list[list[Change]]:
    """For each later run, every candidate that both have: the primary figure, throughput, latencies, lost messages.

    Nothing is claimed of runs that differ in what forbids a comparison. The first run is A, the others B and on.
    """
    margins = a.run["scenario"].get("margins")
    primary = with_margin(metric(a.summary["primary"]), margins)
    beside = [of for name in BESIDE if (of := with_margin(metric(name), margins)).path != primary.path]
    pairs = [(number, both) for number, b in enumerate(others) for both in in_common(a, b, LETTERS[1 + number])]
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
    estimate = Estimate(difference, None, None, None, min(map(len, sides)), "Welch t")
    if estimate.n < LEAST_TRIALS:
        return ratio_of(estimate)
    squares = [max(statistics.variance(side), GRAIN) / len(side) for side in sides]
    error = math.sqrt(sum(squares))
    freedom = sum(squares) ** 2 / sum(s**2 / (len(side) - 1) for s, side in zip(squares, sides, strict=True))
    reach = float(stdtrit(freedom, 1 - alpha / 2)) * error
    p = 2 * float(stdtr(freedom, -abs(difference) / error))
    return ratio_of(replace(estimate, low=difference - reach, high=difference + reach, p=p))


@dataclass(frozen=True)
class Both:
    """A candidate as both runs have it. `letter`: the later run's; `barred`: why no claim is made of these runs."""

    a: Candidate
    b: Candidate
    letter: str
    barred: str | None

    def ratio(self, of: Metric, alpha: float = ALPHA) -> Estimate | None:
        after, before = ([value for value, _ in side.values(of).values()] for side in (self.b, self.a))
        return welch(after, before, alpha)

    def furthest(self, of: Metric, alpha: float = ALPHA) -> Estimate | None:
        """The same where what A misses never arrives; None where its figures are no lower bounds."""
        before = self.a.values(of).values()
        if not any(bound for _, bound in before):
            return None
        far = [value * math.exp(FURTHEST) if bound else value for value, bound in before]
        return welch([value for value, _ in self.b.values(of).values()], far, alpha)

    def p(self, of: Metric) -> float:
        """The larger one, where a claim must hold at both ends of a bound."""
        return max(1.0 if e.p is None else e.p for e in (self.ratio(of), self.furthest(of)) if e is not None)

    def why(self, of: Metric) -> str | None:
        """Why no claim can be made; None if one can."""
        sides = ((LETTERS[0], self.a), (self.letter, self.b))
        why = self.barred or next((why for run, side in sides if (why := _against(side, of, run)) is not None), None)
        if why is None and any(bound for _, bound in self.b.values(of).values()):
            return f"the figure of run {self.letter} is only a lower bound: messages are missing"
        return why

    def change(self, of: Metric, alpha: float, *, primary: bool) -> Change:
        (a, a_at_least), (b, b_at_least) = (_figure(side, of) for side in (self.a, self.b))
        found = Change(self.a.name, of.name, primary, a, b, a_at_least, b_at_least, margin=of.margin, level=1 - alpha)
        estimate, why = self.ratio(of, alpha), self.why(of)
        if estimate is None:
            return replace(found, claim="not-comparable", why=why)
        return replace(
            found,
            ratio=estimate.value,
            low=estimate.low,
            high=estimate.high,
            p=estimate.p,
            trials=(len(self.a.values(of)), len(self.b.values(of))),
            claim="not-comparable" if why else claim_of(of, estimate, self.furthest(of, alpha)),
            why=why,
        )

    def lost(self) -> Change:
        """Counted in all trials, whatever else was wrong with them."""
        a, b = (None if side.lost is None else float(side.lost) for side in (self.a, self.b))
        return Change(self.a.name, "lost", False, a, b, False, False)


def in_common(a: Study, b: Study, letter: str) -> list[Both]:
    """Every candidate that both have; `letter` names the later run."""
    theirs = {candidate.name: candidate for candidate in b.candidates}
    barred = _barred(a, b)
    return [Both(ours, theirs[ours.name], letter, barred) for ours in a.candidates if ours.name in theirs]


def _barred(a: Study, b: Study) -> str | None:
    if a.summary["smoke"] or b.summary["smoke"]:
        return "smoke run"
    for study in (a, b):
        if (why := unfinished(study.run, look_of(study.run))) is not None:
            return why
    found = differences(Side(a.run, a.summary), Side(b.run, b.summary))
    unlike = [difference.what for difference in found if difference.blocks_comparison]
    return f"the runs differ in {', '.join(unlike)}" if unlike else None


def _against(side: Candidate, of: Metric, run: str) -> str | None:
    figures = [value for value, _ in side.values(of).values()]
    if side.excluded is not None:
        return f"excluded in run {run}: {side.excluded}"
    if side.broken_promise:
        return f"lost {side.broken_promise:,} promised messages in run {run}"
    if side.uncarried is not None:
        return f"{side.uncarried} of run {run}"
    if len(figures) < LEAST_TRIALS:
        trials = f"{len(figures)} valid trial{'' if len(figures) == 1 else 's'}"
        return f"{trials} with this figure in run {run}; {LEAST_TRIALS} are the least"
    return f"a figure of run {run} is zero" if min(figures) <= 0 else None


def _figure(side: Candidate, of: Metric) -> tuple[float | None, bool]:
    """Of all valid trials merged, and whether it is only a lower bound."""
    return (None, False) if side.merged is None else value_of(side.merged, of)
