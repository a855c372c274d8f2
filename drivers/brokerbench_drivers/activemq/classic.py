"""ActiveMQ Classic as its management shows it."""

from collections.abc import Mapping
from typing import Any

from brokerbench.contract import BadTarget, Endpoints

from .jolokia import Jolokia
from .names import is_topic, queues_of

__all__ = ["Classic"]

_COUNTS = ("EnqueueCount", "DequeueCount", "QueueSize")
PATTERN = "org.apache.activemq:type=Broker,brokerName=*"


class Classic:
    title = "ActiveMQ Classic"

    def __init__(self, jolokia: Jolokia, broker: str) -> None:
        self._jolokia = jolokia
        self._broker = broker

    def server(self) -> Mapping[str, Any]:
        found = self._jolokia.read(self._broker)
        if found is None:
            raise BadTarget(f"ActiveMQ does not show itself as {self._broker} any more: was it restarted?")
        return found

    def version(self) -> str:
        return str(self.server()["BrokerVersion"])

    def connections(self) -> int:
        return int(self.server()["CurrentConnectionsCount"])

    def journal_syncs(self) -> bool | None:
        """KahaDB shows no setting of its own: None where there is one that may."""
        return None if self.server()["Persistent"] else False

    def make(self, endpoints: Endpoints) -> None:
        if is_topic(endpoints):
            topic = endpoints.destination.removeprefix("/topic/")
            self._jolokia.call(self._broker, "addTopic(java.lang.String)", topic)
        for queue in queues_of(endpoints):
            self._jolokia.call(self._broker, "addQueue(java.lang.String)", queue)

    def remove(self, endpoints: Endpoints) -> None:
        kind, _, name = endpoints.destination.removeprefix("/").partition("/")
        for queue in queues_of(endpoints):
            self._jolokia.call(self._broker, "removeQueue(java.lang.String)", queue)
            self._forget("Queue", queue)
        if kind == "topic":
            self._jolokia.call(self._broker, "removeTopic(java.lang.String)", name)
            self._forget("Topic", name)

    def _forget(self, kind: str, name: str) -> None:
        """The advisory topics that the broker made for it."""
        for advisory in self._jolokia.search(
            f"{self._broker},destinationType=Topic,destinationName=ActiveMQ.Advisory.*.{kind}.{name}"
        ):
            parts = dict(part.split("=", 1) for part in advisory.partition(":")[2].split(","))
            self._jolokia.call(self._broker, "removeTopic(java.lang.String)", parts["destinationName"])

    def queue(self, endpoints: Endpoints, name: str, *attributes: str) -> Mapping[str, Any] | None:
        return self._jolokia.read(f"{self._broker},destinationType=Queue,destinationName={name}", *attributes)

    def counts(self, endpoints: Endpoints, name: str) -> tuple[int, int, int]:
        """Added, acknowledged, stored."""
        found = self.queue(endpoints, name, *_COUNTS)
        if found is None:
            raise BadTarget(f"ActiveMQ Classic has no queue {name} any more: did somebody delete it?")
        added, acknowledged, stored = (int(found[count]) for count in _COUNTS)
        return added, acknowledged, stored

    def facts(self, endpoints: Endpoints) -> Mapping[str, str]:
        server = self.server()
        queue = self.queue(endpoints, queues_of(endpoints)[0]) or {}
        stores = self._jolokia.search(f"{self._broker},service=PersistenceAdapter,instanceName=*")
        facts = {
            "persistent": server["Persistent"],
            "store": "KahaDB" if any("KahaDB" in store for store in stores) else "not KahaDB",
            "memory-limit": f"{server['MemoryLimit']} B",
            "store-limit": f"{server['StoreLimit']} B",
            "routing": "virtual topic" if is_topic(endpoints) else "queue",
            "queue.producer-flow-control": queue.get("ProducerFlowControl", "not reported"),
            "queue.max-page-size": queue.get("MaxPageSize", "not reported"),
            "queue.message-groups": queue.get("MessageGroupType", "not reported"),
        }
        return {name: str(value) for name, value in facts.items()}
