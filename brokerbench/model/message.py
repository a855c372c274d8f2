"""What is sent: how large or with what in it, under which keys, and how it is written."""

from typing import Annotated, Any, Literal

from pydantic import Field, SerializerFunctionWrapHandler, model_serializer, model_validator

from .frozen import Frozen
from .headers import Headers, headers_bytes, headers_text
from .keys import Keys
from .order import Codec, Compression, OrderModel
from .payload import read_payload
from .sizes import Sizes
from .tracefile import TraceFile
from .units import STAMP_BYTES, Count, format_size

__all__ = ["CODING", "Found", "Message"]

CODING = ("codec", "model", "compression")  # of an order: in what a candidate's own message may differ
_ORDERS = {"codec": Codec.JSON, "model": OrderModel.LEAN, "compression": Compression.NONE, "lines": 3}
_KINDS = ("size", "payload", "body")


class Found(Frozen):
    """What cannot be known from the words alone. Sizes are those of whole messages, the stamp is in them."""

    mean_bytes: float
    largest_bytes: int
    path: str = ""  # of a payload
    bodies: int = 0


class Message(Frozen):
    """One of size, payload and body says what is in it."""

    size: Sizes | None = None
    payload: str | None = Field(
        default=None, description="bodies of your own, beside the scenario: a file's lines, or a folder's files"
    )
    body: Literal["order"] | None = Field(default=None, description="orders of a shop, written by a codec")
    codec: Codec | None = Field(default=None, description="of an order; json unless said")
    model: OrderModel | None = Field(default=None, description="lean: ids alone; fat: customer and texts ride along")
    compression: Compression | None = Field(default=None, description="of each body alone, by the application")
    lines: Annotated[Count, Field(le=100)] | None = Field(default=None, description="of an order; 3 unless said")
    keys: Keys | None = None
    compressibility: Annotated[float, Field(ge=0, le=0.95)] = Field(
        default=0.0, description="the share of each body that is the same in all: what a compressor saves, about"
    )
    headers: Headers | None = Field(
        default=None, description="of every message, the same on each: a name and a text, at most 32"
    )
    found: Found | None = Field(default=None, json_schema_extra={"found": True})

    @model_validator(mode="before")
    @classmethod
    def _whole(cls, value: Any) -> Any:
        """What is not said of an order; and run folders of before had one size, called so."""
        if not isinstance(value, dict):
            return value
        if value.get("body"):
            value = {**_ORDERS, **{name: each for name, each in value.items() if each is not None}}
        if "size_bytes" in value:
            value = {
                "size": value["size_bytes"],
                **{name: each for name, each in value.items() if name != "size_bytes"},
            }
        return value

    @model_validator(mode="after")
    def _one_kind(self) -> "Message":
        given = [name for name in _KINDS if getattr(self, name) is not None]
        if len(given) != 1:
            found = " and ".join(given) or "none"
            raise ValueError(f"a message has one of {', '.join(_KINDS)}, like {{size: 1KiB}}; found {found}")
        coded = [name for name in _ORDERS if getattr(self, name) is not None]
        if coded and self.body is None:
            raise ValueError(f"{' and '.join(coded)}: only an order is written by a codec: add body: order")
        if self.compressibility and self.size is None:
            raise ValueError("compressibility is of bodies that are made up: use it with size")
        return self

    @model_serializer(mode="wrap")
    def _what_is_said(self, dump: SerializerFunctionWrapHandler) -> dict[str, Any]:
        return {name: value for name, value in dump(self).items() if value is not None and value != 0.0}

    @property
    def content(self) -> "Message":
        """The same, however it is written."""
        return self.model_copy(update={**dict.fromkeys(CODING), "found": None})

    @property
    def trace_columns(self) -> tuple[str, ...]:
        """What is taken from the trace that is replayed."""
        size, keys = self.size.trace if self.size else None, self.keys.trace if self.keys else None
        return tuple(column for column in (size, keys) if column)

    def of_trace(self, read: TraceFile) -> "Message":
        """Knowing the sizes of the trace."""
        if read.sizes is None:
            return self
        return self.knowing([int(size) for size in read.sizes])

    def of_payload(self, path: str) -> "Message":
        """Knowing the bodies that are there. Raises PayloadError, OSError."""
        return self.knowing([STAMP_BYTES + len(body) for body in read_payload(path)], path)

    def knowing(self, sizes: list[int], path: str = "") -> "Message":
        """Sizes of messages, the stamp in them."""
        mean, largest = sum(sizes) / len(sizes), max(sizes)
        found = Found(mean_bytes=mean, largest_bytes=largest, path=path, bodies=len(sizes))
        return self.model_copy(update={"found": found})

    @property
    def equal_bytes(self) -> int | None:
        """The size of each message, where all have the same."""
        return self.size.fixed_bytes if self.size else None

    @property
    def largest_bytes(self) -> int:
        return self._known.largest_bytes

    @property
    def mean_bytes(self) -> float:
        return self._known.mean_bytes

    @property
    def _known(self) -> Found:
        if self.size is not None:
            mean, largest = self.size.mean_bytes, self.size.largest_bytes
            if mean is not None and largest is not None:
                return Found(mean_bytes=mean, largest_bytes=largest)
        if self.found is None:
            raise ValueError("the sizes of these messages are known once a trace, a payload or orders are read")
        return self.found

    @property
    def headers_bytes(self) -> int:
        """Of each message, beside its body: names and values."""
        return headers_bytes(self.headers)

    @property
    def coding(self) -> str:
        """Of an order: `json, lean`, `avro, fat, gzip`."""
        packed = "" if self.compression in (None, Compression.NONE) else f", {self.compression}"
        return f"{self.codec}, {self.model}{packed}"

    @property
    def text(self) -> str:
        """`1 KiB, no keys`."""
        beside = f", {headers_text(self.headers)}" if self.headers else ""
        return f"{self._what}, {self.keys.text if self.keys else 'no keys'}{beside}"

    @property
    def _what(self) -> str:
        found = f" ({format_size(self.found.mean_bytes)} on average)" if self.found and not self.size else ""
        if self.body is not None:
            return f"orders of {self.lines} line{'' if self.lines == 1 else 's'}, {self.coding}{found}"
        if self.payload is not None:
            bodies = f"{self.found.bodies:,} bodies of " if self.found else ""
            return f"{bodies}{self.payload}{found}"
        packed = f", {100 * self.compressibility:g} % of each compressible" if self.compressibility else ""
        return f"{self.size.text if self.size else ''}{packed}"
