"""What is changed of amqpstorm so that a batch never waits: its socket, its channels, its closing.

Its `basic.publish` waits for each confirm, and its socket writes until all is written: for ever, on a connection that
the broker has blocked and no longer reads. Here what the socket does not take is kept, and frames that answer or
deliver go straight to who waits for them. Everything else is amqpstorm's own: its reading thread, frames, heartbeats.
"""

import socket
import ssl
import threading
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from typing import Any

from amqpstorm import AMQPConnectionError, Channel, Connection
from amqpstorm.io import IO

__all__ = ["CLOSE_S", "Tap", "UnwaitingConnection"]

RPC_S = 15  # a node that has just started answers slowly, not never
CLOSE_S = 5.0
HEARTBEAT_S = 60
CONNECT_S = 15.0  # a broker that is short of CPU answers late, not never

Tap = Callable[[Any], bool]
Ended = Callable[[Sequence[Exception]], object]


class UnwaitingConnection(Connection):  # type: ignore[misc]  # the library is read as untyped
    """Raises amqpstorm's AMQPError."""

    def __init__(self, address: Mapping[str, Any], name: str, tls: ssl.SSLContext | None, ended: Ended) -> None:
        super().__init__(
            address["host"],
            address["user"],
            address["password"],
            address["port"],
            virtual_host=address["vhost"],
            heartbeat=HEARTBEAT_S,
            timeout=CONNECT_S,
            client_properties={"connection_name": name},
            ssl=tls is not None,
            ssl_options={"context": tls},
            lazy=True,
        )
        self._io = self._socket = _Io(self, ended)
        self.open()

    def tapped(self, tap: Tap) -> Channel:
        """An open channel; `tap` sees each of its frames first, on the reading thread, and says whether it took it."""
        with self.lock:
            number = self._get_next_available_channel_id()
            channel = self._channels[number] = _Tapped(number, self, tap)
            channel.open()
        return channel

    def flush(self) -> bool:
        return self._socket.flush()

    def check_for_errors(self) -> None:
        self._socket.flush()  # amqpstorm asks this while it waits for an answer
        super().check_for_errors()

    def _wait_for_connection_state(self, state: int = Connection.OPEN, rpc_timeout: float = RPC_S) -> None:
        super()._wait_for_connection_state(state, CLOSE_S if state == self.CLOSED else rpc_timeout)


class _Tapped(Channel):  # type: ignore[misc]
    def __init__(self, number: int, connection: Connection, tap: Tap) -> None:
        super().__init__(number, connection, RPC_S)
        self._tap = tap

    def on_frame(self, frame_in: Any) -> None:
        if not self._tap(frame_in):
            super().on_frame(frame_in)


class _Io(IO):  # type: ignore[misc]
    def __init__(self, connection: UnwaitingConnection, ended: Ended) -> None:
        super().__init__(connection.parameters, on_read_impl=connection._read_buffer)
        self._connection = connection
        self._unsent: deque[memoryview] = deque()
        self._ended = ended
        # One lock for both ways: OpenSSL allows no reading beside writing.
        self._wr_lock = self._rd_lock = threading.RLock()

    def open(self) -> None:
        self._exceptions = self._connection.exceptions  # `Connection.open` has begun a new list, and looks only there
        super().open()
        assert self.socket is not None
        # amqpstorm lets small writes wait for the acknowledgement of those before: 40 ms at times, not the broker's.
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.socket.setblocking(False)

    def write_to_socket(self, frame_data: bytes) -> None:
        with self._wr_lock:
            self._unsent.append(memoryview(frame_data))
            self.flush()

    def flush(self) -> bool:
        """Whether all is written."""
        if not self._unsent:
            return True
        with self._wr_lock:
            try:
                self._send()
            except (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError):
                pass
            except OSError as error:
                self._exceptions.append(AMQPConnectionError(error))
                self._unsent.clear()
        return not self._unsent

    def _send(self) -> None:
        while self._unsent:
            if self.socket is None:
                raise OSError("the connection is closed")
            first = self._unsent[0]
            sent = self.socket.send(first)
            if sent == len(first):
                self._unsent.popleft()
            else:
                self._unsent[0] = first[sent:]

    def _process_incoming_data(self) -> None:
        super()._process_incoming_data()
        self._ended(self._exceptions)

    def _close_socket(self) -> None:
        """Without TLS's goodbye, which would wait; AMQP has said its own."""
        if self.socket is not None:
            with suppress(OSError):
                self.socket.shutdown(socket.SHUT_RDWR)
            self.socket.close()
