"""What a broker says that a message carries, read by a client library of its own that our drivers' code is not in."""

import asyncio
import queue
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from tests.conformance.lab import DEADLINE_S, Trial

__all__ = ["reading"]

Read = Callable[[], Mapping[str, str]]  # the headers of one message that came to group b, or to the topic


@contextmanager
def reading(driver: str, trial: Trial) -> Iterator[Read]:
    """Ready when the next message published would be read."""
    with _READERS[driver](trial, trial.endpoints.address) as read:
        yield read


@contextmanager
def _nats(trial: Trial, address: Mapping[str, Any]) -> Iterator[Read]:
    import nats

    from brokerbench_drivers._tls import context

    node = (address.get("nodes") or [address])[0]
    tls = context(address["tls"]) if address.get("tls") else None
    with asyncio.Runner() as loop:
        client = loop.run(nats.connect(f"{'tls' if tls else 'nats'}://{node['host']}:{node['port']}", tls=tls))
        subscription = loop.run(client.subscribe(trial.endpoints.destination))
        loop.run(client.flush())
        yield lambda: dict(loop.run(subscription.next_msg(DEADLINE_S)).headers or {})
        loop.run(client.close())


@contextmanager
def _rabbitmq(trial: Trial, address: Mapping[str, Any]) -> Iterator[Read]:
    import pika

    from brokerbench_drivers._tls import context

    tls = pika.SSLOptions(context(address["tls"]), address["host"]) if address.get("tls") else None
    login = pika.PlainCredentials(address["user"], address["password"])
    asked = pika.ConnectionParameters(
        address["host"], address["port"], address["vhost"], credentials=login, ssl_options=tls
    )
    with pika.BlockingConnection(asked) as connection:
        channel = connection.channel()

        def read() -> Mapping[str, str]:
            for _, properties, _ in channel.consume(trial.endpoints.groups["b"], inactivity_timeout=DEADLINE_S):
                assert properties is not None, "no message came"
                return dict(properties.headers or {})
            raise AssertionError

        yield read


@contextmanager
def _kafka(trial: Trial, address: Mapping[str, Any]) -> Iterator[Read]:
    from confluent_kafka import Consumer, TopicPartition

    from brokerbench_drivers.kafka.access import for_librdkafka

    consumer = Consumer({**for_librdkafka(address), "group.id": "headers", "isolation.level": "read_committed"})
    consumer.assign([TopicPartition(trial.endpoints.destination, 0, 0)])

    def read() -> Mapping[str, str]:
        message = consumer.poll(DEADLINE_S)
        assert message is not None, "no message came"
        return {name: value.decode() for name, value in message.headers() or []}

    yield read
    consumer.close()


@contextmanager
def _redis(trial: Trial, address: Mapping[str, Any]) -> Iterator[Read]:
    from redis import Redis

    tls = address.get("tls")
    secure = {"ssl": True, "ssl_ca_certs": tls["ca"]} if tls else {}
    login = {"username": address.get("user"), "password": address.get("password")}
    with Redis(host=address["host"], port=address["port"], **login, **secure) as client:

        def read() -> Mapping[str, str]:
            found = client.xread({trial.endpoints.destination: "0"}, count=1, block=int(DEADLINE_S * 1000))
            assert found, "no message came"
            _, fields = found[0][1][0]
            return {name.decode(): value.decode() for name, value in fields.items() if name != b"m"}

        yield read


@contextmanager
def _mqtt(trial: Trial, address: Mapping[str, Any]) -> Iterator[Read]:
    from paho.mqtt.client import Client, MQTTv5
    from paho.mqtt.enums import CallbackAPIVersion

    from brokerbench_drivers._tls import context

    came: queue.Queue[Any] = queue.Queue()
    subscribed: queue.Queue[Any] = queue.Queue()
    client = Client(CallbackAPIVersion.VERSION2, protocol=MQTTv5)
    if address.get("tls"):
        client.tls_set_context(context(address["tls"]))
    if address.get("user"):
        client.username_pw_set(address["user"], address.get("password"))
    client.on_message = lambda _client, _data, message: came.put(message)
    client.on_subscribe = lambda *_: subscribed.put(True)
    client.on_connect = lambda *_: client.subscribe(trial.endpoints.destination, 1)
    client.connect(address["host"], address["port"])
    client.loop_start()
    try:
        subscribed.get(timeout=DEADLINE_S)
        yield lambda: dict(getattr(came.get(timeout=DEADLINE_S).properties, "UserProperty", []))
    finally:
        client.disconnect()
        client.loop_stop()


@contextmanager
def _activemq(trial: Trial, address: Mapping[str, Any]) -> Iterator[Read]:
    """By STOMP, whatever they were sent by."""
    import stomp

    from brokerbench_drivers.activemq.names import subscribed

    came: queue.Queue[Any] = queue.Queue()

    class Listener(stomp.ConnectionListener):  # type: ignore[misc]  # stomp.py ships no types
        def on_message(self, frame: Any) -> None:
            came.put(frame.headers)

    connection = stomp.Connection12([(address["host"], address["port"])], auto_decode=False)
    connection.set_listener("headers", Listener())
    connection.connect(address.get("user"), address.get("password"), wait=True)
    connection.subscribe(subscribed(trial.endpoints, trial.settings.product, "b"), id="1", ack="auto")
    yield lambda: dict(came.get(timeout=DEADLINE_S))
    connection.disconnect()


_READERS = {
    "activemq": _activemq,
    "kafka": _kafka,
    "mqtt": _mqtt,
    "nats": _nats,
    "rabbitmq": _rabbitmq,
    "redis": _redis,
}
