"""A socket below proton's protocol engine, which does no I/O of its own: moved only from inside our own calls."""

import select
import socket
import ssl
import time
from collections.abc import Mapping
from typing import Any

from proton import Transport

from brokerbench.contract import BadTarget
from brokerbench_drivers._tls import context

__all__ = ["Wire", "where"]

CONNECT_S = 15.0  # a broker that is short of CPU answers late, not never
_READ_BYTES = 256 * 1024
_NOT_YET = (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError)


def where(address: Mapping[str, Any]) -> str:
    """For error lines; never the password."""
    return f"{'amqps' if address.get('tls') else 'amqp'}://{address['host']}:{port_of(address)}"


def port_of(address: Mapping[str, Any]) -> int:
    """Artemis speaks both protocols at one port, Classic has one for each."""
    return int(address.get("amqp_port") or address["port"])


class Wire:
    """Raises OSError once the other side is gone."""

    def __init__(self, address: Mapping[str, Any], transport: Transport) -> None:
        """Raises BadTarget."""
        self._transport = transport
        host, tls = address["host"], address.get("tls")
        made: socket.socket | None = None
        try:
            made = socket.create_connection((host, port_of(address)), CONNECT_S)
            made.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            if tls:  # ours, not proton's: the host name is always verified, the files are those of every driver
                made = context(tls).wrap_socket(made, server_hostname=host)
        except OSError as error:
            if made is not None:
                made.close()
            what = "TLS with " if isinstance(error, ssl.SSLError) else ""
            raise BadTarget(f"no ActiveMQ can be used at {where(address)}: {what}{error}") from error
        made.setblocking(False)
        self._socket = made

    @property
    def behind(self) -> bool:
        """Whether something waits for the socket."""
        return bool(self._transport.pending() > 0)

    def move(self, timeout_s: float) -> None:
        """One round of output and input; waits for either up to `timeout_s`."""
        self.write()
        waits = (self._socket,) if self.behind else ()
        if timeout_s > 0:
            select.select((self._socket,), waits, (), timeout_s)
        self._read()
        # Heartbeats are the library's, by the clock it is given; nothing is measured with it.
        self._transport.tick(time.monotonic())
        self.write()

    def write(self) -> None:
        """What the socket takes."""
        transport = self._transport
        while (pending := transport.pending()) > 0:
            try:
                sent = self._socket.send(transport.peek(pending))
            except _NOT_YET:
                return
            transport.pop(sent)

    def _read(self) -> None:
        transport = self._transport
        while (room := transport.capacity()) > 0:
            try:
                data = self._socket.recv(min(room, _READ_BYTES))
            except _NOT_YET:
                return
            if not data:
                transport.close_tail()
                raise ConnectionResetError("closed by the server")
            transport.push(data)

    def close(self) -> None:
        self._socket.close()
