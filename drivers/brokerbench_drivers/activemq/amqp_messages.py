"""AMQP 1.0 messages as proton encodes them: one is encoded whole and lends its head to all that differ in their body.

What comes back has sections that a broker has added, so the body is looked for at the end, where it was put; a message
that looks otherwise is decoded by the library.
"""

from collections.abc import Callable, Mapping
from functools import lru_cache

from proton import Message

__all__ = ["Reader", "head_of"]

_KEYS_KEPT = 65_536
_HEADER = b"\0Sp\xc0"  # a header section with a list of one byte's length: what both brokers send


def head_of(durable: bool, headers: Mapping[str, str]) -> Callable[[int, str | None], bytes]:
    """What stands before the body, by its size and the message's key."""

    @lru_cache(_KEYS_KEPT)
    def head(size_bytes: int, key: str | None) -> bytes:
        return _encoded(size_bytes, durable, key, headers)

    return head


def _encoded(size_bytes: int, durable: bool, key: str | None, headers: Mapping[str, str]) -> bytes:
    message = Message(body=bytes(size_bytes), durable=durable, inferred=True)  # inferred: bytes become a data section
    if key is not None:
        message.group_id = key
    if headers:
        message.properties = dict(headers)
    encoded = bytes(message.encode())
    return encoded[:-size_bytes] if size_bytes else encoded


class Reader:
    """For messages that are mostly of one size."""

    def __init__(self, size_bytes: int) -> None:
        self._size = size_bytes
        before = _encoded(size_bytes, False, None, {})
        self._before = before[before.index(b"\0Su") :]  # the data section's head
        self._message = Message()
        self._headers: dict[bytes, bool] = {}

    def payload(self, encoded: bytes) -> bytes:
        at = len(encoded) - self._size
        if encoded[at - len(self._before) : at] == self._before:
            return encoded[at:]
        self._message.decode(encoded)
        return bytes(self._message.body)

    def came_before(self, encoded: bytes) -> bool:
        """Whether its header says that it was delivered before: there are few headers, each is decoded once."""
        if encoded[:4] != _HEADER:
            return self._decoded(encoded)
        header = encoded[: 5 + encoded[4]]
        found = self._headers.get(header)
        if found is None:
            found = self._headers[header] = self._decoded(encoded)
        return found

    def _decoded(self, encoded: bytes) -> bool:
        self._message.decode(encoded)
        return bool(self._message.delivery_count)
