"""CBOR (cbor2): binary, field names in every message, no schema."""

from typing import Any

import cbor2

from .order import Order
from .schema import Record

__all__ = ["make"]


class _Cbor:
    def encode(self, order: Order) -> bytes:
        return cbor2.dumps(order)

    def decode(self, data: bytes) -> Any:
        return cbor2.loads(data)

    def plain(self, decoded: Any) -> Order:
        return dict(decoded)


def make(_: Record) -> _Cbor:
    return _Cbor()
