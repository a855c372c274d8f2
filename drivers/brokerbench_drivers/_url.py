"""An address as a url: what `brokerbench up` prints, and a scenario names a server by."""

from collections.abc import Mapping
from typing import Any
from urllib.parse import quote, urlencode

__all__ = ["url_of"]

_PLACED = {"host", "port", "user", "password", "tls", "nodes"}  # a url names one node


def url_of(scheme: str, address: Mapping[str, Any], path: str = "") -> str:
    """`scheme://user:password@host:port/path`, the rest of the address and the files of TLS as the query."""
    who = ""
    if address.get("user"):
        who = quote(address["user"], safe="") + ":" + quote(address.get("password") or "", safe="") + "@"
    rest = {**address, **(address.get("tls") or {})}
    query = urlencode({word: value for word, value in rest.items() if word not in _PLACED and value}, safe=":/")
    return f"{scheme}://{who}{address['host']}:{address['port']}{path}{'?' if query else ''}{query}"
