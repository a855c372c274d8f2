"""ActiveMQ Artemis as its management shows it."""

import json
from collections.abc import Mapping
from typing import Any

from brokerbench.contract import BadTarget, Endpoints

from .jolokia import Jolokia
from .names import is_topic, queues_of

__all__ = ["Artemis"]

_COUNTS = ("MessagesAdded", "MessagesAcknowledged", "MessageCount")
PATTERN = 'org.apache.activemq.artemis:broker="*"'
_MAX_DELIVERIES = 10  # the broker's default, which it leaves out of what it reports


class Artemis:
    title = "ActiveMQ Artemis"

    def __init__(self, jolokia: Jolokia, broker: str) -> None:
        self._jolokia = jolokia
        self._broker = broker

    def server(self) -> Mapping[str, Any]:
        found = self._jolokia.read(self._broker)
        if found is None:
            raise BadTarget(f"Artemis does not show itself as {self._broker} any more: was it restarted?")
        return found

    def version(self) -> str:
        return str(self.server()["Version"])

    def connections(self) -> int:
        return int(self.server()["ConnectionCount"])

    def journal_syncs(self) -> bool | None:
        found = self.server()
        return bool(found["PersistenceEnabled"] and found["JournalSyncNonTransactional"])

    def make(self, endpoints: Endpoints) -> None:
        for queue in queues_of(endpoints):
            about = {
                "name": queue,
                "address": endpoints.destination,
                "routing-type": endpoints.extra["destination-type"],
                "durable": True,
                "auto-create-address": True,
            }
            self._jolokia.call(self._broker, "createQueue(java.lang.String)", json.dumps(about))

    def remove(self, endpoints: Endpoints) -> None:
        for queue in queues_of(endpoints):
            if self.queue(endpoints, queue) is not None:
                operation = "destroyQueue(java.lang.String,boolean,boolean)"
                self._jolokia.call(self._broker, operation, queue, True, True)
        address = f'{self._broker},component=addresses,address="{endpoints.destination}"'
        if self._jolokia.read(address) is not None:
            self._jolokia.call(self._broker, "deleteAddress(java.lang.String,boolean)", endpoints.destination, True)

    def queue(self, endpoints: Endpoints, name: str, *attributes: str) -> Mapping[str, Any] | None:
        routing = endpoints.extra["destination-type"].lower()
        where = f'component=addresses,address="{endpoints.destination}",subcomponent=queues'
        return self._jolokia.read(f'{self._broker},{where},routing-type="{routing}",queue="{name}"', *attributes)

    def counts(self, endpoints: Endpoints, name: str) -> tuple[int, int, int]:
        """Added, acknowledged, stored."""
        found = self.queue(endpoints, name, *_COUNTS)
        if found is None:
            raise BadTarget(f"Artemis has no queue {name} any more: did somebody delete it?")
        added, acknowledged, stored = (int(found[count]) for count in _COUNTS)
        return added, acknowledged, stored

    def facts(self, endpoints: Endpoints) -> Mapping[str, str]:
        server = self.server()
        operation = "getAddressSettingsAsJSON(java.lang.String)"
        address = json.loads(self._jolokia.call(self._broker, operation, endpoints.destination))
        queue = self.queue(endpoints, queues_of(endpoints)[0]) or {}
        facts = {
            "journal.type": server["JournalType"],
            "journal.sync-non-transactional": server["JournalSyncNonTransactional"],
            "journal.sync-transactional": server["JournalSyncTransactional"],
            "journal.buffer-timeout": f"{server['JournalBufferTimeout'] / 1e6:g} ms",
            "persistence-enabled": server["PersistenceEnabled"],
            "global-max-size": f"{server['GlobalMaxSize']} B",
            "address-full-policy": address.get("addressFullMessagePolicy", "not reported"),
            "dead-letter-address": address.get("deadLetterAddress") or "none: dropped",
            "max-delivery-attempts": address.get("maxDeliveryAttempts", _MAX_DELIVERIES),
            "routing": "multicast" if is_topic(endpoints) else "anycast",
            "queue.durable": queue.get("Durable", "not reported"),
        }
        return {name: str(value) for name, value in facts.items()}
