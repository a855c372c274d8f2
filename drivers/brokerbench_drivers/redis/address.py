"""Where a server is: `redis://user:password@host:port/db`, or `rediss://…?ca=FILE` with TLS."""

from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from brokerbench_drivers._tls import tls_of

__all__ = ["parse", "where"]

_FORM = "redis://[user:password@]host[:6379][/db], or rediss://…?ca=FILE with TLS"


def parse(url: str) -> dict[str, Any]:
    """Raises ValueError with the accepted form; the url is not repeated, for it may hold a password."""
    parts = urlsplit(url)
    if parts.scheme not in ("redis", "rediss") or not parts.hostname:
        raise ValueError(f"a Redis or Valkey url is {_FORM}; found scheme {parts.scheme or 'none'!r}")
    query = parse_qs(parts.query)
    unknown = sorted(set(query) - ({"ca", "cert", "key"} if parts.scheme == "rediss" else set()))
    if unknown:
        raise ValueError(f"unknown in the url: {', '.join(unknown)}; a Redis or Valkey url is {_FORM}")
    db = parts.path.strip("/") or "0"
    if not db.isdecimal():
        raise ValueError(f"after the host comes the number of a database, found {db!r}; the url is {_FORM}")
    address: dict[str, Any] = {"host": parts.hostname, "port": parts.port or 6379}
    if int(db):
        address["db"] = int(db)
    if parts.username or parts.password:
        address |= {"user": unquote(parts.username or "default"), "password": unquote(parts.password or "")}
    if parts.scheme == "rediss":
        address["tls"] = tls_of(query)
    return address


def where(address: Mapping[str, Any]) -> str:
    """For error lines; never the password."""
    scheme = "rediss" if address.get("tls") else "redis"
    return f"{scheme}://{address['host']}:{address['port']}"
