"""Canned messages as a block of ready frames, in which only the delivery tags change."""

import numpy as np
from pamqp.body import ContentBody
from pamqp.commands import Basic
from pamqp.frame import marshal
from pamqp.header import ContentHeader

__all__ = ["FRAME_MAX", "Deliveries", "Window"]

FRAME_MAX = 131_072  # what RabbitMQ proposes
BODY_MAX = FRAME_MAX - 8
BLOCK_BYTES = 128 * 1024  # handed to the socket at a time
TAG_AT = 7 + 4 + 1  # in a basic.deliver: frame header, class and method, length of the consumer tag


class Window:
    """What a consumer has been sent and has not settled; tags count from 1."""

    def __init__(self, prefetch: int | None) -> None:
        self._prefetch = prefetch  # None: no limit
        self._low = 0  # all up to it are settled
        self._ahead: set[int] = set()  # settled, though not all before them are
        self.sent = 0

    def room(self, most: int) -> int:
        if self._prefetch is None:
            return most
        return min(most, self._prefetch - (self.sent - self._low - len(self._ahead)))

    def settle(self, tag: int, multiple: bool) -> None:
        """A basic.ack, nack or reject; tag 0 with `multiple` means all."""
        if multiple:
            self._low = max(self._low, tag or self.sent)
            self._ahead = {ahead for ahead in self._ahead if ahead > self._low}
        elif tag > self._low:
            self._ahead.add(tag)
        while self._low + 1 in self._ahead:
            self._low += 1
            self._ahead.discard(self._low)


class Deliveries:
    """The messages of one consumer, the same ones again and again."""

    def __init__(self, channel: int, asked: Basic.Consume, tag: str, canned: bytes, size_bytes: int) -> None:
        deliver = Basic.Deliver(tag, 0, False, "", asked.queue)
        properties = Basic.Properties(delivery_mode=1)
        head = marshal(deliver, channel) + marshal(ContentHeader(0, size_bytes, properties), channel)
        chunks = range(0, size_bytes, BODY_MAX)
        bodies = [marshal(ContentBody(bytes(min(BODY_MAX, size_bytes - at))), channel) for at in chunks]
        template = np.frombuffer(head + b"".join(bodies), np.uint8)
        messages = np.frombuffer(canned, np.uint8).reshape(-1, size_bytes)
        # A short file is repeated, so that one hand-over to the socket still carries a block of them.
        copies = -(-BLOCK_BYTES // (len(messages) * len(template)))
        messages = np.tile(messages, (copies, 1))
        self._rows = np.tile(template, (len(messages), 1))
        to = len(head)
        for at, frame in zip(chunks, bodies, strict=True):
            body = messages[:, at : at + BODY_MAX]
            self._rows[:, to + 7 : to + 7 + body.shape[1]] = body
            to += len(frame)
        tags_at = TAG_AT + len(tag.encode())
        self._tags = self._rows[:, tags_at : tags_at + 8]
        self._most = max(1, BLOCK_BYTES // len(template))
        self._next = 0

    def take(self, window: Window) -> memoryview | None:
        """The next block, valid until the call after it; None while the window is full."""
        first = self._next
        count = window.room(min(self._most, len(self._rows) - first))
        if count <= 0:
            return None
        tags = np.arange(window.sent + 1, window.sent + count + 1, dtype=">u8")
        self._tags[first : first + count] = tags.view(np.uint8).reshape(count, 8)
        window.sent += count
        self._next = (first + count) % len(self._rows)
        return self._rows[first : first + count].data.cast("B")
