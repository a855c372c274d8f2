"""What the consumers of a group do with their messages."""

from typing import Annotated, Any

from pydantic import Field, SerializerFunctionWrapHandler, model_serializer, model_validator

from .frozen import Frozen
from .units import Count, Duration, Share, format_duration
from .users import Think

__all__ = ["Group", "Processing", "Slow", "Stall", "Work"]

_Some = Annotated[Duration, Field(gt=0)]


class Processing(Think):
    """Of one message, by one consumer: `1ms`, `{uniform: {from: 1ms, to: 5ms}}` or `{exponential: 1ms}`."""

    what = "a processing time"


class Slow(Frozen):
    """So many consumers of the group, its last ones, take another time."""

    consumers: Annotated[Count, Field(le=32)] = 1
    processing: Processing


class Stall(Frozen):
    """A consumer stands still with all that is in its hands, first when `every` has passed since the load began."""

    every_s: _Some = Field(alias="every", description="from the beginning of one to the beginning of the next")
    for_s: _Some = Field(alias="for", description="how long it lasts")

    @model_validator(mode="after")
    def _ends_before_the_next(self) -> "Stall":
        if self.for_s >= self.every_s:
            raise ValueError("a stall ends before the next one: for is shorter than every, like {every: 10s, for: 1s}")
        return self


class Work(Frozen):
    """What one consumer does with each message that it gets."""

    processing: Processing | None = Field(default=None, description="how long it is busy with each message")
    stall: Stall | None = Field(default=None, description="pauses, as of a garbage collector: nothing gets on")
    ack_every: Annotated[Count, Field(le=65535)] = Field(default=1, description="messages settled at once")
    requeue: Share | None = Field(default=None, description="so many deliveries are given back, and come again")
    reject: Share | None = Field(default=None, description="so many deliveries are rejected for good")

    @model_validator(mode="after")
    def _some_are_kept(self) -> "Work":
        if (self.requeue or 0.0) + (self.reject or 0.0) >= 1:
            raise ValueError("requeue and reject together must leave some: use less than 100%")
        return self

    @property
    def given(self) -> bool:
        """Whether it does anything but take and settle."""
        return any(getattr(self, name) != Work.model_fields[name].default for name in Work.model_fields)

    @property
    def settles(self) -> tuple[str, ...]:
        """The keys that only a broker that settles single messages can serve."""
        return tuple(name for name in ("requeue", "reject") if getattr(self, name))

    @property
    def text(self) -> str:
        """`1 ms each, stands still for 1 s every 10 s`; empty where it only takes and settles."""
        parts = [f"{self.processing.text} each"] if self.processing else []
        if self.stall:
            parts.append(
                f"stands still {format_duration(self.stall.for_s)} every {format_duration(self.stall.every_s)}"
            )
        parts += [f"settles every {self.ack_every}"] if self.ack_every > 1 else []
        parts += [f"gives back {100 * self.requeue:g} %"] if self.requeue else []
        parts += [f"rejects {100 * self.reject:g} %"] if self.reject else []
        return ", ".join(parts)


class Group(Work):
    """A group is owed every message once; its consumers share the work."""

    consumers: Annotated[Count, Field(le=32)] = 1
    prefetch: Annotated[Count, Field(le=65535)] = 500
    slow: Slow | None = None
    dead_letter: bool = Field(default=False, description="what it rejects goes to a queue of its own, at the broker")

    @model_validator(mode="after")
    def _fits_together(self) -> "Group":
        if self.ack_every > self.prefetch:
            raise ValueError(
                f"ack_every is {self.ack_every}, and with prefetch {self.prefetch} no more come before some are"
                " settled: use a prefetch as large at least"
            )
        if self.dead_letter and not self.reject:
            raise ValueError(
                "dead_letter is for what is rejected: add reject, like reject: 1%, or leave dead_letter out"
            )
        if self.slow and self.slow.consumers >= self.consumers:
            raise ValueError(
                f"slow.consumers is {self.slow.consumers} of {self.consumers}: leave some that are not, or give all of"
                " them this processing"
            )
        return self

    @model_serializer(mode="wrap")
    def _what_it_has(self, dump: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """Without the keys that ask for nothing: such a group is the same question as before they were there."""
        kept: dict[str, Any] = dump(self)
        fields = {**Work.model_fields, **{name: Group.model_fields[name] for name in ("slow", "dead_letter")}}
        return {name: value for name, value in kept.items() if name not in fields or value != fields[name].default}

    def work(self, index: int) -> Work:
        """Of one of its consumers."""
        work = {name: getattr(self, name) for name in Work.model_fields}
        if self.slow and index >= self.consumers - self.slow.consumers:
            work["processing"] = self.slow.processing
        return Work.model_construct(**work)

    @property
    def most_msgs_s(self) -> float | None:
        """What its consumers can work off; None where nothing bounds it."""
        works = [self.work(index) for index in range(self.consumers)]
        if not all(work.processing and work.processing.mean_s for work in works):
            return None
        awake = 1 - self.stall.for_s / self.stall.every_s if self.stall else 1.0
        kept = 1 - (self.requeue or 0.0)
        return sum(awake * kept / work.processing.mean_s for work in works if work.processing)

    @property
    def words(self) -> str:
        """`2 consumers, prefetch 500: 1 ms each, 1 of them slow (50 ms each)`."""
        head = f"{self.consumers} consumer{'' if self.consumers == 1 else 's'}, prefetch {self.prefetch:,}"
        slow = f"{self.slow.consumers} of them slow ({self.slow.processing.text} each)" if self.slow else ""
        dead = "what is rejected goes to a dead-letter queue" if self.dead_letter else ""
        rest = ", ".join(part for part in (self.text, dead, slow) if part)
        return f"{head}: {rest}" if rest else head
