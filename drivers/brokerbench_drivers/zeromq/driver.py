"""The ZeroMQ driver: what each pattern gives, and what it cannot."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from brokerbench.contract import Admin, CannotPromise, Connection, Feature, Session, StandIn
from brokerbench.model import Delivery, Guarantee, Promise, PromisePoint, Scenario, ServerKind, Survives
from brokerbench.servers import ServerRecipe

from .server import ZeromqServer
from .settings import Settings

__all__ = ["DRIVER", "ZeromqDriver"]

HERE = Path(__file__).parent

_SOCKETS = {
    "push-pull": "producers -> PUSH, consumers -> PULL",
    "pub-sub": "producers -> PUB, each group -> SUB",
    "queue": "producers -> DEALER to a ROUTER, consumers -> DEALER from a DEALER",
    "forwarder": "producers -> PUB to an XSUB, each group -> SUB from an XPUB",
}


class ZeromqDriver:
    name = "zeromq"
    title = "ZeroMQ"
    extra = "zeromq"
    Settings = Settings
    clients: Mapping[str, str] = {"pyzmq": "zmq"}
    fast_clients: frozenset[str] = frozenset({"pyzmq"})
    servers: Mapping[ServerKind, ServerRecipe] = {ServerKind.EMBEDDED: ZeromqServer()}
    qualities = (HERE / "qualities.yaml",)

    def features(self, settings: Any) -> frozenset[Feature]:
        several = Feature.COMPETING if settings.shared else Feature.GROUPS
        return frozenset({Feature.ORDER, several})

    def promise(self, settings: Any, delivery: Delivery, scenario: Scenario, nodes: int = 1) -> Promise:
        if delivery.guarantee is Guarantee.AT_LEAST_ONCE:
            raise CannotPromise("zeromq has no publisher confirms: use guarantee: at-most-once, or role: floor")
        if delivery.survives is not Survives.NOTHING:
            raise CannotPromise("zeromq keeps messages in its clients' memory: use survives: nothing, or role: floor")
        groups = scenario.topology.groups
        one, many = ("queue", "forwarder") if settings.brokered else ("push-pull", "pub-sub")
        if settings.shared and len(groups) > 1:
            raise CannotPromise(f"zeromq {one} serves one group, not {len(groups)}: use pattern: {many}")
        shared = [name for name, group in groups.items() if group.consumers > 1]
        if not settings.shared and shared:
            raise CannotPromise(
                f"zeromq {many} gives each consumer of {shared[0]} all: use pattern: {one}, or consumers: 1"
            )
        dropping = "" if settings.shared else ", which drops when full"
        device = ("a device of ours, ZeroMQ's own proxy, stands between the clients",) if settings.brokered else ()
        return Promise(
            Guarantee.AT_MOST_ONCE,
            Survives.NOTHING,
            PromisePoint.HANDED_OVER,
            settings.model_dump(mode="json"),
            (
                f"{_SOCKETS[settings.pattern]}; in_flight and prefetch -> hwm, {settings.hwm} messages a connection",
                f"handed over: in the library's queue{dropping}",
                *device,
            ),
        )

    def address(self, url: str) -> Mapping[str, Any]:
        raise ValueError(f"zeromq has no server, so leave url out; found {url!r}")

    def admin(self, address: Mapping[str, Any], settings: Any) -> Admin:
        from .admin import ZeromqAdmin

        return ZeromqAdmin(address, settings)

    def connect(self, session: Session) -> Connection:
        from .client import ZeromqConnection

        return ZeromqConnection(session)

    def stand_in(self, client: str, settings: Any) -> StandIn | None:
        if settings.brokered:
            return None
        from .stand_in import ZeromqStandIn

        return ZeromqStandIn(settings)


DRIVER = ZeromqDriver()
