"""RabbitMQ servers of our own: from the machine's package, or from a Debian 13 folder where version 4 is asked."""

from collections.abc import Callable
from typing import Any

from brokerbench.model import ServerSpec
from brokerbench.servers import Availability, NotAvailable, Server, ServerHost, ServerRecipe

from .cluster import start_nodes, vhost_of
from .mirrors import without_mirrors
from .software import Package, Software
from .trixie import Trixie

__all__ = ["Native"]

CHOICE: tuple[Software, ...] = (Package(), Trixie())  # the first that has the version that is asked


class Native:
    """One node, or a cluster of several, of one software."""

    def __init__(self, software: Software = CHOICE[0], nodes: int = 1) -> None:
        self._software = software
        self._nodes = nodes

    def tailored(self, settings: Any, spec: ServerSpec) -> ServerRecipe:
        software = _software(spec.version)
        if settings.mirrored and (refusal := without_mirrors(software.version())):
            raise NotAvailable(refusal)
        return Native(software, spec.nodes)

    def available(self) -> Availability:
        return self._software.available()

    def fetch(self, say: Callable[[str], None]) -> None:
        self._software.fetch(say)

    def key(self, settings: Any) -> str:
        return f"rabbitmq-native {vhost_of(settings)} tls={settings.tls}"

    def start(self, host: ServerHost, settings: Any) -> Server:
        return start_nodes(host, settings, self._software.run(host), self._nodes)


def _software(version: str | None) -> Software:
    if version is None:
        return CHOICE[0]
    for software in CHOICE:
        if f"{software.version()}.".startswith(f"{version}."):
            return software
    there = " and ".join(filter(None, (software.version() for software in CHOICE)))
    raise NotAvailable(f"RabbitMQ {version} is asked, and there is {there}: ask for one of these, or leave version out")
