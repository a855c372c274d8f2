"""Protocol Buffers (protobuf): binary, field numbers instead of names; both sides know the schema.

The message class is made from a descriptor in code, so nobody needs protoc; it is the very class that generated code
would make. Encoding includes filling the message from the order, as an application has to; decoding ends at the
message, whose fields are read where they lie.
"""

from typing import Any

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

from .order import Order
from .schema import INTEGER, Many, Record

__all__ = ["make"]

_PACKAGE = "brokerbench"
_Field = descriptor_pb2.FieldDescriptorProto


class _Protobuf:
    def __init__(self, message: Any, schema: Record) -> None:
        self._message, self._schema = message, schema
        self.decode = message.FromString

    def encode(self, order: Order) -> bytes:
        data: bytes = self._message(**order).SerializeToString()
        return data

    def plain(self, decoded: Any) -> Order:
        return _plain(decoded, self._schema)


def make(schema: Record) -> _Protobuf:
    file = descriptor_pb2.FileDescriptorProto(name="order.proto", package=_PACKAGE, syntax="proto3")
    _add(file, schema)
    pool = descriptor_pool.DescriptorPool()  # not the process's own: lean and fat orders have the same name
    pool.Add(file)
    return _Protobuf(message_factory.GetMessageClass(pool.FindMessageTypeByName(f"{_PACKAGE}.{schema.name}")), schema)


def _add(file: Any, record: Record) -> None:
    if record.name in {message.name for message in file.message_type}:
        return
    message = file.message_type.add(name=record.name)
    for number, (name, kind) in enumerate(record.fields.items(), 1):
        inner = kind.of if isinstance(kind, Many) else kind
        label = _Field.LABEL_REPEATED if isinstance(kind, Many) else _Field.LABEL_OPTIONAL
        if isinstance(inner, Record):
            type_name = f".{_PACKAGE}.{inner.name}"
            message.field.add(name=name, number=number, label=label, type=_Field.TYPE_MESSAGE, type_name=type_name)
            _add(file, inner)
        else:
            of = _Field.TYPE_INT64 if inner == INTEGER else _Field.TYPE_STRING
            message.field.add(name=name, number=number, label=label, type=of)


def _plain(message: Any, record: Record) -> Order:
    return {name: _value(getattr(message, name), kind) for name, kind in record.fields.items()}


def _value(value: Any, kind: str | Record | Many) -> Any:
    if isinstance(kind, Many):
        return [_plain(each, kind.of) for each in value]
    return _plain(value, kind) if isinstance(kind, Record) else value
