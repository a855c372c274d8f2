"""Who takes part: producers, and groups of consumers that are each owed every message; and whether they answer."""

from collections.abc import Mapping
from enum import StrEnum
from typing import Annotated

from pydantic import Field, model_validator

from .consumers import Group
from .frozen import Frozen
from .units import Count

__all__ = ["REPLIES", "Pattern", "Topology"]

REPLIES = "replies"  # in request-reply: the group that is owed the replies, each requester its own


class Pattern(StrEnum):
    STREAM = "stream"  # messages go one way
    REQUEST_REPLY = "request-reply"  # who receives a message answers it


class Topology(Frozen):
    pattern: Pattern = Field(
        default=Pattern.STREAM, description="request-reply: the one group answers each message to the producer it is of"
    )
    topics: Annotated[Count, Field(le=1)] = 1
    partitions: Annotated[Count, Field(le=256)] = 1
    producers: Annotated[Count, Field(le=32)] = 1
    groups: Annotated[Mapping[str, Group], Field(min_length=1)] = Field(default_factory=lambda: {"all": Group()})

    @model_validator(mode="after")
    def _one_group_answers(self) -> "Topology":
        if self.answered and len(self.groups) > 1:
            names = ", ".join(self.groups)
            raise ValueError(f"request-reply has one group, whose consumers answer; found {len(self.groups)}: {names}")
        if self.answered and REPLIES in self.groups:
            raise ValueError(f"in request-reply {REPLIES!r} are those who asked: name the group that answers otherwise")
        settling = ("ack_every", "requeue", "reject")
        plain = Group()
        asked = [k for group in self.groups.values() for k in settling if getattr(group, k) != getattr(plain, k)]
        if self.answered and asked:
            raise ValueError(
                f"in request-reply a message is settled once it is answered: leave {' and '.join(asked)} out;"
                " processing, slow and stall are possible"
            )
        return self

    @property
    def answered(self) -> bool:
        """Whether each message is a request that gets a reply."""
        return self.pattern is Pattern.REQUEST_REPLY
