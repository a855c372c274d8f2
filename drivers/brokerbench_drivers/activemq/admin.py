"""The coordinator's side: queues made, read back, counted and removed through Jolokia."""

from collections.abc import Mapping
from typing import Any

from brokerbench.contract import BadTarget, Counters, Destination, Endpoints
from brokerbench_drivers._dated import dated

from . import artemis, classic
from .address import where
from .artemis import Artemis
from .classic import Classic
from .jolokia import Jolokia, Refused
from .names import endpoints_of
from .releases import RELEASED
from .settings import Settings

__all__ = ["ActiveMQAdmin", "broker_of"]


def broker_of(jolokia: Jolokia) -> Artemis | Classic | None:
    """Who answers there."""
    if found := jolokia.search(artemis.PATTERN):
        return Artemis(jolokia, found[0])
    if found := jolokia.search(classic.PATTERN):
        return Classic(jolokia, found[0])
    return None


class ActiveMQAdmin:
    def __init__(self, address: Mapping[str, Any], settings: Settings) -> None:
        self._address = dict(address)
        self._settings = settings
        broker = broker_of(Jolokia(address))
        if broker is None:
            raise BadTarget(f"Jolokia at {address['jolokia']} shows no ActiveMQ broker: is the address right?")
        asked = Artemis if settings.product == "artemis" else Classic
        if not isinstance(broker, asked):
            other = "classic" if settings.product == "artemis" else "artemis"
            raise BadTarget(f"product: {settings.product} is asked, found is {broker.title}: use product: {other}")
        self._broker = broker
        self._check_sync()

    def _check_sync(self) -> None:
        """A server of others flushes as it is set: believe what it reports, else what its user says in the url."""
        if self._settings.journal_sync != "always":
            return
        said = self._address.get("journal_sync")
        reported = self._broker.journal_syncs()
        if reported is False or said == "never":
            raise BadTarget(
                f"{self._broker.title} at {where(self._address)} answers before its journal is on disk:"
                " set it to sync, or use survives: client-crash"
            )
        if reported is None and said is None:
            raise BadTarget(
                f"{self._broker.title} does not report whether it flushes its journal (enableJournalDiskSyncs): give"
                " ?journal_sync=always in the url if it is so, or use survives: client-crash"
            )

    def declare(self, destination: Destination) -> Endpoints:
        endpoints = endpoints_of(self._address, self._settings.product, destination)
        self.delete(endpoints)
        try:
            self._broker.make(endpoints)
        except Refused as error:
            raise BadTarget(f"{self._broker.title} cannot make {destination.name}: {error}") from error
        return endpoints

    def facts(self, endpoints: Endpoints) -> Mapping[str, str]:
        facts = {"product": self._broker.title, **dated(self._broker.version(), RELEASED)}
        facts |= self._broker.facts(endpoints)
        flushes = self._address.get("journal_sync", "not reported by the broker")
        return facts | {"journal.flush (as configured)": str(flushes)}

    def counters(self, endpoints: Endpoints) -> Counters:
        counts = {group: self._broker.counts(endpoints, queue) for group, queue in endpoints.groups.items()}
        return Counters(
            published=min(added for added, _, _ in counts.values()),
            delivered={group: acknowledged for group, (_, acknowledged, _) in counts.items()},
            stored=sum(stored for _, _, stored in counts.values()),
        )

    def delete(self, endpoints: Endpoints) -> None:
        try:
            self._broker.remove(endpoints)
        except Refused as error:
            raise BadTarget(f"{self._broker.title} cannot remove {endpoints.destination}: {error}") from error

    def busy(self) -> str:
        others = self._broker.connections()
        return f"{others} connection{'' if others == 1 else 's'} of others" if others else ""

    def close(self) -> None:
        """Nothing is open: each question is a request of its own."""
