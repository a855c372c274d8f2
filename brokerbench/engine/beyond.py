"""Trials that follow from others: a contaminated one is made again, a saturating one once more with one more worker.

Decided here, carried out by the run. A trial of the same id gets the same seed and tag from the same plan.
"""

import random
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from brokerbench.contract import Driver
from brokerbench.model import GENERATOR_SPARE, Plan, Trial, TrialKind

from .planner import TAGS, enough_processes, promise_of
from .trial import Outcome

__all__ = ["NO_BLOCK", "Extras", "near_limit", "with_one_more"]

NO_BLOCK = 0  # a probe belongs to none
_MOST_REPEATS = 2


class Extras:
    """Hands out the trials that a run adds to its plan."""

    def __init__(self, plan: Plan) -> None:
        self._seed = plan.seed
        self._tags = {trial.tag for trial in plan.trials}
        self._orders = Counter(trial.block for trial in plan.trials)
        self._repeated: dict[str, tuple[str, int]] = {}  # a repeat's id -> the first trial's, and which repeat it is

    def repeat(self, trial: Trial) -> Trial | None:
        """For the end of its block; None where that was tried often enough."""
        first, before = self._repeated.get(trial.id, (trial.id, 0))
        if before == _MOST_REPEATS:
            return None
        again = f"{first}-again{before + 1}"
        self._repeated[again] = first, before + 1
        return self._trial(again, trial.block, trial.candidate, TrialKind.REPEAT, trial.id)

    def probe(self, candidate: str) -> Trial:
        return self._trial(f"probe-{candidate}", NO_BLOCK, candidate, TrialKind.PROBE)

    def _trial(self, name: str, block: int, candidate: str, kind: TrialKind, repeats: str | None = None) -> Trial:
        chance = random.Random(f"{self._seed}/{name}")
        tag = chance.choice([tag for tag in range(1, TAGS) if tag not in self._tags])
        self._tags.add(tag)
        self._orders[block] += 1
        return Trial(name, block, self._orders[block], candidate, chance.getrandbits(32), tag, kind, repeats)


def near_limit(outcomes: Sequence[Outcome], ceiling: Mapping[str, Any] | None) -> str | None:
    """Why these throughputs may be the generator's and not the broker's, in words; None where nothing says so."""
    busy = max((o.busy_share for o in outcomes if o.busy_share is not None), default=0.0)
    if busy > GENERATOR_SPARE:
        return f"a producer or consumer was busy {busy:.0%} of the time"
    sent = max((o.sent_msgs_s for o in outcomes if o.sent_msgs_s is not None), default=0.0)
    received = max((o.delivered_msgs_s for o in outcomes if o.delivered_msgs_s is not None), default=0.0)
    for side, rate in (("producers", sent), ("consumers", received)):
        alone = (ceiling or {}).get(f"{side}_msgs_s")
        if alone and rate > GENERATOR_SPARE * alone:
            return f"the {side} did {rate / alone:.0%} of what they can do alone"
    return None


def with_one_more(plan: Plan, name: str, driver: Driver) -> Plan:
    """One more producer, and one more consumer in each group. Raises Excluded where the candidate cannot promise it."""
    asked = plan.scenario.of(name)
    topology = asked.topology
    groups = {key: each.model_copy(update={"consumers": each.consumers + 1}) for key, each in topology.groups.items()}
    wider = topology.model_copy(update={"producers": topology.producers + 1, "groups": groups})
    scenario = asked.model_copy(update={"topology": wider})
    enough_processes(scenario)
    promise = promise_of(scenario.brokers[name], scenario, driver)
    candidates = tuple(replace(c, promise=promise) if c.name == name else c for c in plan.candidates)
    return replace(plan, scenario=scenario, candidates=candidates)
