"""What is sent: sizes and keys."""

from typing import Annotated

from pydantic import Field

from .frozen import Frozen
from .units import Count, Size

__all__ = ["STAMP_BYTES", "Keys", "Message"]

STAMP_BYTES = 16


class Keys(Frozen):
    """Uniform over `cardinality` distinct keys."""

    cardinality: Annotated[Count, Field(le=1_000_000)]


class Message(Frozen):
    size_bytes: Size = Field(alias="size")
    keys: Keys | None = None
