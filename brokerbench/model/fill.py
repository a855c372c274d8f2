"""How much is to be waiting before a backlog is drained."""

from typing import Annotated, Any

from pydantic import Field, model_validator

from .frozen import Frozen
from .units import Count, size_bytes, unless_base

__all__ = ["Fill"]


class Fill(Frozen):
    """`100k` messages, or `{bytes: 100MiB}`."""

    shorthand = "messages"

    messages: Annotated[Count, Field(le=100_000_000)] | None = Field(default=None, description="so many")
    bytes: Annotated[int, unless_base(size_bytes), Field(ge=16, le=64 * 2**30)] | None = Field(
        default=None, description="so many messages as make this, by their mean size"
    )

    @model_validator(mode="before")
    @classmethod
    def _of_one_value(cls, value: Any) -> Any:
        return value if isinstance(value, dict) else {"messages": value}

    @model_validator(mode="after")
    def _one_of_them(self) -> "Fill":
        if (self.messages is None) == (self.bytes is None):
            raise ValueError("a backlog is filled to messages or to bytes, like fill: 100k, or fill: {bytes: 100MiB}")
        return self

    def count(self, mean_bytes: float) -> int:
        """In messages of this mean size."""
        return self.messages if self.messages is not None else max(1, round((self.bytes or 0) / mean_bytes))

    @property
    def text(self) -> str:
        return f"{self.messages:,} messages" if self.messages is not None else f"{(self.bytes or 0) / 2**20:,.4g} MiB"
