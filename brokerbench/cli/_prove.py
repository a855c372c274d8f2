"""Which runs try a run's advice: one for each candidate, old setting against new, step by step in one plan.

The steps add up, in the order of the advice: what is taken off faster comes before what is put in faster, so that no
step fills a queue that nobody empties. Each is judged against the one before it.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate, groupby
from operator import or_
from typing import Any

from brokerbench.model import OWN, Broker, Load, LoadModel, Repeats, Scenario
from brokerbench_analysis.advice import note

from ._scenario import Loaded

__all__ = ["ProofRun", "proof_runs"]

LEAST_BLOCKS = 5  # with fewer, the interval of even a tenfold gain may hold 1 on a machine that is not idle
WARMUP_MOST_S, MEASURE_MOST_S = 10.0, 30.0
DRAIN_LEAST_S = 30.0  # with the old setting a queue may be long when the load ends
Row = Mapping[str, Any]  # a piece of advice, as in summary.json


@dataclass(frozen=True)
class ProofRun:
    """`steps`: the name of each arm but the first, which is as asked, and the advice that it adds."""

    candidate: str
    scenario: Scenario
    steps: Sequence[tuple[str, Row]]
    jams: bool

    @property
    def changes(self) -> str:
        return ", then ".join(f"{key}={value}" for _, row in self.steps for key, value in row["change"].items())

    @property
    def words(self) -> str:
        return f"{self.changes} for {self.candidate}"

    @property
    def note(self) -> dict[str, Any]:
        return note(self.candidate, self.steps, jams=self.jams)


def proof_runs(advice: Sequence[Row], loaded: Loaded, number: int) -> list[ProofRun]:
    """For the first `number` pieces of advice that paired trials can prove."""
    chosen = [row for row in advice if row["provable"]][:number]
    runs = groupby(sorted(chosen, key=_run_of), key=_run_of)
    return [_run(candidate, list(rows), loaded, jams=jams) for (candidate, jams), rows in runs]


def _run_of(row: Row) -> tuple[str, bool]:
    return row["candidate"], row["jams"]


def _run(name: str, rows: Sequence[Row], loaded: Loaded, *, jams: bool) -> ProofRun:
    base = loaded.scenario
    asked = base.of(name)
    steps = [(f"{number}-{row['rule']}", row) for number, row in enumerate(rows, 1)]
    each: Iterator[dict[str, str]] = (dict(row["change"]) for row in rows)
    changes = accumulate(each, or_)
    arms = {name: _arm(name, base, asked)}
    arms |= {arm: _arm(name, loaded.changed(c), asked) for (arm, _), c in zip(steps, changes, strict=True)}
    run = ProofRun(name, base, steps, jams)
    scenario = asked.model_copy(
        update={
            "scenario": f"proof-{rows[0]['rule']}{'-and-more' if len(rows) > 1 else ''}",
            "question": f"What is gained by {run.changes}?",
            "needs": (),
            "brokers": arms,
            "load": _saturating(base.load) if jams else base.load,
            "repeats": Repeats(blocks=max(LEAST_BLOCKS, base.repeats.blocks)),
            "slo": (),
            "primary": "delivered_msgs_s" if jams else base.primary,
        }
    )
    return ProofRun(name, scenario, steps, jams)


def _arm(name: str, scenario: Scenario, asked: Scenario) -> Broker:
    """The candidate as this scenario has it; its own where that differs from what it was asked."""
    mine = scenario.of(name)
    own = {part: None if getattr(mine, part) == getattr(asked, part) else getattr(mine, part) for part in OWN}
    return scenario.brokers[name].model_copy(update=own)


def _saturating(load: Load) -> Load:
    """As fast as messages are confirmed, for as long as the trials of the run were, up to half a minute."""
    return Load.from_base(
        {
            "model": LoadModel.SATURATE,
            "warmup_s": min(load.warmup_s, WARMUP_MOST_S),
            "stages": [{"steady_s": min(load.measure_s, MEASURE_MOST_S)}],
            "drain_s": max(load.drain_s, DRAIN_LEAST_S),
        }
    )
