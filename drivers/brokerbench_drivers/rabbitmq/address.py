"""Where a RabbitMQ server is: `amqp://user:password@host:port/vhost?management_port=15672`."""

from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

__all__ = ["address", "parse", "where"]

AMQP_PORT = 5672
MANAGEMENT_PORT = 15672


def address(
    host: str, port: int, management_port: int, user: str = "guest", password: str = "guest", vhost: str = "/"
) -> dict[str, Any]:
    return {
        "host": host,
        "port": port,
        "management_port": management_port,
        "user": user,
        "password": password,
        "vhost": vhost,
    }


def parse(url: str) -> dict[str, Any]:
    """Raises ValueError with the accepted form."""
    form = "amqp://user:password@host:5672/vhost?management_port=15672"
    parts = urlsplit(url)
    if parts.scheme != "amqp" or not parts.hostname:
        raise ValueError(f"a RabbitMQ url looks like {form} (without TLS); found scheme {parts.scheme or 'none'!r}")
    query = parse_qs(parts.query, strict_parsing=bool(parts.query))
    unknown = sorted(set(query) - {"management_port"})
    if unknown:
        raise ValueError(f"unknown in the url: {', '.join(unknown)}; a RabbitMQ url looks like {form}")
    management = query.get("management_port", [str(MANAGEMENT_PORT)])[0]
    if not management.isdecimal() or not 0 < int(management) < 65536:
        raise ValueError(f"management_port is a port number, like 15672; found {management!r}")
    return address(
        parts.hostname,
        parts.port or AMQP_PORT,
        int(management),
        unquote(parts.username) if parts.username else "guest",
        unquote(parts.password) if parts.password else "guest",
        unquote(parts.path[1:]) or "/",
    )


def where(of: Mapping[str, Any]) -> str:
    """For error lines; never the password."""
    return f"RabbitMQ at {of['host']}:{of['port']}"
