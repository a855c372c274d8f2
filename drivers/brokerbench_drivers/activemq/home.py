"""What both products' servers share: a Java, an address that a restart finds again, and a key store for TLS."""

import json
import secrets
import socket
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

from brokerbench.contract import BadTarget
from brokerbench.servers import Certificates, NotAvailable, ServerHost
from brokerbench.servers.java import INSTALL_JAVA, Java, find_java

from .admin import broker_of
from .jolokia import Jolokia, Refused
from .settings import Settings

__all__ = ["START_S", "Ready", "heap_flags", "java_for", "key_store", "place"]

START_S = 90.0
USER = "brokerbench"


def java_for(title: str) -> Java:
    """Raises NotAvailable."""
    java = find_java()
    if java is None:
        raise NotAvailable(f"{title} needs a Java of 17 or newer, and none was found: {INSTALL_JAVA}")
    return java


def heap_flags(settings: Settings) -> tuple[str, str]:
    return f"-Xms{min(512, settings.heap_mib)}M", f"-Xmx{settings.heap_mib}M"


def place(
    host: ServerHost, settings: Settings, jolokia: str, *, amqp: Literal["port", "same", "none"]
) -> dict[str, Any]:
    """Ports and a password of this server's own; one that is started again on its data keeps them.

    `amqp`: whether AMQP 1.0 has a port of its own, is spoken at the same one as STOMP, or not at all."""
    kept = host.folder / "address.json"
    if kept.exists():
        found: dict[str, Any] = json.loads(kept.read_text())
        return found
    address: dict[str, Any] = {"host": "127.0.0.1", "port": host.free_port(), "user": USER}
    address["password"] = secrets.token_hex(16)
    if amqp != "none":
        address["amqp_port"] = address["port"] if amqp == "same" else host.free_port()
    address["jolokia_port"] = host.free_port()
    address["jolokia"] = jolokia.format(port=address["jolokia_port"])
    address["journal_sync"] = settings.journal_sync or "always"
    if settings.tls:
        made = Certificates.make(host.folder)
        address["tls"] = {"ca": str(made.ca), "cert": None, "key": None}
    kept.touch(mode=0o600)
    kept.write_text(json.dumps(address))
    return address


def key_store(host: ServerHost, password: str) -> Path:
    """The server's certificate as Java reads one."""
    from cryptography.hazmat.primitives.serialization import BestAvailableEncryption, load_pem_private_key, pkcs12
    from cryptography.x509 import load_pem_x509_certificates

    made = Certificates.make(host.folder)
    cert, *chain = load_pem_x509_certificates(made.cert.read_bytes())
    key = load_pem_private_key(made.key.read_bytes(), password=None)
    secret = BestAvailableEncryption(password.encode())
    store = host.folder / "tls" / "server.p12"
    store.write_bytes(pkcs12.serialize_key_and_certificates(b"server", key, cert, chain, secret))  # type: ignore[arg-type]
    return store


class Ready:
    """Its management shows the broker, and its ports take connections."""

    def __init__(self, address: Mapping[str, Any]) -> None:
        self._address = address
        self.version = ""

    def __call__(self) -> bool:
        try:
            broker = broker_of(Jolokia(self._address))
            if broker is None:
                return False
            self.version = broker.version()
        except (BadTarget, Refused):
            return False
        for port in {self._address["port"], self._address.get("amqp_port", self._address["port"])}:
            socket.create_connection((self._address["host"], port), 1.0).close()
        return True
