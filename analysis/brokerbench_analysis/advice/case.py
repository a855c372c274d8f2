"""What a rule looks at: one candidate's own figures, what it was asked, and its settings as read back.

Only trials that may be believed: none that is invalid, contaminated, or bound by the client.
"""

import statistics
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from brokerbench.model import Message, Pattern
from brokerbench_analysis.candidates import Candidate
from brokerbench_analysis.folder import Json, asked_of, own_of
from brokerbench_analysis.measure import Measured
from brokerbench_analysis.seconds import Second, measured
from brokerbench_analysis.validity import CLIENT_BOUND

__all__ = ["IDLE", "Case", "case_of"]

IDLE = 0.70  # a consumer that is busy for less of the time waits for messages


@dataclass(frozen=True)
class Case:
    """`own`: the parts of the scenario that this candidate has of its own; `alone`: it is the only one."""

    name: str
    driver: str
    asked: Json
    size_bytes: float  # of one message, on average
    largest_bytes: int
    settings: Json
    facts: Json
    trials: tuple[Measured, ...]
    cores: float | None
    own: frozenset[str]
    alone: bool

    @property
    def in_flight(self) -> int:
        return int(self.asked["delivery"]["in_flight"])

    @property
    def producers(self) -> int:
        return int(self.asked["topology"]["producers"])

    @property
    def topics(self) -> int:
        """Over which all are dealt in turn."""
        return int(self.asked["topology"]["topics"])

    @property
    def partitions(self) -> int:
        """Of each topic."""
        return int(self.asked["topology"]["partitions"])

    @property
    def groups(self) -> Mapping[str, Json]:
        return dict(self.asked["topology"]["groups"])

    @property
    def saturates(self) -> bool:
        return bool(self.asked["load"]["model"] == "saturate")

    @property
    def closed(self) -> bool:
        return bool(self.asked["load"]["model"] == "closed")

    def key(self, part: str, rest: str) -> str:
        """Of the scenario: what several candidates share is changed for this one alone."""
        ours = f"{part}.{rest}"
        return ours if self.alone and part not in self.own else f"brokers.{self.name}.{ours}"

    def setting(self, name: str) -> str:
        return f"brokers.{self.name}.{name}"

    def rate(self, name: str) -> float | None:
        """The mean over the trials; None where one of them lacks it."""
        return _mean([trial.record[name] for trial in self.trials])

    def latency_ms(self, name: str, figure: str) -> float | None:
        """The median over the trials; None where one of them lacks it, or has only a lower bound."""
        found = [trial.record[name] for trial in self.trials]
        if any(one is None or one[figure] is None or one["at_least"] for one in found):
            return None
        return statistics.median(float(one[figure]) for one in found)

    def backlog(self) -> float | None:
        """Messages on their way or waiting, on average over the measured seconds; for each group."""
        return _mean(list(self._seconds("backlog")))

    def broker_cores(self) -> float | None:
        """What the broker's processes used."""
        return _mean(list(self._seconds("broker_cpu")))

    def full_broker(self) -> float | None:
        """The cores that the broker used, where that is half of the machine at least; else None."""
        used = self.broker_cores()
        return used if used is not None and self.cores and used >= self.cores / 2 else None

    def busiest(self, group: str) -> float | None:
        """Of this group's consumers, in any trial; None where that was not measured.

        Who works on messages, as the scenario asks, is busy with them, whatever CPU that takes."""
        shares = [each["busy_share"] for each in self.consumers(group)]
        working = [each.get("working_share") or 0.0 for each in self.consumers(group)]
        return None if not shares or None in shares else max(*shares, *working)

    def consumers(self, group: str) -> list[Json]:
        """As trial.json has them, of all trials."""
        return [each for trial in self.trials for each in trial.files.trial["consumers"] if each["group"] == group]

    def lost(self, answer: str) -> int:
        """Messages that the sender was told this of, and that never came, over all groups and trials."""
        fates = [(trial.record["ledger"]["fates"] or {}).get(answer) or {} for trial in self.trials]
        return sum(int(row.get("absent") or 0) for row in fates)

    def _seconds(self, column: str) -> Iterator[float]:
        rows: list[Second] = [row for trial in self.trials for row in measured(trial.seconds)]
        return (float(value) for row in rows if (value := row[column]) is not None)


def _sizes(run: Json, name: str, asked: Json) -> tuple[float, int]:
    """Of its messages: mean and largest, as drawn; a folder of before has only what was asked."""
    drawn = (run.get("messages") or {}).get(name)
    if drawn is not None:
        return drawn["mean_bytes"], drawn["largest_bytes"]
    message = Message.from_base(asked["message"])
    return message.mean_bytes, message.largest_bytes


def case_of(run: Json, candidate: Candidate) -> Case | None:
    """None where nothing may be said: a smoke run, an excluded candidate, no trial to be believed, or requests."""
    trials = tuple(trial for trial in candidate.usable if _sound(trial))
    promise = candidate.about.get("promise")
    if run.get("smoke") or promise is None or not trials:
        return None
    machine = run["environment"]
    asked = asked_of(run, candidate.name)
    if asked["topology"].get("pattern", Pattern.STREAM) != Pattern.STREAM:
        return None  # what waits there waits for answers, and no rule is about those
    mean_bytes, largest_bytes = _sizes(run, candidate.name, asked)
    return Case(
        name=candidate.name,
        driver=str(candidate.about["driver"]),
        asked=asked,
        size_bytes=mean_bytes,
        largest_bytes=largest_bytes,
        settings=dict(promise.get("settings") or {}),
        facts=next((t.files.facts for t in reversed(trials) if t.files.facts), {}),
        trials=trials,
        cores=machine.get("cores_usable") or machine.get("cores"),
        own=frozenset(own_of(run, candidate.name)),
        alone=len(run["candidates"]) == 1,
    )


def _sound(trial: Measured) -> bool:
    contaminated = (trial.record["contamination"] or {}).get("contaminated")
    return not contaminated and CLIENT_BOUND not in trial.validity.labels and trial.record["ledger"] is not None


def _mean(values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return statistics.fmean(known) if known and len(known) == len(values) else None
