"""The driver of the simulated broker: what it gives, and what it cannot."""

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from brokerbench.contract import Admin, CannotPromise, Connection, Feature, Session, StandIn
from brokerbench.model import Delivery, Guarantee, Promise, PromisePoint, Scenario, ServerKind, Survives
from brokerbench.servers import ServerRecipe
from brokerbench_drivers._url import url_of

from .recipe import SimulatedServer
from .settings import Settings

__all__ = ["DRIVER", "SimulatedDriver"]


class SimulatedDriver:
    name = "simulated"
    title = "Simulated broker"
    extra = ""
    Settings = Settings
    clients: Mapping[str, str] = {"loopback": "numpy"}
    fast_clients: frozenset[str] = frozenset({"loopback"})
    servers: Mapping[ServerKind, ServerRecipe] = {ServerKind.EMBEDDED: SimulatedServer()}

    def features(self, settings: Any) -> frozenset[Feature]:
        """As it would be without `fates`: those break promises on purpose."""
        found = {Feature.GROUPS, Feature.COMPETING, Feature.COUNTERS}
        if settings.confirms:
            found.add(Feature.CONFIRMS)
        if settings.redelivered_flag:
            found.add(Feature.REDELIVERED_FLAG)
        if settings.workers == 1:
            found.add(Feature.ORDER)
        return frozenset(found)

    def promise(self, settings: Any, delivery: Delivery, scenario: Scenario, nodes: int = 1) -> Promise:
        if delivery.survives is not Survives.NOTHING:
            raise CannotPromise("the simulated broker keeps messages in its memory: use survives: nothing")
        if delivery.guarantee is Guarantee.AT_LEAST_ONCE and not settings.confirms:
            raise CannotPromise(
                "the simulated broker confirms nothing with confirms: false: use confirms: true,"
                " or guarantee: at-most-once"
            )
        broken = [fate for fate, picks in settings.fates if picks]
        notes = [settings.words()]
        if broken:
            notes.append(f"breaks its promises on purpose: {', '.join(broken)}")
        return Promise(
            Guarantee.AT_LEAST_ONCE if settings.confirms else Guarantee.AT_MOST_ONCE,
            Survives.NOTHING,
            PromisePoint.CONFIRMED if settings.confirms else PromisePoint.HANDED_OVER,
            settings.model_dump(mode="json"),
            tuple(notes),
        )

    def address(self, url: str) -> Mapping[str, Any]:
        parts = urlsplit(url)
        if parts.scheme != "simulated" or not parts.hostname or not parts.port:
            raise ValueError(f"a simulated broker's url is simulated://host:port; found {url!r}")
        return {"host": parts.hostname, "port": parts.port}

    def url(self, address: Mapping[str, Any]) -> str:
        return url_of("simulated", address)

    def admin(self, address: Mapping[str, Any], settings: Any) -> Admin:
        from .admin import SimulatedAdmin

        return SimulatedAdmin(address, settings)

    def connect(self, session: Session) -> Connection:
        from .client import SimulatedConnection

        return SimulatedConnection(session)

    def stand_in(self, client: str, settings: Any) -> StandIn | None:
        return None


DRIVER = SimulatedDriver()
