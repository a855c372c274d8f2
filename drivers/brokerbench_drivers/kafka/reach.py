"""Whether anybody listens, and with the certificate asked for: both libraries go on trying for as long as they are
let, without saying why."""

import socket
import ssl
from collections.abc import Mapping
from typing import Any

from brokerbench.contract import BadTarget
from brokerbench_drivers._tls import context

__all__ = ["reach", "unusable"]

_TIMEOUT_S = 15.0  # a broker that is short of CPU answers late, not never


def reach(address: Mapping[str, Any]) -> None:
    """Raises BadTarget unless one of the servers takes a connection."""
    secure = context(address["tls"]) if address.get("tls") else None
    why = "no server named"
    for entry in address["bootstrap"].split(","):
        host, _, port = entry.rpartition(":")
        try:
            _meet(host.strip("[]"), int(port), secure)
            return
        except ssl.SSLError as error:
            why = f"{error.strerror or error}; does it speak TLS, and are ca= and its host name right"
        except OSError as error:
            why = f"{error.strerror or error}; is it up, and is that its address"
    raise BadTarget(f"Kafka at {address['bootstrap']} cannot be reached: {why}?")


def unusable(address: Mapping[str, Any], why: object) -> BadTarget:
    """Somebody listens, but not to us. Of a listener that speaks TLS, plain clients see no more than its hanging up."""
    hint = "" if address.get("tls") else "; if it speaks TLS, its url begins with kafka+ssl://"
    return BadTarget(f"Kafka at {address['bootstrap']} cannot be used: {why}{hint}")


def _meet(host: str, port: int, secure: ssl.SSLContext | None) -> None:
    with socket.create_connection((host, port), timeout=_TIMEOUT_S) as plain:
        if secure is not None:
            secure.wrap_socket(plain, server_hostname=host).close()
