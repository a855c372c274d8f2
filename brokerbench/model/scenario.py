"""The question a user asks, as frozen types. Reading and checking files is the scenarios room's work.

Keys in a file are the aliases (`warmup`), attributes carry their unit (`warmup_s`).
"""

from collections.abc import Mapping
from enum import StrEnum
from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from .frozen import Frozen
from .load import Load
from .message import Message
from .topology import Topology
from .units import Count, Share

__all__ = [
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


class Broker(Frozen):
    """One candidate: the driver, how its server comes up, and the driver's own settings (checked by the driver)."""

    driver: str
    client: str | None = None
    server: ServerSpec = ServerSpec()
    url: str | None = None
    role: Role = Role.CANDIDATE
    settings: Mapping[str, Any] = Field(default_factory=dict)


class Delivery(Frozen):
    guarantee: Guarantee = Guarantee.AT_LEAST_ONCE
    survives: Survives = Survives.NOTHING
    in_flight: Annotated[Count, Field(le=100_000)] = 1000  # per producer


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
    needs: tuple[str, ...] = ()
    brokers: Annotated[Mapping[str, Broker], Field(min_length=1)]
    topology: Topology = Topology()
    message: Message
    delivery: Delivery = Delivery()
    load: Load
    repeats: Repeats = Repeats()
    margins: Margins = Margins()
    slo: tuple[Slo, ...] = ()
    primary: str = ""

    @model_validator(mode="after")
    def _every_producer_has_users(self) -> "Scenario":
        if self.load.users is not None and self.load.users < self.topology.producers:
            raise ValueError(
                f"{self.topology.producers} producers for {self.load.users} users: use as many users at least"
            )
        return self
