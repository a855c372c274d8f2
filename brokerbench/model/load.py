"""How messages are sent: as fast as they are confirmed, by users who think between their requests, or by the clock,
whose rate goes through stages."""

import math
from collections.abc import Iterator
from enum import StrEnum
from itertools import pairwise
from typing import Annotated, Any, Literal

from pydantic import Field, SerializerFunctionWrapHandler, model_serializer, model_validator

from .frozen import Frozen
from .units import Count, Duration, Rate, format_duration
from .users import Think

__all__ = ["Load", "LoadModel", "Segment", "Stage"]

Length = Annotated[Duration, Field(ge=0.5)]
Segment = tuple[float, float, float]  # seconds, rate at its begin, rate at its end (messages/s)
_KINDS = ("steady", "ramp", "spike", "day")
_HOURS = 24


class LoadModel(StrEnum):
    OPEN = "open"
    CLOSED = "closed"
    SATURATE = "saturate"


_OF_USERS = ("users", "think", "ramp_s", "connections")
_HOW = {
    LoadModel.SATURATE: "saturate sends as fast as it is confirmed",
    LoadModel.CLOSED: "users of a closed load send when they have thought",
}


class Stage(Frozen):
    """One of steady, ramp, spike and day, which is how long it lasts."""

    steady_s: Length | None = Field(default=None, alias="steady", description="one rate")
    ramp_s: Length | None = Field(default=None, alias="ramp", description="in a straight line from one rate to another")
    spike_s: Length | None = Field(
        default=None, alias="spike", description="a third at one rate, a third at another, a third at the first again"
    )
    day_s: Length | None = Field(
        default=None, alias="day", description="a day in so long: from the night's rate to noon's and back, as a cosine"
    )
    rate_msgs_s: Rate | None = Field(default=None, alias="rate", description="of a steady stage")
    from_msgs_s: Rate | None = Field(default=None, alias="from", description="of all others: where it begins")
    to_msgs_s: Rate | None = Field(default=None, alias="to", description="of all others: where it goes")

    @model_validator(mode="after")
    def _one_kind_with_its_rates(self) -> "Stage":
        given = [kind for kind in _KINDS if getattr(self, f"{kind}_s") is not None]
        if len(given) != 1:
            found = f"found {' and '.join(given)}" if given else "found none"
            raise ValueError(f"a stage has one length, as steady, ramp, spike or day: {found}")
        if given == ["steady"]:
            if self.from_msgs_s is not None or self.to_msgs_s is not None:
                raise ValueError("a steady stage has a rate, and no from and to")
        elif self.rate_msgs_s is not None or self.from_msgs_s is None or self.to_msgs_s is None:
            raise ValueError(
                f"a {given[0]} has from and to instead of a rate, like {{{given[0]}: 30s, from: 1k/s, to: 5k/s}}"
            )
        return self

    @model_serializer(mode="wrap")
    def _as_its_kind(self, dump: SerializerFunctionWrapHandler) -> dict[str, Any]:
        rates = {"rate_msgs_s"} if self.kind == "steady" else {"from_msgs_s", "to_msgs_s"}
        kept: dict[str, Any] = dump(self)
        return {name: value for name, value in kept.items() if name == f"{self.kind}_s" or name in rates}

    @property
    def kind(self) -> str:
        return next(kind for kind in _KINDS if getattr(self, f"{kind}_s") is not None)

    @property
    def length_s(self) -> float:
        return float(getattr(self, f"{self.kind}_s"))

    def shortened(self, most_s: float) -> "Stage":
        """The same, in so many seconds at most."""
        return self.model_copy(update={f"{self.kind}_s": min(self.length_s, most_s)})

    def segments(self) -> Iterator[Segment]:
        """Of an open load: straight lines, one after the other."""
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
        if self.kind == "steady":
            return f"{self.rate_msgs_s:,.12g} msg/s"
        rates = f"{self.from_msgs_s:,.12g} to {self.to_msgs_s:,.12g} msg/s"
        return f"a {self.kind} from {rates} in {format_duration(self.length_s)}"


class Load(Frozen):
    model: LoadModel
    arrivals: Literal["constant", "poisson"] = "constant"
    users: Annotated[Count, Field(le=100_000)] | None = Field(
        default=None, description="closed: so many, each with one request at a time"
    )
    think: Think | None = None
    ramp_s: Duration = Field(default=0.0, alias="ramp", description="closed: the users come one after the other")
    connections: Literal["shared", "each"] = Field(
        default="shared", description="closed: all users of a producer on one connection, or one for each user"
    )
    warmup_s: Duration = Field(default=5.0, alias="warmup")
    stages: Annotated[tuple[Stage, ...], Field(min_length=1, max_length=100)]
    drain_s: Annotated[Duration, Field(ge=0.5)] = Field(default=10.0, alias="drain")

    @model_validator(mode="after")
    def _fits_the_model(self) -> "Load":
        if self.model is LoadModel.CLOSED:
            self._fits_users()
        elif given := [name for name in _OF_USERS if getattr(self, name) != type(self).model_fields[name].default]:
            names = ", ".join(name.removesuffix("_s") for name in given)
            raise ValueError(f"only a closed load has users who think: leave {names} out, or use model: closed")
        if self.model is not LoadModel.OPEN and self.arrivals != "constant":
            raise ValueError(f"{_HOW[self.model]}: leave arrivals out, or use model: open")
        for stage in self.stages:
            self._fits_stage(stage)
        return self

    def _fits_users(self) -> None:
        if self.users is None or self.think is None:
            raise ValueError("a closed load needs users and think, like {model: closed, users: 100, think: 1s, ...}")
        if self.ramp_s > self.warmup_s:
            raise ValueError(
                f"all users are there before the measured window: ramp is {format_duration(self.ramp_s)},"
                f" warmup only {format_duration(self.warmup_s)}"
            )

    def _fits_stage(self, stage: Stage) -> None:
        if self.model is LoadModel.OPEN:
            if stage.kind == "steady" and stage.rate_msgs_s is None:
                raise ValueError("an open load needs a rate in each stage, like {steady: 30s, rate: 5k/s}")
        elif stage.kind != "steady":
            raise ValueError(f"{_HOW[self.model]}: no {stage.kind}, or use model: open")
        elif stage.rate_msgs_s is not None:
            raise ValueError(f"{_HOW[self.model]}: leave rate out, or use model: open")

    @model_serializer(mode="wrap")
    def _as_its_model(self, dump: SerializerFunctionWrapHandler) -> dict[str, Any]:
        kept: dict[str, Any] = dump(self)
        left_out = () if self.model is LoadModel.CLOSED else _OF_USERS
        return {name: value for name, value in kept.items() if name not in left_out}

    @property
    def measure_s(self) -> float:
        return sum(stage.length_s for stage in self.stages)

    @property
    def segments(self) -> tuple[Segment, ...]:
        """Of an open load, from t0 on: the warm-up at the rate with which the first stage begins, then the stages."""
        if self.model is not LoadModel.OPEN:
            return ()
        measured = [segment for stage in self.stages for segment in stage.segments()]
        first = measured[0][1]
        return ((self.warmup_s, first, first), *measured) if self.warmup_s else tuple(measured)

    @property
    def varies(self) -> bool:
        """Whether the rate asked is not one and the same from first to last."""
        return len({rate for _, first, last in self.segments for rate in (first, last)}) > 1

    @property
    def rate_msgs_s(self) -> float | None:
        """The total rate asked, on average over the measured window; None where no rate is asked."""
        if self.model is not LoadModel.OPEN:
            return None
        measured = [segment for stage in self.stages for segment in stage.segments()]
        if not self.varies:
            return measured[0][1]
        return sum(length * (first + last) / 2 for length, first, last in measured) / self.measure_s

    @property
    def of_users(self) -> dict[str, Any] | None:
        """What a closed load says of its users, in base units."""
        return None if self.users is None else self.model_dump(mode="json", include=set(_OF_USERS))

    @property
    def how(self) -> str:
        """`2,000 msg/s`, `1,000 users, think 1 s, a connection each`, or what saturating is."""
        if self.model is LoadModel.OPEN:
            return ", then ".join(stage.text for stage in self.stages)
        if self.think is None:
            return "as fast as messages are confirmed"
        ways = "a connection each" if self.connections == "each" else "one connection a producer"
        ramp = f", who come within {format_duration(self.ramp_s)}" if self.ramp_s else ""
        return f"{self.users:,} users{ramp}, think {self.think.text}, {ways}"
