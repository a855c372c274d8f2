"""What can be set: the queue's law, its pauses, and what is done wrong to which message."""

import math
import re
from typing import Annotated, Literal

from pydantic import BeforeValidator, Field, model_validator

from brokerbench.model import Count, Duration, Frozen

__all__ = ["Fates", "Pick", "Service", "Settings", "Stall"]

_ALL_TIME = 1 - 1e-9  # ten tenths, added up as floats, are less than 1
_EVERY = re.compile(r"every\s+([1-9][0-9]*)")


def _pick(value: object) -> int | str:
    if isinstance(value, int) and not isinstance(value, bool) and value >= 0:
        return value
    match = _EVERY.fullmatch(value.strip()) if isinstance(value, str) else None
    if match is None:
        raise ValueError(f"a sequence, like 5 (the first message is 0), or every 100; found {value!r}")
    return f"every {match[1]}"


Pick = Annotated[int | str, BeforeValidator(_pick)]


class Service(Frozen):
    """How long a worker is busy with one message: one of the three."""

    constant_s: Duration | None = Field(default=None, alias="constant", description="each message takes this long")
    exponential_s: Duration | None = Field(
        default=None, alias="exponential", description="exponentially distributed with this mean"
    )
    trace_s: tuple[Duration, ...] = Field(
        default=(), alias="trace", description="these, one message after the other, from the start again at the end"
    )

    @model_validator(mode="after")
    def _one_of_them(self) -> "Service":
        given = (self.constant_s is not None, self.exponential_s is not None, bool(self.trace_s))
        if sum(given) != 1:
            raise ValueError("give one of constant, exponential and trace, like {constant: 1ms}")
        return self

    def words(self) -> str:
        if self.trace_s:
            return f"trace of {len(self.trace_s)}, mean {_ms(sum(self.trace_s) / len(self.trace_s))}"
        if self.exponential_s is not None:
            return f"exponential, mean {_ms(self.exponential_s)}"
        return f"constant {_ms(self.constant_s or 0.0)}"


class Stall(Frozen):
    """No worker gets on; what is being worked on goes on afterwards."""

    at_s: Duration = Field(alias="at", description="when it begins, after t0 (warm-up included)")
    for_s: Duration = Field(alias="for", description="how long it lasts")
    every_s: Duration | None = Field(default=None, alias="every", description="again and again, this far apart")

    @model_validator(mode="after")
    def _ends_before_the_next(self) -> "Stall":
        if self.every_s is not None and self.every_s <= self.for_s:
            raise ValueError("a stall must end before it comes again: every is longer than for")
        return self


class Fates(Frozen):
    """For the messages with these sequences, of each producer: `[5, 6]`, or `[every 100]` for 99, 199, ..."""

    confirmed_but_lost: tuple[Pick, ...] = Field(default=(), description="confirmed, then given to no group")
    refused: tuple[Pick, ...] = Field(default=(), description="answered with a refusal, given to no group")
    confirm_dropped: tuple[Pick, ...] = Field(default=(), description="delivered, but never answered")
    duplicated: tuple[Pick, ...] = Field(default=(), description="delivered twice, the second time flagged")
    swapped: tuple[Pick, ...] = Field(default=(), description="delivered after its successor, if one comes in 1 s")
    foreign: tuple[Pick, ...] = Field(default=(), description="before it, a message of a stranger is delivered")
    corrupted: tuple[Pick, ...] = Field(default=(), description="its stamp is damaged")
    altered: tuple[Pick, ...] = Field(default=(), description="the last byte of its body is changed")


class Settings(Frozen):
    service: Service = Field(
        default=Service.from_base({"constant_s": 0.0}), description="how long a worker is busy with one message"
    )
    workers: Annotated[Count, Field(le=1000)] = Field(default=1, description="of each group: messages served at once")
    capacity: Count | None = Field(
        default=None, description="messages that wait or are worked on, for each group; none: no limit"
    )
    overflow: Literal["reject", "drop-head"] = Field(
        default="reject",
        description="at capacity: refuse what comes, or drop what has waited longest (it was confirmed)",
    )
    stalls: tuple[Stall, ...] = Field(default=(), description="times in which no worker gets on")
    confirms: bool = Field(default=True, description="each accepted message is confirmed")
    confirm_delay_s: Duration = Field(default=0.0, alias="confirm_delay", description="from its arrival to the confirm")
    fates: Fates = Field(default=Fates(), description="what is done wrong, to which messages")
    redelivered_flag: bool = Field(default=True, description="the second delivery of a duplicated message says so")
    seed: Count = Field(default=1, description="of the service times, with the number of the destination")
    save_account: bool = Field(
        default=False, description="write the broker's own account of each trial beside its server's log"
    )

    @model_validator(mode="after")
    def _awake_in_between(self) -> "Settings":
        shares = math.fsum(stall.for_s / stall.every_s for stall in self.stalls if stall.every_s is not None)
        if shares >= _ALL_TIME:
            raise ValueError(
                "stalls that come again must leave time to work: for / every, added up, must be less than 1;"
                f" found {shares:g}"
            )
        return self

    @model_validator(mode="after")
    def _nobody_to_tell(self) -> "Settings":
        if not self.confirms and (self.overflow_refuses or self.fates.refused or self.fates.confirm_dropped):
            raise ValueError(
                "with confirms: false nothing is answered, so nothing can be refused: leave fates.refused and"
                " fates.confirm_dropped out, and take overflow: drop-head"
            )
        return self

    @property
    def overflow_refuses(self) -> bool:
        return self.capacity is not None and self.overflow == "reject"

    def words(self) -> str:
        """The queue's law in one line."""
        workers = f"{self.workers} worker" + ("s" if self.workers > 1 else "")
        room = "" if self.capacity is None else f", capacity {self.capacity:,} ({self.overflow})"
        stalls = f", {len(self.stalls)} stalls" if len(self.stalls) > 1 else ", 1 stall" if self.stalls else ""
        return f"each group has a queue of its own: service {self.service.words()}, {workers}{room}{stalls}"


def _ms(seconds: float) -> str:
    return f"{seconds * 1e3:g} ms"
