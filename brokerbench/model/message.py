"""What is sent: how large, under which keys, and how well it can be compressed."""

from typing import Annotated, Any

from pydantic import Field, SerializerFunctionWrapHandler, model_serializer, model_validator

from .frozen import Frozen
from .keys import Keys
from .sizes import Sizes
from .tracefile import TraceFile

__all__ = ["Found", "Message"]


class Found(Frozen):
    """What cannot be known from the words alone."""

    mean_bytes: float
    largest_bytes: int


class Message(Frozen):
    size: Sizes
    keys: Keys | None = None
    compressibility: Annotated[float, Field(ge=0, le=0.95)] = Field(
        default=0.0, description="the share of each body that is the same in all: what a compressor saves, about"
    )
    found: Found | None = Field(default=None, json_schema_extra={"found": True})

    @model_validator(mode="before")
    @classmethod
    def _as_it_was_called(cls, value: Any) -> Any:
        """Run folders of before had one size, called so."""
        if isinstance(value, dict) and "size_bytes" in value:
            return {"size": value["size_bytes"], **{name: each for name, each in value.items() if name != "size_bytes"}}
        return value

    @model_serializer(mode="wrap")
    def _what_is_said(self, dump: SerializerFunctionWrapHandler) -> dict[str, Any]:
        return {name: value for name, value in dump(self).items() if value is not None and value != 0.0}

    @property
    def trace_columns(self) -> tuple[str, ...]:
        """What is taken from the trace that is replayed."""
        keys = self.keys.trace if self.keys else None
        return tuple(column for column in (self.size.trace, keys) if column)

    def of_trace(self, read: TraceFile) -> "Message":
        """Knowing the sizes of the trace."""
        if read.sizes is None:
            return self
        found = Found(mean_bytes=float(read.sizes.mean()), largest_bytes=int(read.sizes.max()))
        return self.model_copy(update={"found": found})

    @property
    def equal_bytes(self) -> int | None:
        """The size of each message, where all have the same."""
        return self.size.fixed_bytes

    @property
    def largest_bytes(self) -> int:
        return self._known.largest_bytes

    @property
    def mean_bytes(self) -> float:
        return self._known.mean_bytes

    @property
    def _known(self) -> Found:
        mean, largest = self.size.mean_bytes, self.size.largest_bytes
        if mean is not None and largest is not None:
            return Found(mean_bytes=mean, largest_bytes=largest)
        if self.found is None:
            raise ValueError("the sizes of a trace are known once it is read")
        return self.found

    @property
    def text(self) -> str:
        """`1 KiB, no keys`."""
        packed = f", {100 * self.compressibility:g} % of each compressible" if self.compressibility else ""
        return f"{self.size.text}{packed}, {self.keys.text if self.keys else 'no keys'}"
