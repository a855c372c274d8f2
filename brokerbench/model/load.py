"""How messages are sent: as fast as they are confirmed, by users who think between their requests, or by the clock,
whose rate goes through stages."""

from enum import StrEnum
from typing import Annotated, Any, Literal

from pydantic import Field, SerializerFunctionWrapHandler, model_serializer, model_validator

from .fill import Fill
from .frozen import Frozen
from .stage import Segment, Stage
from .trace import Trace
from .units import Count, Duration, format_duration
from .users import Think

__all__ = ["Load", "LoadModel"]


class LoadModel(StrEnum):
    OPEN = "open"
    CLOSED = "closed"
    SATURATE = "saturate"
    BACKLOG = "backlog"


_OF_USERS = ("users", "think", "ramp_s", "connections")
_HOW = {
    LoadModel.SATURATE: "saturate sends as fast as it is confirmed",
    LoadModel.BACKLOG: "a backlog is filled while nobody consumes",
    LoadModel.CLOSED: "users of a closed load send when they have thought",
}


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
    fill: Fill | None = Field(default=None, description="backlog: what is waiting before consumers may take it")
    warmup_s: Duration = Field(default=5.0, alias="warmup")
    stages: Annotated[tuple[Stage, ...], Field(min_length=1, max_length=100)]
    drain_s: Annotated[Duration, Field(ge=0.5)] = Field(default=10.0, alias="drain")

    @model_validator(mode="before")
    @classmethod
    def _nothing_to_warm_up(cls, value: Any) -> Any:
        if (
            isinstance(value, dict)
            and value.get("model") == LoadModel.BACKLOG
            and not {"warmup", "warmup_s"} & set(value)
        ):
            return {**value, "warmup_s": "0s"}
        return value

    @model_validator(mode="after")
    def _fits_the_model(self) -> "Load":
        self._fits_backlog()
        if self.model is LoadModel.CLOSED:
            self._fits_users()
        elif given := [name for name in _OF_USERS if getattr(self, name) != type(self).model_fields[name].default]:
            names = ", ".join(name.removesuffix("_s") for name in given)
            raise ValueError(f"only a closed load has users who think: leave {names} out, or use model: closed")
        if self.model is not LoadModel.OPEN and self.arrivals != "constant":
            raise ValueError(f"{_HOW[self.model]}: leave arrivals out, or use model: open")
        for stage in self.stages:
            self._fits_stage(stage)
        if self.trace is not None:
            if len(self.stages) > 1:
                raise ValueError("a trace is the whole load: leave the other stages out")
            if self.arrivals != "constant":
                raise ValueError("a trace says itself when messages arrive: leave arrivals out")
        return self

    def _fits_backlog(self) -> None:
        if self.model is not LoadModel.BACKLOG:
            if self.fill is not None:
                raise ValueError("only a backlog is filled: leave fill out, or use model: backlog")
        elif self.fill is None:
            raise ValueError("a backlog needs a fill, like {model: backlog, fill: 100k, stages: [{steady: 60s}]}")
        elif self.warmup_s:
            raise ValueError("a backlog is filled from nothing and drained to nothing: leave warmup out")
        elif len(self.stages) > 1:
            raise ValueError("a backlog has one stage, which says how long filling may take, like {steady: 60s}")

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
        elif stage.rate_msgs_s is not None and self.model is not LoadModel.BACKLOG:
            raise ValueError(f"{_HOW[self.model]}: leave rate out, or use model: open")

    @model_serializer(mode="wrap")
    def _as_its_model(self, dump: SerializerFunctionWrapHandler) -> dict[str, Any]:
        kept: dict[str, Any] = dump(self)
        left_out: tuple[str, ...] = () if self.model is LoadModel.CLOSED else _OF_USERS
        left_out += () if self.model is LoadModel.BACKLOG else ("fill",)
        return {name: value for name, value in kept.items() if name not in left_out}

    @property
    def trace(self) -> Trace | None:
        """What is replayed, where the load is that."""
        return self.stages[0].trace

    @property
    def measure_s(self) -> float:
        return sum(stage.length_s for stage in self.stages)

    @property
    def segments(self) -> tuple[Segment, ...]:
        """Of an open load, from t0 on: the warm-up at the rate with which the first stage begins, then the stages."""
        if self.model is not LoadModel.OPEN or self.trace is not None:
            return ()
        measured = [segment for stage in self.stages for segment in stage.segments()]
        first = measured[0][1]
        return ((self.warmup_s, first, first), *measured) if self.warmup_s else tuple(measured)

    @property
    def varies(self) -> bool:
        """Whether the rate asked is not one and the same from first to last."""
        return self.trace is not None or len({rate for _, first, last in self.segments for rate in (first, last)}) > 1

    @property
    def rate_msgs_s(self) -> float | None:
        """The total rate asked, on average over the measured window; None where no rate is asked."""
        if self.model is LoadModel.BACKLOG:
            return self.stages[0].rate_msgs_s
        if self.model is not LoadModel.OPEN:
            return None
        if self.trace is not None:
            return self.trace.messages / self.measure_s
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
        if self.fill is not None:
            rate = self.stages[0].rate_msgs_s
            how = "as fast as they are confirmed" if rate is None else f"at {rate:,.12g} msg/s"
            return f"filled to {self.fill.text} {how}, while nobody consumes; then drained"
        if self.think is None:
            return "as fast as messages are confirmed"
        ways = "a connection each" if self.connections == "each" else "one connection a producer"
        ramp = f", who come within {format_duration(self.ramp_s)}" if self.ramp_s else ""
        return f"{self.users:,} users{ramp}, think {self.think.text}, {ways}"
