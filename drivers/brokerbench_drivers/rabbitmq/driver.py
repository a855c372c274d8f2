"""What the engine sees of RabbitMQ. pika is imported by `connect`, `admin` and a server's start only."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from brokerbench.contract import Admin, Connection, Feature, Session, StandIn
from brokerbench.model import Delivery, Promise, Scenario, ServerKind
from brokerbench.servers import ServerRecipe
from brokerbench_drivers._composed import Composed

from .address import parse, url
from .native import Native
from .promise import dead_letters, features, promise, refusal
from .settings import Settings

__all__ = ["DRIVER", "RabbitMQ"]

HERE = Path(__file__).parent

MOST_LANES = 10_000


class RabbitMQ:
    name = "rabbitmq"
    title = "RabbitMQ"
    extra = "rabbitmq"
    Settings = Settings
    clients: Mapping[str, str] = {"pika": "pika", "amqpstorm": "amqpstorm", "rstream": "rstream"}
    fast_clients: frozenset[str] = frozenset()
    servers: Mapping[ServerKind, ServerRecipe] = {
        ServerKind.NATIVE: Native(),
        ServerKind.COMPOSE: Composed(
            "rabbitmq.yml", "amqp://bench:bench@127.0.0.1:5672/?management_port=15672", "rabbitmq"
        ),
    }
    qualities = (HERE / "qualities.yaml",)

    def features(self, settings: Any) -> frozenset[Feature]:
        return features(settings)

    def promise(self, settings: Any, delivery: Delivery, scenario: Scenario, nodes: int = 1) -> Promise:
        return promise(settings, delivery, scenario, nodes)

    def address(self, url: str) -> Mapping[str, Any]:
        return parse(url)

    def url(self, address: Mapping[str, Any]) -> str:
        return url(address)

    def told_every_s(self, settings: Any) -> float | None:
        """The management API's documentation asks for no more than a look in 5 s."""
        return 5.0

    def admin(self, address: Mapping[str, Any], settings: Any) -> Admin:
        from .admin import RabbitAdmin

        return RabbitAdmin(address, settings)

    def dead_letters(self, settings: Any) -> bool:
        return dead_letters(settings)

    def refusal(self, client: str, settings: Any) -> str:
        return refusal(settings) if client == "rstream" else ""

    def connect(self, session: Session) -> Connection:
        if session.client == "rstream":
            from .rstream_client import RstreamConnection

            return RstreamConnection(session)
        if session.client == "amqpstorm":
            from .storm import StormConnection

            return StormConnection(session)
        from .client import PikaConnection

        return PikaConnection(session)

    def most_lanes(self, client: str, settings: Any) -> int:
        return MOST_LANES if client == "pika" else 1

    def stand_in(self, client: str, settings: Any) -> StandIn | None:
        if client == "rstream":
            return None  # none here speaks the stream protocol
        from .stand_in import RabbitStandIn

        return RabbitStandIn(settings)


DRIVER = RabbitMQ()
