"""What the engine sees of ActiveMQ. stomp.py and proton are imported by `connect` only."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from brokerbench.contract import Admin, Connection, Feature, Session, StandIn
from brokerbench.model import Delivery, Promise, Scenario, ServerKind
from brokerbench.servers import ServerRecipe
from brokerbench_drivers._composed import Composed, ComposedByProduct
from brokerbench_drivers._url import url_of

from .address import parse
from .promise import features, promise
from .server import EMBEDDED, NATIVE
from .settings import Settings

__all__ = ["DRIVER", "ActiveMQ"]

_COMPOSED = "stomp://bench:bench@127.0.0.1:61613?jolokia=http://127.0.0.1:8161"
# No wheel for Linux: pip builds it, for which it needs a compiler and the headers of Python and OpenSSL.
AMQP_INSTALL = "apt-get install gcc python3-dev libssl-dev pkg-config && pip install 'brokerbench[amqp1]'"
HERE = Path(__file__).parent


class ActiveMQ:
    name = "activemq"
    title = "ActiveMQ"
    extra = "activemq"
    Settings = Settings
    clients: Mapping[str, str] = {"stomp.py": "stomp", "proton": "proton"}
    fast_clients: frozenset[str] = frozenset()
    servers: Mapping[ServerKind, ServerRecipe] = {
        ServerKind.EMBEDDED: EMBEDDED,
        ServerKind.NATIVE: NATIVE,
        ServerKind.COMPOSE: ComposedByProduct(
            {
                "artemis": Composed("artemis.yml", f"{_COMPOSED}/console/jolokia&amqp_port=61672", "activemq"),
                # As its image ships it: KahaDB flushes, which it does not report.
                "classic": Composed(
                    "activemq.yml", f"{_COMPOSED}/api/jolokia&amqp_port=61673&journal_sync=always", "activemq"
                ),
            }
        ),
    }
    qualities = (HERE / "artemis.qualities.yaml", HERE / "classic.qualities.yaml")

    def features(self, settings: Any) -> frozenset[Feature]:
        return features(settings)

    def refusal(self, client: str, settings: Any) -> str:
        if client == "proton" and settings.ack == "cumulative":
            return "over AMQP 1.0 each message has its own outcome: use ack: individual, or client: stomp.py"
        return ""

    def gives_back(self, client: str, settings: Any) -> bool:
        return client == "proton" and settings.ack != "auto"

    def installs(self, client: str) -> str:
        return AMQP_INSTALL if client == "proton" else ""

    def promise(self, settings: Any, delivery: Delivery, scenario: Scenario, nodes: int = 1) -> Promise:
        return promise(settings, delivery, scenario, nodes)

    def address(self, url: str) -> Mapping[str, Any]:
        return parse(url)

    def url(self, address: Mapping[str, Any]) -> str:
        return url_of("stomp+ssl" if address.get("tls") else "stomp", {**address, "jolokia_port": None})

    def told_every_s(self, settings: Any) -> float | None:
        """Three attributes of each queue, which its management has in memory."""
        return 1.0

    def admin(self, address: Mapping[str, Any], settings: Any) -> Admin:
        from .admin import ActiveMQAdmin

        return ActiveMQAdmin(address, settings)

    def connect(self, session: Session) -> Connection:
        if session.client == "proton":
            from .amqp_client import AmqpConnection

            return AmqpConnection(session)
        from .client import StompConnection

        return StompConnection(session)

    def stand_in(self, client: str, settings: Any) -> StandIn | None:
        if client == "proton":  # nothing here speaks AMQP 1.0's side of a broker
            return None
        from .stand_in import ActiveMQStandIn

        return ActiveMQStandIn(settings)


DRIVER = ActiveMQ()
