"""What will be run: candidates with the promise each one gives, and every trial in its order."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from .qualities import Answer, Line
from .scenario import Guarantee, Role, Scenario, ServerSpec, Survives

__all__ = ["Candidate", "Plan", "Promise", "PromisePoint", "Trial", "TrialKind"]


class PromisePoint(StrEnum):
    """Where the sender may rely on a message."""

    CONFIRMED = "confirmed"
    HANDED_OVER = "handed-over"


@dataclass(frozen=True)
class Promise:
    """What a candidate gives with these settings; at least what was asked, else it is excluded."""

    guarantee: Guarantee
    survives: Survives
    point: PromisePoint
    settings: Mapping[str, Any]  # the driver's settings as they will be used, all defaults filled in
    notes: tuple[str, ...] = ()  # how the scenario's words were mapped: one short line each


@dataclass(frozen=True)
class Candidate:
    name: str
    driver: str
    client: str
    server: ServerSpec  # its kind is never AUTO here
    url: str | None
    role: Role
    promise: Promise | None
    excluded: str | None = None  # the reason, where it cannot take part
    needs: tuple[Answer, ...] = ()  # to each need of the scenario, as far as it can be told before the run
    qualities: tuple[Line, ...] = ()  # what is known of this set-up; what hangs on its version is in it for each


class TrialKind(StrEnum):
    PLANNED = "planned"
    REPEAT = "repeat"  # stands in for a contaminated trial of its block
    PROBE = "probe"  # with one more worker: tells whose limit the throughput was, and nothing else
    SECOND_LOOK = "second-look"  # runs only if the first look decided nothing


@dataclass(frozen=True)
class Trial:
    """One candidate at one load point, once."""

    id: str
    block: int
    order: int
    candidate: str
    seed: int
    tag: int  # u16 in each stamp: tells this trial's messages from any other's
    kind: TrialKind = TrialKind.PLANNED
    repeats: str | None = None  # the id of the trial that this one repeats


@dataclass(frozen=True)
class Plan:
    scenario: Scenario
    seed: int
    candidates: tuple[Candidate, ...]
    trials: tuple[Trial, ...]
    smoke: bool = False  # --short: shortened phases, no claim

    def candidate(self, name: str) -> Candidate:
        return next(c for c in self.candidates if c.name == name)

    @property
    def looks(self) -> tuple[int, int] | None:
        """Blocks at the first look and in all; None where there is one look, or none because nothing is claimed."""
        repeats = self.scenario.repeats
        return None if repeats.look_again is None or self.smoke else (repeats.blocks, repeats.look_again)

    @property
    def length_s(self) -> float:
        """Load time of all trials: warm-up and measured; servers' starts, drains and read-backs come on top."""
        load = self.scenario.load
        return len(self.trials) * (load.warmup_s + load.measure_s)
