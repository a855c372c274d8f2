"""A socket to a server on which writing and reading are apart: commands go out in blocks, replies come when they do.

redis-py opens it; hiredis packs what goes out and parses what comes back.
"""

import select
import ssl
import time
from collections.abc import Mapping, Sequence
from typing import Any

import hiredis

from brokerbench.contract import BadTarget, ConnectionLost, Event

from .address import where
from .opening import ANSWER_S, open_connection

__all__ = ["Link"]

_READ_BYTES = 256 * 1024
_NOT_NOW = (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError)


class Link:
    """Raises BadTarget where it cannot be opened, and ConnectionLost once it is gone."""

    def __init__(self, address: Mapping[str, Any], name: str) -> None:
        self._where = where(address)
        self._connection: Any = open_connection(address, name)
        self._socket: Any = self._connection._sock  # redis-py has no other way to lend it
        self._socket.setblocking(False)
        self._poll = select.poll()
        self._buffer = memoryview(bytearray(_READ_BYTES))
        self._reader = hiredis.Reader()
        self._unsent = memoryview(b"")
        self._lost: str | None = None
        self._closed = False
        self._events: list[Event] = []

    @property
    def usable(self) -> bool:
        return self._lost is None and not self._closed

    @property
    def writing(self) -> bool:
        """Whether the socket has not taken all; tries once more."""
        if self._unsent:
            self._flush()
        return len(self._unsent) > 0

    def check(self) -> None:
        if self._lost is not None:
            raise ConnectionLost(f"{self._where}: {self._lost}")

    def fail(self, text: str) -> None:
        """The first cause is kept."""
        if self.usable:
            self._lost = text
            self._events.append(Event("dropped", f"{self._where}: {text}"))

    def write(self, data: bytes | memoryview) -> None:
        """As much as the socket takes; the rest goes before whatever comes next. A loss is told by `check`."""
        self._unsent = memoryview(bytes(self._unsent) + data) if self._unsent else memoryview(data)
        self._flush()

    def replies(self, timeout_s: float) -> list[Any]:
        """Those that are here, else the first ones to come; [] after `timeout_s`, or when only a part of one came.

        Raises ConnectionLost once all that came before it was given out."""
        found = self._read()
        if not found and self.usable:
            self._poll.register(self._socket, select.POLLIN | (select.POLLOUT if self._unsent else 0))
            self._poll.poll(timeout_s * 1000)
            found = self._read()
        if not found:
            self.check()
        return found

    def call(self, *command: str | bytes | int | float) -> Any:
        """One command and its reply, on a link where nothing else is awaited. Raises BadTarget with its error."""
        self.write(hiredis.pack_command(command))
        end = time.monotonic() + ANSWER_S
        found: list[Any] = []
        while not found:
            found = self.replies(0.1)
            if not found and time.monotonic() > end:
                raise BadTarget(f"{self._where}, asked for {command[0]!s}: no answer in {ANSWER_S:g} s")
        if isinstance(found[0], Exception):
            raise BadTarget(f"{self._where}, asked for {command[0]!s}: {found[0]}")
        return found[0]

    def take_events(self) -> Sequence[Event]:
        events, self._events = self._events, []
        return events

    def close(self) -> None:
        if not self._closed:
            self._closed = True
            self._connection.disconnect()

    def _flush(self) -> None:
        try:
            while self._unsent:
                self._unsent = self._unsent[self._socket.send(self._unsent) :]
        except _NOT_NOW:
            pass
        except OSError as error:
            self.fail(error.strerror or str(error))

    def _read(self) -> list[Any]:
        if self._unsent:
            self._flush()
        try:
            count = self._socket.recv_into(self._buffer)
        except _NOT_NOW:
            return []
        except OSError as error:
            self.fail(error.strerror or str(error))
            return []
        if not count:
            self.fail("the server closed the connection")
            return []
        self._reader.feed(self._buffer, 0, count)
        found: list[Any] = []
        get = self._reader.gets
        while (reply := get()) is not False:
            found.append(reply)
        return found
