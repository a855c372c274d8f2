"""The question a user asks, as frozen types. Reading and checking files is the scenarios room's work.

Keys in a file are the aliases (`warmup`), attributes carry their unit (`warmup_s`).
"""

from collections.abc import Mapping
from enum import StrEnum
from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from .frozen import Frozen
from .load import Load, LoadModel
from .message import CODING, Message
from .needs import Need
from .topology import Topology
from .units import Count, Share

__all__ = [
    "OWN",
    "SURVIVES_ORDER",
    "Broker",
    "Delivery",
    "Guarantee",
    "Margins",
    "Repeats",
    "Role",
    "Scenario",
    "ServerKind",
    "ServerSpec",
    "Slo",
    "Survives",
]


class Guarantee(StrEnum):
    AT_MOST_ONCE = "at-most-once"
    AT_LEAST_ONCE = "at-least-once"


class Survives(StrEnum):
    """What a promised message outlives; each class contains the ones before it."""

    NOTHING = "nothing"
    CLIENT_CRASH = "client-crash"
    BROKER_KILL = "broker-kill"
    POWER_LOSS = "power-loss"
    NODE_LOSS = "node-loss"


SURVIVES_ORDER = tuple(Survives)
OWN = ("topology", "delivery", "message")  # parts of a scenario that a candidate may have of its own, whole


class Role(StrEnum):
    CANDIDATE = "candidate"
    FLOOR = "floor"  # brokerless: shown below the ranking, exempt from promise and rank


class ServerKind(StrEnum):
    AUTO = "auto"
    EMBEDDED = "embedded"
    NATIVE = "native"
    COMPOSE = "compose"
    EXTERNAL = "external"


class ServerSpec(Frozen):
    """How a server comes up: `native`, or `{kind: native, version: 4, nodes: 3}`."""

    shorthand = "kind"

    kind: ServerKind = ServerKind.AUTO
    version: str | None = Field(default=None, description="3.10.8, or how it begins: 3.10, 3; none: what is there")
    nodes: Annotated[Count, Field(le=9)] = Field(default=1, description="of one cluster, all on this machine")

    @model_validator(mode="before")
    @classmethod
    def _of_one_word(cls, value: Any) -> Any:
        return {"kind": value} if isinstance(value, str) else value

    @property
    def text(self) -> str:
        """As a person reads it."""
        asked = [f"version {self.version}"] if self.version else []
        asked += [f"{self.nodes} nodes"] if self.nodes > 1 else []
        return f"{self.kind.value} ({', '.join(asked)})" if asked else self.kind.value


class Delivery(Frozen):
    guarantee: Guarantee = Guarantee.AT_LEAST_ONCE
    survives: Survives = Survives.NOTHING
    in_flight: Annotated[Count, Field(le=100_000)] = 1000  # per producer


class Broker(Frozen):
    """One candidate: the driver, how its server comes up, and the driver's own settings (checked by the driver)."""

    driver: str
    client: str | None = None
    server: ServerSpec = ServerSpec()
    url: str | None = None
    role: Role = Role.CANDIDATE
    topology: Topology | None = Field(default=None, description="where it differs from the scenario's: prefetch, say")
    delivery: Delivery | None = Field(default=None, description="where it differs from the scenario's: in_flight")
    message: Message | None = Field(default=None, description="where an order is written otherwise: codec, model")
    settings: Mapping[str, Any] = Field(default_factory=dict)


class Repeats(Frozen):
    """`look_again`: the blocks in all, where the primary figure is still undecided after `blocks`."""

    blocks: Annotated[Count, Field(le=200)] = 5
    look_again: Annotated[Count, Field(le=200)] | None = None

    @model_validator(mode="after")
    def _a_second_look_sees_more(self) -> "Repeats":
        if self.look_again is not None and self.look_again <= self.blocks:
            raise ValueError(f"look_again counts all blocks, so it is more than {self.blocks}; found {self.look_again}")
        return self

    @property
    def text(self) -> str:
        """As a person reads it before the run."""
        if self.look_again is None:
            return f"{self.blocks} block{'' if self.blocks == 1 else 's'}"
        return f"looks after {self.blocks} blocks, goes on to {self.look_again} if undecided"


class Margins(Frozen):
    """What is too small to matter: a difference within it is none. None: the usual one."""

    throughput: Share | None = None
    latency: Share | None = None


class Slo(Frozen):
    """`end_to_end.p99: < 50ms` -> metric, `<`, 50.0 in the metric's unit (ms, or a plain number)."""

    metric: str
    op: Literal["<", "<=", ">", ">=", "="]
    value: float
    text: str


class Scenario(Frozen):
    """One file. `slo` and `needs` keep the file's order."""

    scenario: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]{0,63}$")]
    question: str = ""
    needs: tuple[Need, ...] = ()
    brokers: Annotated[Mapping[str, Broker], Field(min_length=1)]
    topology: Topology = Topology()
    message: Message
    delivery: Delivery = Delivery()
    load: Load
    repeats: Repeats = Repeats()
    margins: Margins = Margins()
    slo: tuple[Slo, ...] = ()
    primary: str = ""

    def of(self, name: str) -> "Scenario":
        """What this candidate is asked: where it has a part of its own, that stands for the scenario's."""
        broker = self.brokers[name]
        own = {part: mine for part in OWN if (mine := getattr(broker, part)) is not None}
        plain = broker.model_copy(update=dict.fromkeys(own))
        return self.model_copy(update={**own, "brokers": {**self.brokers, name: plain}}) if own else self

    @model_validator(mode="after")
    def _every_producer_has_users(self) -> "Scenario":
        for topology in (self.topology, *(b.topology for b in self.brokers.values() if b.topology is not None)):
            if self.load.users is not None and self.load.users < topology.producers:
                raise ValueError(
                    f"{topology.producers} producers for {self.load.users} users: use as many users at least"
                )
        return self

    @model_validator(mode="after")
    def _connections_can_churn(self) -> "Scenario":
        if self.topology.churn is None:
            return self
        if self.load.model is LoadModel.BACKLOG:
            raise ValueError("a backlog is filled and drained by connections that stay: leave topology.churn out")
        if self.load.connections == "each":
            raise ValueError("topology.churn is of producers' connections, not of users': use connections: shared")
        return self

    @model_validator(mode="after")
    def _all_are_asked_the_same(self) -> "Scenario":
        """A candidate may be set up otherwise; what it must do is the same for all, else there is no comparison."""
        for name, broker in self.brokers.items():
            if broker.topology is not None and set(broker.topology.groups) != set(self.topology.groups):
                groups = ", ".join(self.topology.groups)
                raise ValueError(f"brokers.{name}.topology: every candidate has the scenario's groups: {groups}")
            if broker.topology is not None and broker.topology.pattern is not self.topology.pattern:
                pattern = self.topology.pattern.value
                raise ValueError(f"brokers.{name}.topology: every candidate has the scenario's pattern: {pattern}")
            if broker.topology is not None and broker.topology.churn != self.topology.churn:
                raise ValueError(f"brokers.{name}.topology: churn is asked of all candidates alike")
            promise = None if broker.delivery is None else (broker.delivery.guarantee, broker.delivery.survives)
            if promise not in (None, (self.delivery.guarantee, self.delivery.survives)):
                raise ValueError(
                    f"brokers.{name}.delivery: guarantee and survives are asked of all candidates alike;"
                    " its own can be in_flight"
                )
            if broker.message is not None and broker.message.content != self.message.content:
                raise ValueError(
                    f"brokers.{name}.message: all candidates send the same; of its own can be how orders are written:"
                    f" {', '.join(CODING)}"
                )
        return self
