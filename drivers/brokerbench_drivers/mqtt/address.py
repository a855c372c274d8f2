"""`mqtt://user:password@host:port`, or `mqtts://` with `?ca=FILE&cert=FILE&key=FILE`."""

from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from brokerbench_drivers._tls import tls_of

__all__ = ["parse"]

_PORTS = {"mqtt": 1883, "mqtts": 8883}


def parse(url: str) -> Mapping[str, Any]:
    """Raises ValueError, which does not repeat the url: it may hold a password."""
    parts = urlsplit(url)
    if parts.scheme not in _PORTS or not parts.hostname:
        raise ValueError("an MQTT url is mqtt://[user:password@]host[:port], or mqtts:// with ?ca=FILE")
    address: dict[str, Any] = {"host": parts.hostname, "port": parts.port or _PORTS[parts.scheme]}
    if parts.username:
        address |= {"user": unquote(parts.username), "password": unquote(parts.password or "")}
    if parts.scheme == "mqtts":
        address["tls"] = tls_of(parse_qs(parts.query))
    return address
