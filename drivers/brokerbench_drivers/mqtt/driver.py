"""What the engine sees of MQTT. paho-mqtt is imported by `connect`, `admin` and a server's start only."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from brokerbench.contract import Admin, Connection, Feature, Session, StandIn
from brokerbench.model import Delivery, Promise, Scenario, ServerKind
from brokerbench.servers import ServerRecipe
from brokerbench_drivers._composed import Composed
from brokerbench_drivers._url import url_of

from .address import parse
from .promise import features, promise
from .server import Mosquitto
from .settings import Settings

__all__ = ["DRIVER", "Mqtt"]

HERE = Path(__file__).parent


class Mqtt:
    name = "mqtt"
    title = "MQTT"
    extra = "mqtt"
    Settings = Settings
    clients: Mapping[str, str] = {"paho-mqtt": "paho"}
    fast_clients: frozenset[str] = frozenset()
    servers: Mapping[ServerKind, ServerRecipe] = {
        ServerKind.NATIVE: Mosquitto(),
        ServerKind.COMPOSE: Composed("mosquitto.yml", "mqtt://127.0.0.1:1883", "mqtt"),
    }
    qualities = (HERE / "qualities.yaml",)

    def features(self, settings: Any) -> frozenset[Feature]:
        return features(settings)

    def promise(self, settings: Any, delivery: Delivery, scenario: Scenario, nodes: int = 1) -> Promise:
        return promise(settings, delivery, scenario)

    def address(self, url: str) -> Mapping[str, Any]:
        return parse(url)

    def url(self, address: Mapping[str, Any]) -> str:
        return url_of("mqtts" if address.get("tls") else "mqtt", address)

    def admin(self, address: Mapping[str, Any], settings: Any) -> Admin:
        from .admin import MqttAdmin

        return MqttAdmin(address, settings)

    def connect(self, session: Session) -> Connection:
        from .client import MqttConnection

        return MqttConnection(session)

    def stand_in(self, client: str, settings: Any) -> StandIn | None:
        return None


DRIVER = Mqtt()
