"""Queues and exchanges of a trial: made fresh, read back, counted by the broker, deleted."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import Any

import pika
from pika.exceptions import AMQPError

from brokerbench.contract import BadTarget, Counters, Destination, Endpoints
from brokerbench_drivers._tls import refused

from .address import nodes_of, where
from .company import busy
from .facts import facts
from .layout import arguments, dead_of, endpoints_of, exchange_type, names_of
from .link import parameters, reason
from .management import Management
from .mirrors import require_mirrors
from .settings import Settings

__all__ = ["RabbitAdmin"]

DELIVERED = ("deliver", "deliver_no_ack", "get", "get_no_ack")


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
        if settings.mirrored:
            require_mirrors(self._management, self._address, overview["rabbitmq_version"])

    def declare(self, destination: Destination) -> Endpoints:
        endpoints = endpoints_of(self._address, self._settings, destination)
        exchange, key, queues = endpoints.extra["exchange"], endpoints.extra["routing_key"], names_of(endpoints)
        dead = dead_of(endpoints)
        for queue in (*queues, *dead.values()):
            if self._management.queue(queue) is not None:
                raise BadTarget(f"{where(self._address)} already has a queue {queue!r}: delete it, or run again")
        if exchange and self._management.exchange(exchange) is not None:
            raise BadTarget(f"{where(self._address)} already has an exchange {exchange!r}: delete it, or run again")
        try:
            with self._channel() as channel:
                if exchange:
                    channel.exchange_declare(exchange, exchange_type(self._settings, destination), durable=True)
                for queue in dead.values():
                    channel.queue_declare(queue, durable=True, arguments={"x-queue-type": self._settings.queue_type})
                for queue in queues:
                    # Durable in every case: RabbitMQ 4 deprecates queues that are neither durable nor exclusive.
                    channel.queue_declare(queue, durable=True, arguments=arguments(self._settings, dead.get(queue)))
                    if exchange:
                        channel.queue_bind(queue, exchange, routing_key=key)
        except BadTarget:
            self.delete(endpoints)
            raise
        return endpoints

    def facts(self, endpoints: Endpoints) -> Mapping[str, str]:
        return facts(self._management, self._address, endpoints)

    def counters(self, endpoints: Endpoints) -> Counters:
        return self._of_stream(endpoints) if self._settings.is_stream else self._of_queues(endpoints)

    def _of_stream(self, endpoints: Endpoints) -> Counters:
        """What it holds is what was published: nothing leaves it. Nobody counts what a group has read."""
        with self._channel() as channel:
            held = channel.queue_declare(endpoints.extra["routing_key"], passive=True).method.message_count
        return Counters(held, dict.fromkeys(endpoints.groups), None)

    def _of_queues(self, endpoints: Endpoints) -> Counters:
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
            # Nobody reads those queues: what has come is what is ready.
            buried = {
                group: channel.queue_declare(queue, passive=True).method.message_count
                for group, queue in endpoints.extra["dead_letters"].items()
            }
        return Counters(_all(published, min), delivered, _all(stored, sum), buried)

    def delete(self, endpoints: Endpoints) -> None:
        with self._channel() as channel:
            for queue in (*names_of(endpoints), *dead_of(endpoints).values()):
                channel.queue_delete(queue)
            if endpoints.extra["exchange"]:
                channel.exchange_delete(endpoints.extra["exchange"])

    def rewind(self, endpoints: Endpoints, group: str) -> None:
        """Nothing to do: every consumer of a stream begins with its first message."""

    def busy(self) -> str:
        return busy(self._management)

    def close(self) -> None:
        amqp, self._amqp = self._amqp, None
        if amqp is not None and amqp.is_open:
            with suppress(AMQPError):  # the server went first
                amqp.close()

    @contextmanager
    def _channel(self) -> Iterator[Any]:
        """A channel on the one connection, which is opened again where it was lost. Raises BadTarget."""
        try:
            if not self._connected():
                # The first node that answers. No heartbeat: nobody serves this connection while a trial runs.
                nodes = [parameters(node, "admin", heartbeat_s=0) for node in nodes_of(self._address)]
                self._amqp = pika.BlockingConnection(nodes)
            channel = self._amqp.channel()
            yield channel
            channel.close()
        except (AMQPError, OSError) as error:
            self.close()
            of = self._address
            why = refused(reason(error), of.get("tls"))
            raise BadTarget(f"{where(of)} as {of['user']!r} on vhost {of['vhost']!r}: {why}") from error

    def _connected(self) -> bool:
        """pika notices a loss when it next reads: the node may be gone since the last call."""
        if self._amqp is None:
            return False
        with suppress(AMQPError):
            self._amqp.process_data_events(0)
        return bool(self._amqp.is_open)


def _all(figures: list[int | None], combine: Any) -> int | None:
    """None as soon as one of them is not known."""
    return None if None in figures else combine(figures)
