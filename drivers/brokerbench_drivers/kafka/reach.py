"""Whether anybody listens at all: both libraries go on trying for as long as they are let, without saying why."""

import socket
from collections.abc import Mapping
from typing import Any

from brokerbench.contract import BadTarget

__all__ = ["reach"]

_TIMEOUT_S = 5.0


def reach(address: Mapping[str, Any]) -> None:
    """Raises BadTarget unless one of the servers takes a connection."""
    why = "no server named"
    for entry in address["bootstrap"].split(","):
        host, _, port = entry.rpartition(":")
        try:
            with socket.create_connection((host.strip("[]"), int(port)), timeout=_TIMEOUT_S):
                return
        except OSError as error:
            why = error.strerror or str(error)
    raise BadTarget(f"Kafka at {address['bootstrap']} does not answer: {why}; is it up, and is that its address?")
