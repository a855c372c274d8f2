"""A stage of an open load: how the rate goes, and for how long."""

import math
from collections.abc import Iterator
from itertools import pairwise
from typing import Annotated, Any

from pydantic import Field, SerializerFunctionWrapHandler, model_serializer, model_validator

from .frozen import Frozen
from .trace import Trace
from .units import Duration, Rate, format_duration

__all__ = ["Segment", "Stage"]

Length = Annotated[Duration, Field(ge=0.5)]
Segment = tuple[float, float, float]  # seconds, rate at its begin, rate at its end (messages/s)
_KINDS = ("steady", "ramp", "spike", "day")
_HOURS = 24


class Stage(Frozen):
    """One of steady, ramp, spike and day, which is how long it lasts, or a trace, which knows itself."""

    steady_s: Length | None = Field(default=None, alias="steady", description="one rate")
    ramp_s: Length | None = Field(default=None, alias="ramp", description="in a straight line from one rate to another")
    spike_s: Length | None = Field(
        default=None, alias="spike", description="a third at one rate, a third at another, a third at the first again"
    )
    day_s: Length | None = Field(
        default=None, alias="day", description="a day in so long: from the night's rate to noon's and back, as a cosine"
    )
    trace: Trace | None = Field(default=None, description="what was recorded elsewhere, at its own times")
    rate_msgs_s: Rate | None = Field(default=None, alias="rate", description="of a steady stage")
    from_msgs_s: Rate | None = Field(default=None, alias="from", description="of all others: where it begins")
    to_msgs_s: Rate | None = Field(default=None, alias="to", description="of all others: where it goes")

    @model_validator(mode="after")
    def _one_kind_with_its_rates(self) -> "Stage":
        given = [kind for kind in _KINDS if getattr(self, f"{kind}_s") is not None]
        given += ["trace"] if self.trace is not None else []
        if len(given) != 1:
            found = f"found {' and '.join(given)}" if given else "found none"
            raise ValueError(f"a stage has one length, as steady, ramp, spike or day, or is a trace: {found}")
        if given == ["trace"]:
            if (self.rate_msgs_s, self.from_msgs_s, self.to_msgs_s) != (None, None, None):
                raise ValueError("a trace has its own rate: leave rate, from and to out")
        elif given == ["steady"]:
            if self.from_msgs_s is not None or self.to_msgs_s is not None:
                raise ValueError("a steady stage has a rate, and no from and to")
        elif self.rate_msgs_s is not None or self.from_msgs_s is None or self.to_msgs_s is None:
            raise ValueError(
                f"a {given[0]} has from and to instead of a rate, like {{{given[0]}: 30s, from: 1k/s, to: 5k/s}}"
            )
        return self

    @model_serializer(mode="wrap")
    def _as_its_kind(self, dump: SerializerFunctionWrapHandler) -> dict[str, Any]:
        kept: dict[str, Any] = dump(self)
        if self.trace is not None:
            return {"trace": kept["trace"]}
        rates = {"rate_msgs_s"} if self.kind == "steady" else {"from_msgs_s", "to_msgs_s"}
        return {name: value for name, value in kept.items() if name == f"{self.kind}_s" or name in rates}

    @property
    def kind(self) -> str:
        if self.trace is not None:
            return "trace"
        return next(kind for kind in _KINDS if getattr(self, f"{kind}_s") is not None)

    @property
    def length_s(self) -> float:
        if self.trace is not None:
            return self.trace.length_s
        return float(getattr(self, f"{self.kind}_s"))

    def shortened(self, most_s: float) -> "Stage":
        """The same, in so many seconds at most."""
        if self.trace is not None:
            return self.model_copy(update={"trace": self.trace.cut(most_s)})
        return self.model_copy(update={f"{self.kind}_s": min(self.length_s, most_s)})

    def segments(self) -> Iterator[Segment]:
        """Of an open load: straight lines, one after the other; none of a trace."""
        if self.trace is not None:
            return
        kind, length = self.kind, self.length_s
        if kind == "steady":
            assert self.rate_msgs_s is not None
            yield length, self.rate_msgs_s, self.rate_msgs_s
            return
        low, high = self.from_msgs_s, self.to_msgs_s
        assert low is not None
        assert high is not None
        if kind == "ramp":
            yield length, low, high
        elif kind == "spike":
            yield from ((length / 3, rate, rate) for rate in (low, high, low))
        else:
            hours = [low + (high - low) * (1 - math.cos(2 * math.pi * h / _HOURS)) / 2 for h in range(_HOURS + 1)]
            yield from ((length / _HOURS, a, b) for a, b in pairwise(hours))

    @property
    def text(self) -> str:
        """`2,000 msg/s`, or `a ramp from 1,000 to 5,000 msg/s in 30 s`."""
        if self.trace is not None:
            return self.trace.text
        if self.kind == "steady":
            return f"{self.rate_msgs_s:,.12g} msg/s"
        rates = f"{self.from_msgs_s:,.12g} to {self.to_msgs_s:,.12g} msg/s"
        return f"a {self.kind} from {rates} in {format_duration(self.length_s)}"
