"""Who takes part: producers, and groups of consumers that are each owed every message."""

from collections.abc import Mapping
from typing import Annotated

from pydantic import Field

from .frozen import Frozen
from .units import Count

__all__ = ["Group", "Topology"]


class Group(Frozen):
    """A group is owed every message once; its consumers share the work."""

    consumers: Annotated[Count, Field(le=32)] = 1
    prefetch: Annotated[Count, Field(le=65535)] = 500


class Topology(Frozen):
    topics: Annotated[Count, Field(le=1)] = 1
    partitions: Annotated[Count, Field(le=256)] = 1
    producers: Annotated[Count, Field(le=32)] = 1
    groups: Annotated[Mapping[str, Group], Field(min_length=1)] = Field(default_factory=lambda: {"all": Group()})
