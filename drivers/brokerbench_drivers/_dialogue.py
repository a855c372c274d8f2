"""For stand-ins that speak a binary protocol: one connection's loop around a dialogue that does no I/O.

While anything is unsent nothing is read, so what is held is bounded by what one read can ask for.
"""

import select
import socket
import sys
from collections import deque
from collections.abc import Callable, Sequence
from functools import partial
from typing import NoReturn, Protocol

from ._forking import serve_each

__all__ = ["Dialogue", "Unspoken", "listens", "serve"]

READ_BYTES = 256 * 1024
LARGEST_BYTES = 128 * 2**20  # of one message or request


class Unspoken(Exception):
    """The client said what this stand-in does not understand; its connection is closed."""


class Dialogue(Protocol):
    """One connection's side of a protocol."""

    def feed(self, data: memoryview) -> int:
        """Answer what is whole at the front of `data`, valid only during the call; returns how many bytes that was.
        Raises Unspoken."""

    def output(self) -> Sequence[bytes | bytearray | memoryview]:
        """What to send next. Called when all before it was sent; empty: nothing until more is fed."""


def listens(port: int) -> bool:
    socket.create_connection(("127.0.0.1", port), timeout=1.0).close()
    return True


def serve(port: int, meet: Callable[[], Dialogue]) -> NoReturn:
    """Talk with whoever connects, each in a dialogue and a process of its own."""
    serve_each(socket.create_server(("127.0.0.1", port)), partial(_converse, meet))


def _converse(meet: Callable[[], Dialogue], client: socket.socket) -> None:
    """Until the client leaves."""
    client.setblocking(False)
    talk = _Talk(client, meet())
    try:
        while talk.turn():
            pass
    except Unspoken as error:
        print(f"closed a connection: {error}", file=sys.stderr, flush=True)


class _Talk:
    def __init__(self, client: socket.socket, dialogue: Dialogue) -> None:
        self._socket, self._dialogue = client, dialogue
        self._inbox = memoryview(bytearray(READ_BYTES))
        self._filled = 0
        self._unsent: deque[memoryview] = deque()

    def turn(self) -> bool:
        """Send, then read and answer; waits where the socket has nothing for us. False once the client has left."""
        if not self._flushed():
            select.select((), (self._socket,), ())
            return True
        try:
            count = self._socket.recv_into(self._inbox[self._filled :])
        except BlockingIOError:
            pass
        else:
            if not count:
                return False
            self._heard(count)
        self._unsent.extend(map(memoryview, self._dialogue.output()))
        if not self._unsent:
            select.select((self._socket,), (), ())
        return True

    def _flushed(self) -> bool:
        while self._unsent:
            first = self._unsent[0]
            try:
                sent = self._socket.send(first)
            except BlockingIOError:
                return False
            if sent == len(first):
                self._unsent.popleft()
            else:
                self._unsent[0] = first[sent:]
        return True

    def _heard(self, count: int) -> None:
        self._filled += count
        used = self._dialogue.feed(self._inbox[: self._filled])
        if used:
            self._inbox[: self._filled - used] = self._inbox[used : self._filled]
            self._filled -= used
        elif self._filled == len(self._inbox):
            self._grow()

    def _grow(self) -> None:
        if self._filled >= LARGEST_BYTES:
            raise Unspoken(f"a request of more than {LARGEST_BYTES} bytes")
        larger = memoryview(bytearray(2 * self._filled))
        larger[: self._filled] = self._inbox
        self._inbox = larger
