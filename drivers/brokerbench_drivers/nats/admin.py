"""The coordinator's side: streams and durable consumers made, read back and removed."""

from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from nats.errors import Error as NatsError
from nats.js.api import AckPolicy, ConsumerConfig, DeliverPolicy, RetentionPolicy, StorageType, StreamConfig
from nats.js.errors import NotFoundError

from brokerbench.contract import BadTarget, ConnectionLost, Counters, Destination, Endpoints
from brokerbench_drivers._dated import dated

from .link import CONNECT_S, Link
from .monitor import MonitorError, read
from .names import endpoints_of
from .releases import RELEASED
from .settings import Settings

__all__ = ["NatsAdmin"]

_ELECTED_S = 30.0  # a copy that was not there yet misses the first vote for a leader; the next comes after 4 to 9 s


class NatsAdmin:
    def __init__(self, address: Mapping[str, Any], settings: Settings) -> None:
        self._address = dict(address)
        self._settings = settings
        self._link = Link(address, "brokerbench admin")
        self._manager = self._link.client.jsm(timeout=CONNECT_S - 1)
        self._maker = self._link.client.jsm(timeout=_ELECTED_S)
        try:
            self._check_sync()
        except BadTarget:
            self._link.close()
            raise

    def _check_sync(self) -> None:
        """A server of others flushes as its own file says: believe what it reports, not what was asked of it."""
        if self._settings.mode == "core" or self._settings.sync_interval != "always":
            return
        found = self._server_facts().get("sync_interval", "unknown")
        if found != "always":
            raise BadTarget(
                f"sync_interval: always is asked, the server at port {self._address['port']} reports {found}:"
                " set it in the server's jetstream block, and give ?monitor=http://host:8222 in the url"
            )

    def declare(self, destination: Destination) -> Endpoints:
        endpoints = endpoints_of(self._address, self._settings.mode, destination)
        if self._settings.mode == "core":
            return endpoints
        stream = endpoints.extra["stream"]
        self.delete(endpoints)
        try:
            self._link.wait(self._make(endpoints), 2 * _ELECTED_S)
        except (ConnectionLost, NatsError) as error:
            raise BadTarget(f"nats cannot make stream {stream}: {error}; is JetStream enabled there?") from error
        return endpoints

    async def _make(self, endpoints: Endpoints) -> None:
        settings = self._settings
        stream = endpoints.extra["stream"]
        await self._maker.add_stream(
            StreamConfig(
                name=stream,
                subjects=[endpoints.destination],
                storage=StorageType.MEMORY if settings.storage == "memory" else StorageType.FILE,
                retention=RetentionPolicy.LIMITS,
                num_replicas=settings.replicas or 1,
            )
        )
        for group in endpoints.groups:
            await self._make_consumer(endpoints, group)

    async def _make_consumer(self, endpoints: Endpoints, group: str) -> None:
        durable = endpoints.groups[group]
        pushes = self._settings.fetch is None
        await self._maker.add_consumer(
            endpoints.extra["stream"],
            ConsumerConfig(
                durable_name=durable,
                deliver_subject=endpoints.extra["deliver"][group] if pushes else None,
                deliver_group=durable if pushes else None,
                deliver_policy=DeliverPolicy.ALL,
                ack_policy=AckPolicy.EXPLICIT,
                ack_wait=self._settings.ack_wait_s,
                max_ack_pending=self._settings.max_ack_pending.get(group, 1000),
            ),
        )

    def rewind(self, endpoints: Endpoints, group: str) -> None:
        self._link.wait(self._again(endpoints, group), 2 * _ELECTED_S)

    async def _again(self, endpoints: Endpoints, group: str) -> None:
        await self._manager.delete_consumer(endpoints.extra["stream"], endpoints.groups[group])
        await self._make_consumer(endpoints, group)

    def facts(self, endpoints: Endpoints) -> Mapping[str, str]:
        found = self._link.client.connected_server_version
        facts = dated(f"{found.major}.{found.minor}.{found.patch}", RELEASED) | {"mode": self._settings.mode}
        facts |= self._server_facts()
        if self._settings.mode == "jetstream":
            facts |= self._link.wait(self._stream_facts(endpoints))
        return facts

    def _server_facts(self) -> dict[str, str]:
        monitor = self._address.get("monitor")
        if monitor is None:
            return {"server settings": "not readable: give ?monitor=http://host:8222 in the url"}
        try:
            found = read(monitor, "/varz")
        except MonitorError as error:
            return {"server settings": str(error)}
        facts: dict[str, str] = {}
        for name in ("max_payload", "max_pending", "write_deadline", "go"):
            if name in found:
                facts[name] = str(found[name])
        store = found.get("jetstream", {}).get("config", {})
        if store:
            interval_s = int(store.get("sync_interval", 0)) / 1e9
            facts["sync_interval"] = "always" if store.get("sync_always") else f"{interval_s:g}s"
        return facts

    async def _stream_facts(self, endpoints: Endpoints) -> dict[str, str]:
        stream = endpoints.extra["stream"]
        about = await self._manager.stream_info(stream)
        config = about.config
        facts = self._copies(about) | {
            "stream.storage": str(config.storage),
            "stream.retention": str(config.retention),
            "stream.replicas": str(config.num_replicas),
            "stream.persist_mode": str(config.persist_mode or "default"),
        }
        for group, durable in endpoints.groups.items():
            made = (await self._manager.consumer_info(stream, durable)).config
            facts[f"{group}.max_ack_pending"] = str(made.max_ack_pending)
            facts[f"{group}.ack_wait"] = f"{made.ack_wait:g}s"
            facts[f"{group}.ack_policy"] = str(made.ack_policy)
            facts[f"{group}.delivery"] = "push" if made.deliver_subject else f"pull, {self._settings.fetch} at once"
        return facts

    def _copies(self, about: Any) -> dict[str, str]:
        """Of a cluster: where the stream's copies are."""
        if about.cluster is None or not self._address.get("nodes"):
            return {}
        others = about.cluster.replicas or []
        current = 1 + sum(bool(each.current) for each in others)
        names = ", ".join([f"{about.cluster.leader} (leader)", *(str(each.name) for each in others)])
        nodes = self._address["nodes"]
        return {
            "nodes": f"{len(nodes)} in cluster {about.cluster.name}",
            "replicas": f"{1 + len(others)}, in sync {current}: {names}",
        }

    def counters(self, endpoints: Endpoints) -> Counters:
        if self._settings.mode == "core":  # the server counts per connection and in total, not per subject
            return Counters(delivered=dict.fromkeys(endpoints.groups))
        return self._link.wait(self._count(endpoints))

    async def _count(self, endpoints: Endpoints) -> Counters:
        stream = endpoints.extra["stream"]
        published = (await self._manager.stream_info(stream)).state.last_seq
        delivered: dict[str, int | None] = {}
        stored = 0
        for group, durable in endpoints.groups.items():
            found = await self._manager.consumer_info(stream, durable)
            delivered[group] = found.delivered.consumer_seq  # each delivery, those that came again too
            stored += found.num_pending + found.num_ack_pending
        return Counters(published, delivered, stored)

    def delete(self, endpoints: Endpoints) -> None:
        if self._settings.mode == "jetstream":
            self._link.wait(self._remove(endpoints.extra["stream"]))

    async def _remove(self, stream: str) -> None:
        with suppress(NotFoundError):
            await self._manager.delete_stream(stream)  # its consumers go with it

    def busy(self) -> str:
        monitor = self._address.get("monitor")
        if monitor is None:
            return ""
        try:
            others = int(read(monitor, "/varz").get("connections", 1)) - 1  # one is this admin's
        except MonitorError:
            return ""
        return f"{others} connection{'s' if others > 1 else ''} of others" if others > 0 else ""

    def close(self) -> None:
        self._link.close()
