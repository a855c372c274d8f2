"""Queues and exchanges of a trial: made fresh, read back, counted by the broker, deleted."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import Any

import pika
from pika.exceptions import AMQPError

from brokerbench.contract import BadTarget, Counters, Destination, Endpoints
from brokerbench_drivers._dated import dated

from .address import where
from .layout import endpoints_of, exchange_type
from .link import parameters, reason
from .management import Management
from .releases import RELEASED, SUPPORT_ENDS
from .settings import Settings

__all__ = ["RabbitAdmin"]

DELIVERED = ("deliver", "deliver_no_ack", "get", "get_no_ack")
NODE_FACTS = {"mem_limit": "vm_memory_high_watermark_bytes", "disk_free_limit": "disk_free_limit_bytes"}


class RabbitAdmin:
    def __init__(self, address: Mapping[str, Any], settings: Settings) -> None:
        self._address = {**address, "vhost": settings.vhost or address["vhost"]}
        self._settings = settings
        self._management = Management(self._address)
        overview = self._management.overview()
        # With statistics off the API has no message counts at all; a missing count is then not a zero.
        self._counts = not overview.get("disable_stats") and overview.get("rates_mode") != "none"
        self._amqp: Any = None
        with self._channel():
            pass  # proves address, user and vhost before a trial depends on them

    def declare(self, destination: Destination) -> Endpoints:
        endpoints = endpoints_of(self._address, self._settings, destination)
        exchange, key, queues = endpoints.extra["exchange"], endpoints.extra["routing_key"], endpoints.groups
        for queue in queues.values():
            if self._management.queue(queue) is not None:
                raise BadTarget(f"{where(self._address)} already has a queue {queue!r}: delete it, or run again")
        if exchange and self._management.exchange(exchange) is not None:
            raise BadTarget(f"{where(self._address)} already has an exchange {exchange!r}: delete it, or run again")
        try:
            with self._channel() as channel:
                if exchange:
                    channel.exchange_declare(exchange, exchange_type(self._settings, destination), durable=True)
                for queue in queues.values():
                    # Durable in every case: RabbitMQ 4 deprecates queues that are neither durable nor exclusive.
                    channel.queue_declare(queue, durable=True, arguments={"x-queue-type": self._settings.queue_type})
                    if exchange:
                        channel.queue_bind(queue, exchange, routing_key=key)
        except BadTarget:
            self.delete(endpoints)
            raise
        return endpoints

    def facts(self, endpoints: Endpoints) -> Mapping[str, str]:
        overview = self._management.overview()
        facts = dated(overview["rabbitmq_version"], RELEASED, SUPPORT_ENDS) | {"erlang": overview["erlang_version"]}
        node = self._management.node(overview["node"])
        facts |= {name: str(node[key]) for key, name in NODE_FACTS.items() if key in node}
        if "stats_interval_ms" in self._address:  # the API does not tell it
            facts["collect_statistics_interval_ms"] = str(self._address["stats_interval_ms"])
        for group, queue in endpoints.groups.items():
            found = self._management.queue(queue) or {}
            facts[f"queue.{group}"] = _described(found)
        facts["exchange"] = self._exchange_type(endpoints)
        return facts

    def counters(self, endpoints: Endpoints) -> Counters:
        """`published` is what reached every group; statistics lag by up to the server's collection interval."""
        published: list[int | None] = []
        delivered: dict[str, int | None] = {}
        stored: list[int | None] = []
        with self._channel() as channel:
            for group, queue in endpoints.groups.items():
                found = self._management.queue(queue)
                if found is None:
                    published.append(None)
                    delivered[group] = None
                    stored.append(None)
                    continue
                stats = found.get("message_stats") or {}
                published.append(stats.get("publish", 0) if self._counts else None)
                delivered[group] = sum(stats.get(key, 0) for key in DELIVERED) if self._counts else None
                # A passive declare counts what is ready at this moment. Only the API knows the unsettled, and it lags;
                # without a consumer there are none.
                now = channel.queue_declare(queue, passive=True).method
                unsettled = found.get("messages_unacknowledged", 0) if now.consumer_count else 0
                stored.append(now.message_count + unsettled)
        return Counters(_all(published, min), delivered, _all(stored, sum))

    def delete(self, endpoints: Endpoints) -> None:
        with self._channel() as channel:
            for queue in endpoints.groups.values():
                channel.queue_delete(queue)
            if endpoints.extra["exchange"]:
                channel.exchange_delete(endpoints.extra["exchange"])

    def close(self) -> None:
        amqp, self._amqp = self._amqp, None
        if amqp is not None and amqp.is_open:
            with suppress(AMQPError):  # the server went first
                amqp.close()

    def _exchange_type(self, endpoints: Endpoints) -> str:
        name = endpoints.extra["exchange"]
        if not name:
            return "default"
        return str((self._management.exchange(name) or {}).get("type", "missing"))

    @contextmanager
    def _channel(self) -> Iterator[Any]:
        """A channel on the one connection, which is opened again where it was lost. Raises BadTarget."""
        try:
            if self._amqp is None or not self._amqp.is_open:
                # No heartbeat: nobody serves this connection while a trial runs.
                self._amqp = pika.BlockingConnection(parameters(self._address, "brokerbench admin", heartbeat_s=0))
            channel = self._amqp.channel()
            yield channel
            channel.close()
        except AMQPError as error:
            self.close()
            of = self._address
            raise BadTarget(f"{where(of)} as {of['user']!r} on vhost {of['vhost']!r}: {reason(error)}") from error


def _described(queue: Mapping[str, Any]) -> str:
    """Type and arguments as the broker reports them."""
    if not queue:
        return "missing"
    arguments = {**(queue.get("effective_policy_definition") or {}), **(queue.get("arguments") or {})}
    words = [queue.get("type", "?"), "durable" if queue.get("durable") else "transient"]
    if "storage_version" in queue:
        words.append(f"storage version {queue['storage_version']}")
    return ", ".join([*words, *(f"{key}={value}" for key, value in sorted(arguments.items()))])


def _all(figures: list[int | None], combine: Any) -> int | None:
    """None as soon as one of them is not known."""
    return None if None in figures else combine(figures)
