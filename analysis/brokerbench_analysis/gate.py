"""Regression gates between two runs: has a later one become worse by more than somebody allows?

A change counts as shown where its whole interval lies beyond the bound, and as excluded where all of it lies within.
Each gate of each candidate has its share of the 5 % (Bonferroni), so that many gates together fail a run that has not
changed no more often than one.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from brokerbench.model import Gate

from .across import LETTERS, Both, in_common
from .metrics import Metric, metric, value_of
from .slo import OPS
from .statistics import ALPHA
from .study import Study
from .words import counted, digits

__all__ = ["GateState", "Judged", "judge"]


class GateState(StrEnum):
    PASSED = "passed"
    FAILED = "failed"
    UNDECIDED = "undecided"  # the bound lies within the interval: more blocks may tell
    NOT_JUDGED = "not-judged"  # there is nothing valid to judge by


@dataclass(frozen=True)
class Judged:
    """One gate for one candidate of one later run. `text` says what was found, in a clause."""

    gate: Gate
    candidate: str
    letter: str
    state: GateState
    text: str

    def record(self) -> dict[str, Any]:
        return {"gate": self.gate.text, "candidate": self.candidate, "state": self.state.value, "text": self.text}


def judge(gates: Sequence[Gate], a: Study, others: Sequence[Study]) -> list[Judged]:
    """Every gate for every candidate of each later run that run `a` has too; a candidate that is gone is not judged."""
    rows = [(both, gate) for n, b in enumerate(others) for both in in_common(a, b, LETTERS[1 + n]) for gate in gates]
    alpha = ALPHA / max(1, sum(gate.relative for _, gate in rows))
    found = [_judge(gate, both, alpha) for both, gate in rows]
    for n, b in enumerate(others):
        there = {candidate.name for candidate in b.candidates}
        for name in (c.name for c in a.candidates if c.name not in there):
            text = f"run {LETTERS[1 + n]} has no candidate of that name"
            found += [Judged(gate, name, LETTERS[1 + n], GateState.NOT_JUDGED, text) for gate in gates]
    return found


def _judge(gate: Gate, both: Both, alpha: float) -> Judged:
    of = metric(gate.metric)
    state, text = _change(gate, of, both, alpha) if gate.relative else _figure(gate, of, both)
    return Judged(gate, both.b.name, both.letter, state, text)


def _change(gate: Gate, of: Metric, both: Both, alpha: float) -> tuple[GateState, str]:
    why, estimate = both.why(of), both.ratio(of, alpha)
    if why is not None:
        return GateState.NOT_JUDGED, why
    if estimate is None or estimate.low is None or estimate.high is None:
        return GateState.NOT_JUDGED, f"{of.words} was not measured often enough in both runs"
    bound, holds = 1 + gate.value, OPS[gate.op]
    near, far = (estimate.low, estimate.high) if gate.op[0] == ">" else (estimate.high, estimate.low)
    state = GateState.FAILED if holds(near, bound) else GateState.UNDECIDED if holds(far, bound) else GateState.PASSED
    low, high = (_signed(end) for end in (estimate.low, estimate.high))
    level = counted(round(100 * (1 - alpha), 2))
    return state, f"{of.words} changed by {_signed(estimate.value)} ({low} to {high}, {level} % interval)"


def _figure(gate: Gate, of: Metric, both: Both) -> tuple[GateState, str]:
    side = both.b
    if side.excluded is not None:
        return GateState.NOT_JUDGED, f"excluded in run {both.letter}: {side.excluded}"
    value, bound = (None, False) if side.merged is None else value_of(side.merged, of)
    if of.name == "lost":  # counted in all trials, whatever else was wrong with them
        value = None if side.lost is None else float(side.lost)
    if value is None:
        return GateState.NOT_JUDGED, f"{of.words} was not measured in run {both.letter}"
    said = f"{of.words}: {'at least ' if bound else ''}{digits(value, 3) if of.unit else counted(value)} {of.unit}"
    if bound and (gate.op[0] == "<" or not OPS[gate.op](value, gate.value)):
        return GateState.NOT_JUDGED, f"{said.rstrip()}, and no more is known: messages are missing"
    return (GateState.FAILED if OPS[gate.op](value, gate.value) else GateState.PASSED), said.rstrip()


def _signed(ratio: float) -> str:
    change = 100 * (ratio - 1)
    shown = digits(abs(change), 2) if math.isfinite(change) else "inf"
    return f"{'+' if change >= 0 else '-'}{shown} %"
