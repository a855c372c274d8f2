"""Where an ActiveMQ server is: `stomp://user:password@host:61613?jolokia=http://host:8161/console/jolokia`."""

from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from brokerbench_drivers._tls import tls_of

__all__ = ["parse", "where"]

_PORT = 61613
_FORM = "stomp://user:password@host:61613?jolokia=http://host:8161/console/jolokia (stomp+ssl:// with TLS)"
_WORDS = {"jolokia", "journal_sync", "ca", "cert", "key"}


def parse(url: str) -> dict[str, Any]:
    """Raises ValueError with the accepted form; never shows the password."""
    parts = urlsplit(url)
    if parts.scheme not in ("stomp", "stomp+ssl") or not parts.hostname:
        raise ValueError(f"an ActiveMQ url looks like {_FORM}; found scheme {parts.scheme or 'none'!r}")
    query = parse_qs(parts.query, strict_parsing=bool(parts.query))
    if unknown := sorted(set(query) - _WORDS):
        raise ValueError(f"unknown in the url: {', '.join(unknown)}; an ActiveMQ url looks like {_FORM}")
    address: dict[str, Any] = {"host": parts.hostname, "port": parts.port or _PORT}
    if parts.username:
        address |= {"user": unquote(parts.username), "password": unquote(parts.password or "")}
    if parts.scheme == "stomp+ssl":
        address["tls"] = tls_of(query)
    if jolokia := query.get("jolokia"):
        if urlsplit(jolokia[0]).scheme not in ("http", "https"):
            raise ValueError(f"jolokia= is a url like http://host:8161/console/jolokia; found {jolokia[0]!r}")
        address["jolokia"] = jolokia[0]
    if sync := query.get("journal_sync"):
        if sync[0] not in ("always", "never"):
            raise ValueError(f"journal_sync= says how the server is set, always or never; found {sync[0]!r}")
        address["journal_sync"] = sync[0]
    return address


def where(address: Mapping[str, Any]) -> str:
    """For error lines; never the password."""
    return f"{'stomp+ssl' if address.get('tls') else 'stomp'}://{address['host']}:{address['port']}"
