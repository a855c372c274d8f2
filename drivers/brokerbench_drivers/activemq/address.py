"""Where an ActiveMQ server is: `stomp://user:password@host:61613?jolokia=http://host:8161/console/jolokia`.

`amqp_port=` names the port of AMQP 1.0 where it is another one; a server that speaks AMQP alone is `amqp://`.
"""

from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from brokerbench_drivers._tls import tls_of

__all__ = ["parse", "where"]

_PORTS = {"stomp": 61613, "stomp+ssl": 61613, "amqp": 5672, "amqps": 5671}
_FORM = (
    "stomp://user:password@host:61613?jolokia=http://host:8161/console/jolokia"
    " (stomp+ssl:// with TLS; amqp:// and amqps:// for client: proton)"
)
_WORDS = {"jolokia", "journal_sync", "amqp_port", "ca", "cert", "key"}


def parse(url: str) -> dict[str, Any]:
    """Raises ValueError with the accepted form; never shows the password."""
    parts = urlsplit(url)
    if parts.scheme not in _PORTS or not parts.hostname:
        raise ValueError(f"an ActiveMQ url looks like {_FORM}; found scheme {parts.scheme or 'none'!r}")
    query = parse_qs(parts.query, strict_parsing=bool(parts.query))
    if unknown := sorted(set(query) - _WORDS):
        raise ValueError(f"unknown in the url: {', '.join(unknown)}; an ActiveMQ url looks like {_FORM}")
    address: dict[str, Any] = {"host": parts.hostname, "port": parts.port or _PORTS[parts.scheme]}
    if parts.username:
        address |= {"user": unquote(parts.username), "password": unquote(parts.password or "")}
    if parts.scheme in ("stomp+ssl", "amqps"):
        address["tls"] = tls_of(query)
    if jolokia := query.get("jolokia"):
        if urlsplit(jolokia[0]).scheme not in ("http", "https"):
            raise ValueError(f"jolokia= is a url like http://host:8161/console/jolokia; found {jolokia[0]!r}")
        address["jolokia"] = jolokia[0]
    if port := query.get("amqp_port"):
        if not port[0].isdigit() or not 0 < int(port[0]) < 65536:
            raise ValueError(f"amqp_port= is the port of AMQP 1.0; found {port[0]!r}")
        address["amqp_port"] = int(port[0])
    if sync := query.get("journal_sync"):
        if sync[0] not in ("always", "never"):
            raise ValueError(f"journal_sync= says how the server is set, always or never; found {sync[0]!r}")
        address["journal_sync"] = sync[0]
    return address


def where(address: Mapping[str, Any]) -> str:
    """For error lines; never the password."""
    return f"{'stomp+ssl' if address.get('tls') else 'stomp'}://{address['host']}:{address['port']}"
