"""Where a RabbitMQ server is: `amqp://user:password@host:port/vhost?management_port=15672`.

Keys of an address beside those of `address`: `tls` (the files), `management_tls` (the API speaks https), `stream_port`
(the stream protocol's, with TLS where the address has it), and of a cluster `nodes`: what differs for each node, the
first one's included.
"""

from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import parse_qs, quote, unquote, urlsplit

from brokerbench.contract import Session
from brokerbench_drivers._tls import tls_of
from brokerbench_drivers._url import url_of

__all__ = ["address", "node_of", "nodes_of", "of_ours", "parse", "url", "where"]

FORM = "amqp://user:password@host:5672/vhost?management_port=15672"
FORM_TLS = "amqps://user:password@host:5671/vhost?ca=FILE&management_port=15671"
FORM_NODES = "nodes=host:port:management_port,..., those after the first"
PORTS = {"amqp": (5672, 15672), "amqps": (5671, 15671)}  # AMQP's and the management API's
TLS_WORDS = {"ca", "cert", "key"}
PORT_WORDS = ("management_port", "stream_port")


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
    """Raises ValueError with the accepted form; it does not repeat the url, which may hold a password."""
    parts = urlsplit(url)
    if parts.scheme not in PORTS or not parts.hostname:
        raise ValueError(f"a RabbitMQ url looks like {FORM} or {FORM_TLS}; found scheme {parts.scheme or 'none'!r}")
    secure = parts.scheme == "amqps"
    query = {word: values[0] for word, values in parse_qs(parts.query, strict_parsing=bool(parts.query)).items()}
    known = {*PORT_WORDS, "management", "nodes"} | (TLS_WORDS if secure else set())
    unknown = sorted(set(query) - known)
    if unknown:
        raise ValueError(f"unknown in the url: {', '.join(unknown)}; it looks like {FORM_TLS if secure else FORM}")
    ports = {word: _port(word, query[word]) for word in PORT_WORDS if word in query}
    amqp_port, management_port = PORTS[parts.scheme]
    found = address(
        parts.hostname,
        parts.port or amqp_port,
        ports.pop("management_port", management_port),
        unquote(parts.username) if parts.username else "guest",
        unquote(parts.password) if parts.password else "guest",
        unquote(parts.path[1:]) or "/",
    )
    found |= ports
    if secure:
        found["tls"] = tls_of({word: [value] for word, value in query.items()})
    management = query.get("management", "https" if secure else "http")
    if management not in ("http", "https"):
        raise ValueError(f"management is http or https; found {management!r}")
    if management == "https":
        found["management_tls"] = True
    if "nodes" in query:
        first = {"host": found["host"], "port": found["port"], "management_port": found["management_port"], **ports}
        found["nodes"] = [first, *(_node(text) for text in query["nodes"].split(","))]
    return found


def _port(word: str, text: str) -> int:
    if not text.isdecimal() or not 0 < int(text) < 65536:
        raise ValueError(f"{word} is a port number, like 15672; found {text!r}")
    return int(text)


def _node(text: str) -> dict[str, Any]:
    host, *ports = text.split(":")
    if not host or len(ports) not in (2, 3):
        raise ValueError(f"further nodes are {FORM_NODES}; found {text!r}")
    words = ("port", *PORT_WORDS)
    return {"host": host, **{word: _port(word, port) for word, port in zip(words, ports, strict=False)}}


def url(of: Mapping[str, Any]) -> str:
    """What `parse` reads as this address, but for what only our own recipe knows."""
    first, *others = nodes_of(of)
    words = {word: first[word] for word in ("host", "port", *PORT_WORDS) if word in first}
    words |= {word: of[word] for word in ("user", "password", "tls") if word in of}
    if of.get("tls") and not of.get("management_tls"):
        words["management"] = "http"
    elif of.get("management_tls") and not of.get("tls"):
        words["management"] = "https"
    text = url_of("amqps" if of.get("tls") else "amqp", words, "/" + quote(of["vhost"], safe=""))
    return text + ("&nodes=" + ",".join(map(_spelt, others)) if others else "")


def _spelt(node: Mapping[str, Any]) -> str:
    return ":".join(str(node[word]) for word in ("host", "port", *PORT_WORDS) if word in node)


def nodes_of(of: Mapping[str, Any]) -> Sequence[Mapping[str, Any]]:
    """An address for each node."""
    return [{**of, **node} for node in of.get("nodes") or [{}]]


def node_of(session: Session) -> Mapping[str, Any]:
    """The one that this producer or consumer connects to: they are dealt out over the nodes, whatever their topic."""
    nodes = nodes_of(session.endpoints.address)
    return nodes[(session.index if session.turn is None else session.turn) % len(nodes)]


def of_ours(of: Mapping[str, Any]) -> bool:
    """Whether our own recipe started it: nobody else says how often its statistics are collected."""
    return "stats_interval_ms" in of


def where(of: Mapping[str, Any]) -> str:
    """For error lines; never the password."""
    return f"RabbitMQ at {of['host']}:{of['port']}"
