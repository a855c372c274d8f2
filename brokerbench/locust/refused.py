"""Clients that cannot be Locust users: while one waits, every other user of the process waits with it."""

from collections.abc import Mapping

__all__ = ["STOPS_GEVENT"]

_ASYNCIO = "it lives on an asyncio loop, and gevent's users share the one thread that may run one"

# (driver, client) -> why. A conformance test holds each line, and each client that has none, to what gevent does.
STOPS_GEVENT: Mapping[tuple[str, str], str] = {
    ("kafka", "confluent"): "librdkafka waits in C, outside gevent's loop; use client: kafka-python",
    ("nats", "nats-py"): _ASYNCIO,
    ("rabbitmq", "rstream"): f"{_ASYNCIO}; use client: pika",
    ("zeromq", "pyzmq"): "libzmq waits in C, outside gevent's loop",
}
