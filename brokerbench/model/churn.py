"""Connections that are closed and opened again while the load goes on."""

from enum import StrEnum
from typing import Annotated

from pydantic import Field

from .frozen import Frozen
from .units import Duration, format_duration

__all__ = ["Churn", "Who"]


class Who(StrEnum):
    PRODUCERS = "producers"
    CONSUMERS = "consumers"
    ALL = "all"


class Churn(Frozen):
    """Each of them closes its connection in an orderly way and opens it again, each at moments of its own."""

    every_s: Annotated[Duration, Field(ge=0.1, le=3600)] = Field(
        alias="every", description="from one closing to the next, of each producer or consumer"
    )
    who: Who = Field(default=Who.PRODUCERS, description="whose connections")

    def of(self, role: str) -> bool:
        """Whether a "producer" or a "consumer" does so."""
        return self.who in (Who.ALL, f"{role}s")

    @property
    def text(self) -> str:
        """`each producer reopens its connection every 1 s`."""
        who = "producer and consumer" if self.who is Who.ALL else self.who.value.removesuffix("s")
        return f"each {who} reopens its connection every {format_duration(self.every_s)}"
