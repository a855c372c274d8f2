"""A trace in a scenario: messages that were recorded elsewhere, to be sent at the times they had there."""

from collections.abc import Collection
from typing import Annotated, Any

from pydantic import Field, model_validator

from .frozen import Frozen
from .tracefile import TraceFile, read_trace
from .units import format_duration

__all__ = ["Trace"]


class Trace(Frozen):
    """`orders.csv`, or `{file: orders.csv, speed: 10}`. What `found` reads out of the file is kept in a dump too."""

    shorthand = "file"

    file: str = Field(description="CSV or parquet, beside the scenario: time (seconds, or ISO 8601), size, key")
    speed: Annotated[float, Field(ge=0.001, le=1000)] = Field(default=1.0, description="10: ten times as fast")
    path: str = Field(default="", json_schema_extra={"found": True})
    messages: int = Field(default=0, json_schema_extra={"found": True})
    length_s: float = Field(default=0.0, json_schema_extra={"found": True})  # of the window: all of them are in it
    unused: tuple[str, ...] = Field(default=(), json_schema_extra={"found": True})  # columns

    @model_validator(mode="before")
    @classmethod
    def _of_one_word(cls, value: Any) -> Any:
        return {"file": value} if isinstance(value, str) else value

    def read(self, path: str, used: Collection[str] = ()) -> TraceFile:
        """`used`: of its columns size and key. Raises TraceError, OSError."""
        return read_trace(path, self.speed, used)

    def found(self, path: str, used: Collection[str] = ()) -> "Trace":
        """With what the file holds. Raises TraceError, OSError."""
        read = self.read(path, used)
        update = {"path": path, "messages": len(read.times_ns), "length_s": read.length_s, "unused": read.unused}
        return self.model_copy(update=update)

    def cut(self, most_s: float) -> "Trace":
        """Its first seconds. Raises TraceError, OSError."""
        if self.length_s <= most_s:
            return self
        messages = int((read_trace(self.path, self.speed).times_ns < most_s * 1e9).sum())
        return self.model_copy(update={"messages": messages, "length_s": most_s})

    @property
    def text(self) -> str:
        """`orders.csv, 1,200 messages in 60 s (10 times as fast)`."""
        fast = "" if self.speed == 1 else f" ({self.speed:g} times as fast)"
        unused = f"; its {' and '.join(self.unused)} not used" if self.unused else ""
        return f"{self.file}, {self.messages:,} messages in {format_duration(self.length_s)}{fast}{unused}"
