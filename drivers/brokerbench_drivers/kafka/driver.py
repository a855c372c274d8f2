"""The Kafka driver: its words, and the way to its clients and servers."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from brokerbench.contract import Admin, Connection, Feature, Session, StandIn
from brokerbench.model import Delivery, Promise, Scenario, ServerKind
from brokerbench.servers import ServerRecipe
from brokerbench_drivers._composed import Composed

from . import access
from .promise import promise
from .server import EmbeddedKafka, NativeKafka
from .settings import Settings as KafkaSettings

__all__ = ["DRIVER", "KafkaDriver"]

HERE = Path(__file__).parent

_ALWAYS = frozenset({Feature.GROUPS, Feature.COMPETING, Feature.REPLAY, Feature.HEADERS, Feature.COUNTERS})
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
        ServerKind.COMPOSE: Composed("kafka.yml", "kafka://127.0.0.1:9092", "kafka"),
    }
    qualities = (HERE / "qualities.yaml",)

    def features(self, settings: KafkaSettings) -> frozenset[Feature]:
        given = set(_ALWAYS)
        if settings.transactions:
            given.remove(Feature.COUNTERS)  # each commit takes an offset of its own in every partition it touches
        if settings.acks != 0:
            given |= {Feature.CONFIRMS, Feature.DURABLE}
        if settings.acks == 0 or (settings.idempotence is not False and settings.acks in (None, "all")):
            given |= _ORDERED  # else a retried batch may pass the one behind it
        if settings.commit != "received":
            given.add(Feature.SETTLE)
        return frozenset(given)

    def promise(self, settings: KafkaSettings, delivery: Delivery, scenario: Scenario, nodes: int = 1) -> Promise:
        return promise(settings, delivery, scenario, nodes)

    def address(self, url: str) -> Mapping[str, Any]:
        """`kafka://host:port[,host:port]`; `kafka+ssl://` with `?ca=`; `user:password@` with `?sasl=`."""
        return access.address_of(url)

    def url(self, address: Mapping[str, Any]) -> str:
        return access.url(address)

    def told_every_s(self, settings: Any) -> float | None:
        """Offsets cost a round of requests; with transactions they count no messages."""
        return None if settings.transactions else 5.0

    def admin(self, address: Mapping[str, Any], settings: KafkaSettings) -> Admin:
        from .admin import KafkaAdmin

        return KafkaAdmin(address, settings)

    def stand_in(self, client: str, settings: KafkaSettings) -> StandIn | None:
        """None where more would be asked of it than to take and to give plain batches."""
        if settings.transactions or settings.tls or settings.compression != "none":
            return None
        from .stand_in import KafkaStandIn

        return KafkaStandIn(settings)

    def connect(self, session: Session) -> Connection:
        if session.client == "confluent":
            from .confluent import ConfluentConnection

            return ConfluentConnection(session)
        from .kafka_python import KafkaPythonConnection

        return KafkaPythonConnection(session)


DRIVER = KafkaDriver()
