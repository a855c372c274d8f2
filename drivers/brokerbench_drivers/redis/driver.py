"""What the engine sees of Redis and Valkey. Their libraries are imported by `connect`, `admin` and a start only."""

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
from .server import Embedded, Native, compose_env
from .settings import Settings

__all__ = ["DRIVER", "Redis"]

HERE = Path(__file__).parent


class Redis:
    name = "redis"
    title = "Redis"
    extra = "redis"
    Settings = Settings
    clients: Mapping[str, str] = {"hiredis": "hiredis"}
    fast_clients: frozenset[str] = frozenset({"hiredis"})
    servers: Mapping[ServerKind, ServerRecipe] = {
        ServerKind.EMBEDDED: Embedded(),
        ServerKind.NATIVE: Native(),
        ServerKind.COMPOSE: ComposedByProduct(
            {
                product: Composed(f"{product}.yml", "redis://127.0.0.1:6379", "redis", compose_env)
                for product in ("valkey", "redis")
            }
        ),
    }
    qualities = (HERE / "redis.qualities.yaml", HERE / "valkey.qualities.yaml")
    waits_by = "claim_after"

    def features(self, settings: Any) -> frozenset[Feature]:
        return features(settings)

    def promise(self, settings: Any, delivery: Delivery, scenario: Scenario, nodes: int = 1) -> Promise:
        return promise(settings, delivery, scenario, nodes)

    def address(self, url: str) -> Mapping[str, Any]:
        return parse(url)

    def url(self, address: Mapping[str, Any]) -> str:
        db = f"/{address['db']}" if address.get("db") else ""
        return url_of("rediss" if address.get("tls") else "redis", {**address, "db": None}, db)

    def comes_again_s(self, settings: Any) -> float:
        return float(settings.claim_after_s)

    def told_every_s(self, settings: Any) -> float | None:
        """XINFO takes the same time however long a stream is; a list counts nothing."""
        return 1.0 if settings.structure == "stream" else None

    def admin(self, address: Mapping[str, Any], settings: Any) -> Admin:
        from .admin import RedisAdmin

        return RedisAdmin(address, settings)

    def connect(self, session: Session) -> Connection:
        from .client import RedisConnection

        return RedisConnection(session)

    def stand_in(self, client: str, settings: Any) -> StandIn | None:
        from .stand_in import RedisStandIn

        return RedisStandIn(settings)


DRIVER = Redis()
