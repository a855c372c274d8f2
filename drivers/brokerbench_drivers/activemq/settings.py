"""What a scenario may set for ActiveMQ. What is left out (None) the promise fills in."""

from typing import Annotated, Literal

from pydantic import Field

from brokerbench.model import Count, Frozen

__all__ = ["Product", "Settings"]

Product = Literal["artemis", "classic"]


class Settings(Frozen):
    product: Product = Field(default="artemis", description="the broker: ActiveMQ Artemis, or ActiveMQ Classic")
    persistent: bool | None = Field(
        default=None, description="header persistent:true of every message; none: where it must survive the broker"
    )
    confirms: bool | None = Field(
        default=None,
        description="a RECEIPT (AMQP: an outcome) for every message; none: where delivery is at-least-once",
    )
    ack: Literal["individual", "cumulative", "auto"] | None = Field(
        default=None,
        description="how a subscription is acknowledged: client-individual, client (STOMP alone), auto;"
        " none: individual where delivery is at-least-once, else auto",
    )
    journal_sync: Literal["always", "never"] | None = Field(
        default=None,
        description="whether a server of ours flushes its journal to disk before it answers; none: as shipped, always",
    )
    heap_mib: Annotated[Count, Field(ge=128, le=65536)] = Field(
        default=1024, description="the heap of a server of ours, MiB (-Xmx)"
    )
    tls: bool = Field(default=False, description="a server of ours listens with TLS, with a CA made for the run")
