"""Messages between coordinator and child: JSON lines over a socket pair. An end of file: the other side is gone."""

import json
import select
import socket
from typing import Any, Protocol

__all__ = ["Channel", "ChannelClosed", "Line"]


class ChannelClosed(Exception):
    """The other side is gone."""


class Line(Protocol):
    """What both sides need of it. Its calls raise ChannelClosed."""

    def send(self, message: dict[str, Any]) -> None: ...

    def poll(self, timeout_s: float = 0.0) -> list[dict[str, Any]]:
        """Messages that are there; waits up to `timeout_s` for the first."""

    def close(self) -> None: ...


class Channel:
    """Implements Line."""

    def __init__(self, sock: socket.socket) -> None:
        self.sock = sock
        self._rest = b""

    def fileno(self) -> int:
        return self.sock.fileno()

    def send(self, message: dict[str, Any]) -> None:
        try:
            self.sock.sendall(json.dumps(message, separators=(",", ":")).encode() + b"\n")
        except OSError as error:
            raise ChannelClosed from error

    def poll(self, timeout_s: float = 0.0) -> list[dict[str, Any]]:
        messages: list[dict[str, Any]] = []
        while select.select([self.sock], [], [], 0 if messages else timeout_s)[0]:
            try:
                data = self.sock.recv(1 << 18)
            except OSError as error:
                raise ChannelClosed from error
            if not data:
                if messages:
                    return messages  # the end of file is seen again by the next call
                raise ChannelClosed
            *lines, self._rest = (self._rest + data).split(b"\n")
            messages += [json.loads(line) for line in lines]
        return messages

    def close(self) -> None:
        self.sock.close()
