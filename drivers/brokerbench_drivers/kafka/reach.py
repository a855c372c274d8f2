"""Whether anybody listens, and with the certificate asked for: both libraries go on trying for as long as they are
let, without saying why."""

import socket
import ssl
from collections.abc import Mapping
from typing import Any

from brokerbench.contract import BadTarget
from brokerbench_drivers._tls import context

__all__ = ["meet", "reach", "unusable"]

_TIMEOUT_S = 15.0  # a broker that is short of CPU answers late, not never


def reach(address: Mapping[str, Any]) -> None:
    """Raises BadTarget unless one of the servers takes a connection."""
    meet(address).close()


def meet(address: Mapping[str, Any]) -> socket.socket:
    """A connection to the first of the servers that takes one. Raises BadTarget."""
    secure = context(address["tls"]) if address.get("tls") else None
    why = "no server named"
    for entry in address["bootstrap"].split(","):
        host, _, port = entry.rpartition(":")
        try:
            return _connected(host.strip("[]"), int(port), secure)
        except ssl.SSLError as error:
            why = f"{error.strerror or error}; does it speak TLS, and are ca= and its host name right"
        except OSError as error:
            why = f"{error.strerror or error}; is it up, and is that its address"
    raise BadTarget(f"Kafka at {address['bootstrap']} cannot be reached: {why}?")


def unusable(address: Mapping[str, Any], why: object) -> BadTarget:
    """Somebody listens, but not to us. Of a listener that speaks TLS, plain clients see no more than its hanging up."""
    hint = "" if address.get("tls") else "; if it speaks TLS, its url begins with kafka+ssl://"
    return BadTarget(f"Kafka at {address['bootstrap']} cannot be used: {why}{hint}")


def _connected(host: str, port: int, secure: ssl.SSLContext | None) -> socket.socket:
    plain = socket.create_connection((host, port), timeout=_TIMEOUT_S)
    if secure is None:
        return plain
    try:
        return secure.wrap_socket(plain, server_hostname=host)
    except BaseException:
        plain.close()
        raise
