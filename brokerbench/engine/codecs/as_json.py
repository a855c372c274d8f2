"""JSON (orjson): text, field names in every message, no schema."""

from typing import Any

import orjson

from .order import Order
from .schema import Record

__all__ = ["make"]


class _Json:
    def encode(self, order: Order) -> bytes:
        return orjson.dumps(order)

    def decode(self, data: bytes) -> Any:
        return orjson.loads(data)

    def plain(self, decoded: Any) -> Order:
        return dict(decoded)


def make(_: Record) -> _Json:
    return _Json()
