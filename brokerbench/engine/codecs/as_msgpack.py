"""MessagePack (msgspec): binary, field names in every message, no schema."""

from typing import Any

import msgspec

from .order import Order
from .schema import Record

__all__ = ["make"]


class _MessagePack:
    def __init__(self) -> None:
        # Kept, as an application would: the module's functions make a coder for each message.
        self.encode = msgspec.msgpack.Encoder().encode
        self.decode = msgspec.msgpack.Decoder().decode

    def plain(self, decoded: Any) -> Order:
        return dict(decoded)


def make(_: Record) -> _MessagePack:
    return _MessagePack()
