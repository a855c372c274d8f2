"""A Kafka's address: from a url, as a url, and in the words of each client library."""

from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from brokerbench_drivers._tls import context, tls_of
from brokerbench_drivers._url import url_of

__all__ = ["address_of", "for_kafka_python", "for_librdkafka", "url"]

_FORM = "kafka://host:port[,host:port], kafka+ssl:// with ?ca=FILE, user:password@ with ?sasl="
_SASL = ("PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512")
_WORDS = {"kafka": {"sasl"}, "kafka+ssl": {"sasl", "ca", "cert", "key"}}


def address_of(text: str) -> dict[str, Any]:
    """A port may be left out. Raises ValueError, which never shows the password."""
    parts = urlsplit(text)
    who, _, hosts = parts.netloc.rpartition("@")
    servers = [_host_port(entry) for entry in hosts.split(",")]
    query = parse_qs(parts.query)
    if parts.scheme not in _WORDS or parts.path.strip("/") or not all(servers):
        raise ValueError(f"a Kafka url is {_FORM}; found {parts.scheme}://{hosts}{parts.path}")
    if unknown := query.keys() - _WORDS[parts.scheme]:
        raise ValueError(f"{', '.join(sorted(unknown))} in a {parts.scheme} url means nothing; a Kafka url is {_FORM}")
    host, _, port = servers[0].rpartition(":")
    address: dict[str, Any] = {"host": host, "port": int(port), "bootstrap": ",".join(servers)}
    mechanism = query.get("sasl", [""])[0].upper()
    if bool(who) != (mechanism in _SASL):
        raise ValueError(
            f"user:password@ and ?sasl={'|'.join(_SASL)} belong together in a Kafka url; found"
            f" {'a user' if who else 'no user'} and sasl={mechanism or 'none'}"
        )
    if who:
        user, _, password = who.partition(":")
        address |= {"user": unquote(user), "password": unquote(password), "sasl": mechanism}
    if parts.scheme == "kafka+ssl":
        address["tls"] = tls_of(query)
    return address


def _host_port(entry: str) -> str:
    """`host` -> `host:9092`; "" where it is neither."""
    host, colon, port = entry.rpartition(":")
    if not colon:
        return f"{entry}:9092" if entry else ""
    return entry if host and port.isdigit() else ""


def url(address: Mapping[str, Any]) -> str:
    """With all its servers: `url_of` places the last colon's two sides."""
    first, _, port = address["bootstrap"].rpartition(":")
    named = {word: value for word, value in address.items() if word != "bootstrap"}
    return url_of("kafka+ssl" if address.get("tls") else "kafka", named | {"host": first, "port": port})


def for_librdkafka(address: Mapping[str, Any]) -> dict[str, Any]:
    """It verifies the host name by itself; its own default is the machine's authorities."""
    found: dict[str, Any] = {"bootstrap.servers": address["bootstrap"], "security.protocol": _protocol(address)}
    tls = address.get("tls") or {}
    names = {"ca": "ssl.ca.location", "cert": "ssl.certificate.location", "key": "ssl.key.location"}
    found |= {name: tls[word] for word, name in names.items() if tls.get(word)}
    if mechanism := address.get("sasl"):
        user, password = address["user"], address["password"]
        found |= {"sasl.mechanism": mechanism, "sasl.username": user, "sasl.password": password}
    return found


def for_kafka_python(address: Mapping[str, Any]) -> dict[str, Any]:
    """Raises BadTarget where a file holds no certificate."""
    found: dict[str, Any] = {
        "bootstrap_servers": address["bootstrap"].split(","),
        "security_protocol": _protocol(address),
    }
    if address.get("tls"):
        found["ssl_context"] = context(address["tls"])
    if mechanism := address.get("sasl"):
        user, password = address["user"], address["password"]
        found |= {"sasl_mechanism": mechanism, "sasl_plain_username": user, "sasl_plain_password": password}
    return found


def _protocol(address: Mapping[str, Any]) -> str:
    return ("SASL_" if address.get("sasl") else "") + ("SSL" if address.get("tls") else "PLAINTEXT")
