"""stomp.py's transport with two changes: it connects as our addresses say, and sending never waits.

The library's own send waits where the broker reads slowly, and the engine must not. With TLS the library's thread
writes, since an SSL object must not be read and written at the same time; without, who sends writes what the socket
takes, and the rest with the next call.
"""

import selectors
import socket
import ssl
import threading
from collections import deque
from collections.abc import Mapping
from typing import Any

from stomp.connect import BaseConnection
from stomp.exception import NotConnectedException
from stomp.protocol import Protocol12
from stomp.transport import Transport
from stomp.utils import PollableQueue

from brokerbench.contract import BadTarget
from brokerbench_drivers._tls import context

from .address import where

__all__ = ["CONNECT_S", "Stomp", "Wire"]

CONNECT_S = 15.0  # a broker that is short of CPU answers late, not never
_READ_BYTES = 256 * 1024
_HEARTBEAT_MS = 10_000


class Wire(Transport):  # type: ignore[misc]  # stomp.py ships no types
    def __init__(self, address: Mapping[str, Any]) -> None:
        super().__init__([(address["host"], address["port"])], auto_decode=False, recv_bytes=_READ_BYTES)
        self._address = address
        self.broken = ""  # what reading ended with, which stomp.py keeps to itself
        self._sending = threading.Lock()
        self._unsent: deque[memoryview] = deque()

    def attempt_connection(self) -> None:
        """Raises BadTarget."""
        host, port, tls = (self._address.get(key) for key in ("host", "port", "tls"))
        made: socket.socket | None = None
        try:
            made = socket.create_connection((host, port), CONNECT_S)
            made.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            if tls:
                made = context(tls).wrap_socket(made, server_hostname=host)
        except OSError as error:
            if made is not None:
                made.close()
            what = "TLS with " if isinstance(error, ssl.SSLError) else ""
            raise BadTarget(f"no ActiveMQ can be used at {where(self._address)}: {what}{error}") from error
        self.blocking = not tls
        made.setblocking(self.blocking)
        if tls:
            self.send_queue = _SendQueue()
            self.sel = selectors.DefaultSelector()
            self.sel.register(self.send_queue, selectors.EVENT_READ)
            self.sel.register(made, selectors.EVENT_READ)
        self.socket = made
        self.current_host_and_port = (host, port)

    def receive(self) -> bytes | None:
        """stomp.py would ask an ended TLS connection again and again: not blocking, it takes nothing for not yet."""
        try:
            data: bytes | None = super().receive()
        except (ssl.SSLWantReadError, ssl.SSLWantWriteError):
            raise
        except OSError as error:
            self.broken = str(error)
            self.running = False
            raise
        if data == b"":
            self.running = False
        return data

    def transmit(self, frame: Any) -> None:
        """stomp.py's thread takes the queue away at any moment, the connection having ended."""
        try:
            super().transmit(frame)
        except AttributeError as error:
            if not self._address.get("tls") or self.send_queue is not None:
                raise
            raise NotConnectedException from error

    def put(self, frames: bytes) -> None:
        """Whole frames, as one piece. Raises NotConnectedException, OSError."""
        queue = self.send_queue
        if queue is not None:
            queue.put(frames)
        else:
            self.send(frames)

    def send(self, encoded_frame: bytes) -> None:
        with self._sending:
            self._unsent.append(memoryview(encoded_frame))
            self._write()

    def behind(self) -> bool:
        """Whether something waits for the socket; writes what it takes now. Raises as `put`."""
        queue = self.send_queue
        if queue is not None:
            return bool(queue.qsize())
        if self._unsent:
            with self._sending:
                self._write()
        return bool(self._unsent)

    def _write(self) -> None:
        wire = self.socket
        # With TLS stomp.py's thread writes; who comes here all the same found its queue closed: it is being ended.
        if wire is None or isinstance(wire, ssl.SSLSocket):
            raise NotConnectedException
        unsent = self._unsent
        while unsent:
            first = unsent[0]
            try:
                sent = wire.send(first, socket.MSG_DONTWAIT)
            except BlockingIOError:
                return
            if sent == len(first):
                unsent.popleft()
            else:
                unsent[0] = first[sent:]


class _SendQueue(PollableQueue):  # type: ignore[misc]  # as above
    def put(self, item: bytes) -> None:
        """stomp.py's thread may close it at any moment, the connection having ended."""
        try:
            super().put(item)
        except OSError as error:
            raise NotConnectedException from error


class Stomp(BaseConnection, Protocol12):  # type: ignore[misc]  # as above
    """stomp.py's connection of STOMP 1.2, on a Wire."""

    def __init__(self, wire: Wire) -> None:
        BaseConnection.__init__(self, wire)
        Protocol12.__init__(self, wire, (_HEARTBEAT_MS, _HEARTBEAT_MS), auto_content_length=False)

    def disconnect(self, receipt: str) -> None:
        """BaseConnection's own does nothing."""
        Protocol12.disconnect(self, receipt)
