"""A codec and a compression as one value: order -> bytes on the wire (after the stamp), and back."""

import importlib
import importlib.util
from dataclasses import dataclass
from typing import Any, Protocol

from brokerbench.model import Codec, Compression, OrderModel

from .compression import Packer, packer
from .order import Order
from .schema import SCHEMAS, Record

__all__ = ["Coder", "Coding", "coding", "missing_library"]

# Module of ours, and the library it needs; imported late.
_CODECS = {
    Codec.JSON: ("as_json", "orjson"),
    Codec.MSGPACK: ("as_msgpack", "msgspec"),
    Codec.PROTOBUF: ("as_protobuf", "google.protobuf"),
    Codec.AVRO: ("as_avro", "fastavro"),
    Codec.CBOR: ("as_cbor", "cbor2"),
}
_PACKERS = {Compression.LZ4: "lz4", Compression.ZSTD: "zstandard"}


class Coder(Protocol):
    def encode(self, order: Order, /) -> bytes: ...
    def decode(self, data: bytes, /) -> Any:
        """The library's own object: what an application reads fields from."""

    def plain(self, decoded: Any, /) -> Order:
        """That as an order again; not part of what is timed."""


@dataclass(frozen=True)
class Coding:
    coder: Coder
    packer: Packer | None

    def body(self, order: Order) -> bytes:
        data = self.coder.encode(order)
        return self.packer.pack(data) if self.packer else data

    def order(self, body: bytes) -> Order:
        return self.coder.plain(self.coder.decode(self.packer.unpack(body) if self.packer else body))


def coding(codec: Codec, compression: Compression, model: OrderModel) -> Coding:
    """Raises ImportError where a library is missing: ask `missing_library` first."""
    module: Any = importlib.import_module(f".{_CODECS[codec][0]}", __package__)
    schema: Record = SCHEMAS[model]
    return Coding(module.make(schema), packer(compression))


def missing_library(codec: Codec, compression: Compression) -> str | None:
    """Why these cannot be used here, and the line that changes it."""
    wanted = {str(codec): _CODECS[codec][1], str(compression): _PACKERS.get(compression, "")}
    for name, library in wanted.items():
        if library and not _there(library):
            return f"the library of {name} ({library}) is not installed: pip install 'brokerbench[codecs]'"
    return None


def _there(library: str) -> bool:
    try:
        return importlib.util.find_spec(library) is not None
    except ModuleNotFoundError:  # the package above it is missing
        return False
