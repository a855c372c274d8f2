"""The NATS driver: what each mode gives, and how its settings are chosen so that it gives it."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from brokerbench.contract import Admin, CannotPromise, Connection, Feature, Session, StandIn
from brokerbench.model import (
    SURVIVES_ORDER,
    Delivery,
    Guarantee,
    Promise,
    PromisePoint,
    Scenario,
    ServerKind,
    Survives,
)
from brokerbench.servers import ServerRecipe
from brokerbench_drivers._composed import Composed
from brokerbench_drivers._headers import refuse_own
from brokerbench_drivers._tls import tls_of
from brokerbench_drivers._url import url_of

from .names import wire_bytes
from .server import NatsServer, binary_of_wheel, binary_on_path, compose_env
from .settings import LARGEST_MAX_PAYLOAD, SERVER_MAX_PAYLOAD, SERVER_SYNC_INTERVAL, Settings

__all__ = ["DRIVER", "NatsDriver"]

HERE = Path(__file__).parent

_CORE = frozenset({Feature.GROUPS, Feature.COMPETING, Feature.ORDER, Feature.HEADERS})
_JETSTREAM = _CORE | {
    Feature.CONFIRMS,
    Feature.SETTLE,
    Feature.REQUEUE,
    Feature.REDELIVERED_FLAG,
    Feature.REPLAY,
    Feature.COUNTERS,
}


class NatsDriver:
    name = "nats"
    title = "NATS"
    extra = "nats"
    Settings = Settings
    clients: Mapping[str, str] = {"nats-py": "nats"}
    fast_clients: frozenset[str] = frozenset()
    servers: Mapping[ServerKind, ServerRecipe] = {
        ServerKind.EMBEDDED: NatsServer(binary_of_wheel),
        ServerKind.NATIVE: NatsServer(binary_on_path),
        ServerKind.COMPOSE: Composed(
            "nats.yml", "nats://127.0.0.1:4222?monitor=http://127.0.0.1:8222", "nats", compose_env
        ),
    }
    qualities = (HERE / "qualities.yaml",)
    waits_by = "ack_wait"

    def features(self, settings: Any) -> frozenset[Feature]:
        if settings.mode == "core":
            return _CORE
        return _JETSTREAM if settings.storage == "memory" else _JETSTREAM | {Feature.DURABLE}

    def promise(self, settings: Any, delivery: Delivery, scenario: Scenario, nodes: int = 1) -> Promise:
        message = scenario.message
        refuse_own(message, _ours, "nats")
        size = message.largest_bytes + wire_bytes(message.headers or {})
        if settings.max_payload_bytes is not None and size > settings.max_payload_bytes:
            raise CannotPromise(
                f"nats takes messages up to max_payload, {settings.max_payload_bytes} B here, not {size} B:"
                f" leave max_payload out, or raise it (up to {LARGEST_MAX_PAYLOAD} B)"
            )
        max_payload = settings.max_payload_bytes or max(size, SERVER_MAX_PAYLOAD)
        filled = {"max_payload_bytes": max_payload}
        return (_core if settings.mode == "core" else _jetstream)(settings, filled, delivery, scenario, nodes)

    def address(self, url: str) -> Mapping[str, Any]:
        """`nats://user:password@host:port?monitor=http://host:8222`, or `tls://` with `&ca=FILE`; without `monitor`
        nothing is read back."""
        parts = urlsplit(url)
        if parts.scheme not in ("nats", "tls") or not parts.hostname:
            raise ValueError(
                "a NATS url is nats://[user:password@]host[:port][?monitor=http://host:8222], or tls:// with ?ca=FILE"
            )
        address: dict[str, Any] = {"host": parts.hostname, "port": parts.port or 4222}
        if parts.username:
            address |= {"user": unquote(parts.username), "password": unquote(parts.password or "")}
        query = parse_qs(parts.query)
        if parts.scheme == "tls":
            address["tls"] = tls_of(query)
        monitor = query.get("monitor")
        return address | ({"monitor": monitor[0].rstrip("/")} if monitor else {})

    def url(self, address: Mapping[str, Any]) -> str:
        return url_of("tls" if address.get("tls") else "nats", address)

    def comes_again_s(self, settings: Any) -> float:
        return float(settings.ack_wait_s)

    def told_every_s(self, settings: Any) -> float | None:
        """A stream's state is at hand in memory; core NATS keeps no count for a subject."""
        return 1.0 if settings.mode == "jetstream" else None

    def admin(self, address: Mapping[str, Any], settings: Any) -> Admin:
        from .admin import NatsAdmin

        return NatsAdmin(address, settings)

    def stand_in(self, client: str, settings: Any) -> StandIn | None:
        if settings.mode == "jetstream" and settings.fetch is not None:
            return None  # it only pushes
        from .stand_in import NatsStandIn

        return NatsStandIn(settings)

    def connect(self, session: Session) -> Connection:
        from .client import NatsConnection

        return NatsConnection(session)


def _ours(name: str) -> bool:
    """What JetStream acts on (nats-msg-id for one: the same id twice is dropped), and how a server ends a pull."""
    return name.startswith("nats-") or name in ("status", "description")


def _core(settings: Settings, filled: dict[str, Any], delivery: Delivery, _: Scenario, _nodes: int) -> Promise:
    if delivery.guarantee is Guarantee.AT_LEAST_ONCE or delivery.survives is not Survives.NOTHING:
        raise CannotPromise(
            "nats core neither stores nor confirms messages: use mode: jetstream,"
            " or guarantee: at-most-once with survives: nothing"
        )
    return Promise(
        Guarantee.AT_MOST_ONCE,
        Survives.NOTHING,
        PromisePoint.HANDED_OVER,
        settings.model_copy(update=filled).model_dump(mode="json"),
        (
            "group -> queue group of one subject; prefetch -> nothing: the server sends as fast as the socket takes",
            "core: handed to the client library, which writes as fast as the socket takes",
        ),
    )


def _jetstream(
    settings: Settings, filled: dict[str, Any], delivery: Delivery, scenario: Scenario, nodes: int
) -> Promise:
    replicas = settings.replicas or (3 if nodes >= 3 else 1)
    if replicas > nodes:
        raise CannotPromise(
            f"nats keeps {replicas} copies on as many nodes, and has {nodes}: use replicas: 1, or"
            f" server: {{nodes: {replicas}}}"
        )
    storage = settings.storage or "file"
    sync = settings.sync_interval
    if sync is None:
        sync = "always" if storage == "file" and delivery.survives is Survives.POWER_LOSS else SERVER_SYNC_INTERVAL
    gives, weak = _survives(storage, sync, replicas, delivery.survives)
    if SURVIVES_ORDER.index(delivery.survives) > SURVIVES_ORDER.index(gives):
        raise CannotPromise(
            f"nats jetstream survives {gives.value} with these settings, not {delivery.survives.value}; {weak}"
        )
    pending = {name: group.prefetch * group.consumers for name, group in scenario.topology.groups.items()}
    filled |= {
        "replicas": replicas,
        "storage": storage,
        "sync_interval": sync,
        "max_ack_pending": pending | settings.max_ack_pending,
    }
    how = "push, with a queue group" if settings.fetch is None else f"pull, {settings.fetch} messages at once"
    notes = [f"topic -> stream; group -> durable consumer ({how})"]
    notes += [f"confirmed once stored in {storage}" + (f", flushed: {sync}" if storage == "file" else "")]
    if replicas > 1:
        notes.append(f"{replicas} copies, confirmed once {replicas // 2 + 1} of their nodes have a message")
        if storage == "file" and sync != "always":
            notes.append("unflushed copies outlive a node and its power, not the power of all nodes at once")
    notes.append("prefetch is shared by a group: max_ack_pending = prefetch x consumers")
    return Promise(
        Guarantee.AT_LEAST_ONCE,
        gives,
        PromisePoint.CONFIRMED,
        settings.model_copy(update=filled).model_dump(mode="json"),
        tuple(notes),
    )


def _survives(storage: str, sync: str, replicas: int, asked: Survives) -> tuple[Survives, str]:
    """The strongest class of a confirmed message, and what is in the way of a stronger one."""
    if storage == "memory":  # however many copies: they end with their processes
        return Survives.CLIENT_CRASH, "storage: memory ends with the server's processes: use storage: file"
    if replicas >= 3:  # confirmed once a majority has it
        return Survives.NODE_LOSS, ""
    if asked is Survives.NODE_LOSS:
        return Survives.BROKER_KILL, "one copy ends with its node: use server: {nodes: 3}"
    if sync == "always":
        return Survives.POWER_LOSS, ""
    return Survives.BROKER_KILL, f"sync_interval: {sync} confirms unflushed: use sync_interval: always"


DRIVER = NatsDriver()
