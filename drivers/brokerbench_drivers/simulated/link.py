"""Reaching the server: connect, ask, take leave."""

import socket
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from brokerbench.contract import BadTarget, ConnectionLost

from .protocol import Wire

__all__ = ["ask", "leave", "reach"]

_ANSWER_S = 15.0
_LEAVE_S = 5.0


def reach(address: Mapping[str, Any]) -> Wire:
    """Raises BadTarget."""
    host, port = address["host"], address["port"]
    try:
        return Wire(socket.create_connection((host, port), timeout=_ANSWER_S))
    except OSError as error:
        raise BadTarget(f"no simulated broker at {host}:{port}: {error.strerror or error}") from error


def ask(wire: Wire, **words: Any) -> dict[str, Any]:
    """The answer. Raises BadTarget where it is a refusal, ConnectionLost."""
    found = wire.ask(words, _ANSWER_S)
    if "error" in found:
        raise BadTarget(str(found["error"]))
    return found


def leave(wire: Wire) -> None:
    """All that was sent has come when this returns: a socket closed with something unread would cut it off."""
    if wire.fileno() >= 0:
        with suppress(ConnectionLost):
            wire.ask({"do": "leave"}, _LEAVE_S)
        wire.close()
