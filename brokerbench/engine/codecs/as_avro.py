"""Avro (fastavro, schemaless): binary, values alone in the schema's order; both sides know the schema.

No registry: Confluent's wire format would add 5 bytes (a magic byte and the schema's id) and a look-up for each schema.
"""

import io
from typing import Any

from fastavro import parse_schema, schemaless_reader, schemaless_writer

from .order import Order
from .schema import INTEGER, Many, Record

__all__ = ["make"]


class _Avro:
    def __init__(self, schema: Any) -> None:
        self._schema = schema

    def encode(self, order: Order) -> bytes:
        out = io.BytesIO()
        schemaless_writer(out, self._schema, order)
        return out.getvalue()

    def decode(self, data: bytes) -> Any:
        return schemaless_reader(io.BytesIO(data), self._schema, None)

    def plain(self, decoded: Any) -> Order:
        return dict(decoded)


def make(schema: Record) -> _Avro:
    return _Avro(parse_schema(_avro(schema, set())))


def _avro(kind: str | Record | Many, told: set[str]) -> Any:
    """Avro wants a named type spelt out once, and its name after that."""
    if isinstance(kind, Many):
        return {"type": "array", "items": _avro(kind.of, told)}
    if not isinstance(kind, Record):
        return "long" if kind == INTEGER else "string"
    if kind.name in told:
        return kind.name
    told.add(kind.name)
    fields = [{"name": name, "type": _avro(each, told)} for name, each in kind.fields.items()]
    return {"type": "record", "name": kind.name, "fields": fields}
