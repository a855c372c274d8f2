"""Who takes part: producers, and groups of consumers that are each owed every message; over how many topics they are
dealt; and whether they answer."""

from collections.abc import Mapping
from enum import StrEnum
from typing import Annotated, Any

from pydantic import Field, SerializerFunctionWrapHandler, model_serializer, model_validator

from .churn import Churn
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
    topics: Annotated[Count, Field(le=16)] = Field(
        default=1, description="producers, and the consumers of each group, are dealt over them in turn"
    )
    partitions: Annotated[Count, Field(le=256)] = Field(default=1, description="of each topic")
    producers: Annotated[Count, Field(le=32)] = 1
    groups: Annotated[Mapping[str, Group], Field(min_length=1)] = Field(default_factory=lambda: {"all": Group()})

    churn: Churn | None = Field(default=None, description="connections that close and open again under the load")

    @model_validator(mode="after")
    def _every_topic_has_its_own(self) -> "Topology":
        sides = {"producers": self.producers, **{f"groups.{k}.consumers": g.consumers for k, g in self.groups.items()}}
        if few := [f"{name} is {count}" for name, count in sides.items() if count < self.topics]:
            raise ValueError(
                f"each of {self.topics} topics has a producer, and a consumer of each group, of its own at least;"
                f" {', '.join(few)}"
            )
        return self

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
        if self.answered and self.churn:
            raise ValueError("in request-reply a reply needs the connection that asked: leave churn out")
        return self

    @model_serializer(mode="wrap")
    def _what_it_has(self, dump: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """Without churn where there is none: it is the same question as before there was such a key."""
        kept: dict[str, Any] = dump(self)
        return kept if self.churn else {name: value for name, value in kept.items() if name != "churn"}

    def of_topic(self, topic: int) -> "Topology":
        """Who is dealt to one of the topics: the i-th of each side to topic i modulo `topics`."""
        if self.topics == 1:
            return self
        dealt = {
            name: group.model_copy(update={"consumers": len(range(topic, group.consumers, self.topics))})
            for name, group in self.groups.items()
        }
        producers = len(range(topic, self.producers, self.topics))
        return self.model_copy(update={"topics": 1, "producers": producers, "groups": dealt})

    @property
    def dealt(self) -> str:
        """Said after partitions; empty for one topic."""
        if self.topics == 1:
            return ""
        return f" of each of {self.topics} topics, over which producers and each group's consumers are dealt"

    @property
    def answered(self) -> bool:
        """Whether each message is a request that gets a reply."""
        return self.pattern is Pattern.REQUEST_REPLY
