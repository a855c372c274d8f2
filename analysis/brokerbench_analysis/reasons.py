"""Why a trial is valid, suspect or invalid, in words that name what was asked and what was found."""

from dataclasses import dataclass
from enum import StrEnum

__all__ = ["Reason", "State", "Validity"]


class State(StrEnum):
    VALID = "valid"
    SUSPECT = "suspect"
    INVALID = "invalid"


@dataclass(frozen=True)
class Reason:
    code: str
    text: str
    state: State = State.INVALID
    brokers: bool = False  # the broker's own doing, as far as can be seen


@dataclass(frozen=True)
class Validity:
    """`labels` say what limited a saturating load; they are no reason against the trial."""

    reasons: tuple[Reason, ...] = ()
    labels: tuple[str, ...] = ()

    @property
    def state(self) -> State:
        found = {reason.state for reason in self.reasons}
        return next((s for s in (State.INVALID, State.SUSPECT) if s in found), State.VALID)
