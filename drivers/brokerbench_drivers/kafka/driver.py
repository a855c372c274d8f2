"""The Kafka driver: its words, and the way to its clients and servers."""

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from brokerbench.contract import Admin, Connection, Feature, Session, StandIn
from brokerbench.model import Delivery, Promise, Scenario, ServerKind
from brokerbench.servers import ServerRecipe

from .promise import promise
from .server import EmbeddedKafka, NativeKafka
from .settings import Settings as KafkaSettings

__all__ = ["DRIVER", "KafkaDriver"]

_ALWAYS = frozenset({Feature.GROUPS, Feature.COMPETING, Feature.REPLAY, Feature.COUNTERS})
_ORDERED = frozenset({Feature.ORDER, Feature.ORDER_PER_KEY})


class KafkaDriver:
    name = "kafka"
    title = "Kafka"
    extra = "kafka"
    Settings = KafkaSettings
    clients: Mapping[str, str] = {"confluent": "confluent_kafka", "kafka-python": "kafka"}
    fast_clients: frozenset[str] = frozenset({"confluent"})
    servers: Mapping[ServerKind, ServerRecipe] = {
        ServerKind.EMBEDDED: EmbeddedKafka(),
        ServerKind.NATIVE: NativeKafka(),
    }

    def features(self, settings: KafkaSettings) -> frozenset[Feature]:
        given = set(_ALWAYS)
        if settings.acks != 0:
            given |= {Feature.CONFIRMS, Feature.DURABLE}
        if settings.acks == 0 or (settings.idempotence is not False and settings.acks in (None, "all")):
            given |= _ORDERED  # else a retried batch may pass the one behind it
        if settings.commit != "received":
            given.add(Feature.SETTLE)
        return frozenset(given)

    def promise(self, settings: KafkaSettings, delivery: Delivery, scenario: Scenario, nodes: int = 1) -> Promise:
        return promise(settings, delivery, scenario)

    def address(self, url: str) -> Mapping[str, Any]:
        """`kafka://host:port[,host:port]`; the port may be left out."""
        parts = urlsplit(url)
        servers = [_host_port(entry) for entry in parts.netloc.split(",")]
        if parts.scheme != "kafka" or parts.path.strip("/") or parts.query or not all(servers):
            raise ValueError(f"a Kafka url is kafka://host:port[,host:port]; found {url!r}")
        host, _, port = servers[0].rpartition(":")
        return {"host": host, "port": int(port), "bootstrap": ",".join(servers)}

    def url(self, address: Mapping[str, Any]) -> str:
        return f"kafka://{address['bootstrap']}"

    def admin(self, address: Mapping[str, Any], settings: KafkaSettings) -> Admin:
        from .admin import KafkaAdmin

        return KafkaAdmin(address, settings)

    def stand_in(self, client: str, settings: KafkaSettings) -> StandIn | None:
        from .stand_in import KafkaStandIn

        return KafkaStandIn(settings)

    def connect(self, session: Session) -> Connection:
        if session.client == "confluent":
            from .confluent import ConfluentConnection

            return ConfluentConnection(session)
        from .kafka_python import KafkaPythonConnection

        return KafkaPythonConnection(session)


def _host_port(entry: str) -> str:
    """`host` -> `host:9092`; "" where it is neither."""
    host, colon, port = entry.rpartition(":")
    if not colon:
        return f"{entry}:9092" if entry else ""
    return entry if host and port.isdigit() and "@" not in entry else ""


DRIVER = KafkaDriver()
