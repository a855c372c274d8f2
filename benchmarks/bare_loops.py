"""Library clients through our engine against a bare loop of the same client: what does measuring cost?

Both sides have a producer and a consumer process, the same window of unconfirmed messages, a confirm or delivery
callback for each message, and a consumer that touches each value and acknowledges in blocks. The bare loop stamps
nothing, checks nothing and records nothing. Figures are messages received a second in the steady part.

    python benchmarks/bare_loops.py [pika] [confluent] [seconds]
"""

import multiprocessing
import sys
import time
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from _lab import paired, server, through_engine

PAIRS = 7
BODY = bytes(range(100))
WARM_S = 1.0


def bare(
    produce: Callable[..., None], consume: Callable[..., int], address: Mapping[str, Any], seconds: float
) -> float:
    """Two processes; the rate is what the consumer received between the end of the warm-up and the end."""
    context = multiprocessing.get_context("spawn")
    name = f"bare-{time.monotonic_ns()}"
    results: Any = context.Queue()
    ready = context.Event()
    until = context.Value("d", 0.0)
    consumer = context.Process(target=_consumed, args=(consume, address, name, until, ready, results))
    consumer.start()
    if not ready.wait(60):
        sys.exit("the bare consumer did not come up")
    until.value = time.monotonic() + WARM_S + seconds
    producer = context.Process(target=produce, args=(address, name, until))
    producer.start()
    received = results.get(timeout=WARM_S + seconds + 60)
    producer.join(60)
    consumer.join(60)
    return received / seconds


def _consumed(consume: Callable[..., int], address: Any, name: str, until: Any, ready: Any, results: Any) -> None:
    results.put(consume(address, name, until, ready))


# -- pika: confirms in a window of 1000, prefetch 500, one multiple ack for every 100 messages -----------------------


def pika_parameters(address: Mapping[str, Any]) -> Any:
    import pika

    user = pika.PlainCredentials(address["user"], address["password"])
    return pika.ConnectionParameters(address["host"], address["port"], address["vhost"], user)


def pika_produce(address: Mapping[str, Any], name: str, until: Any, window: int = 1000) -> None:
    import pika

    properties = pika.BasicProperties(delivery_mode=1)
    state = {"sent": 0, "answered": 0}

    def fill(channel: Any) -> None:
        if time.monotonic() > until.value:
            connection.close()
            return
        publish = channel.basic_publish
        for _ in range(window - state["sent"] + state["answered"]):
            publish("", name, BODY, properties, True)
            state["sent"] += 1

    def answered(channel: Any, frame: Any) -> None:
        state["answered"] = frame.method.delivery_tag if frame.method.multiple else state["answered"] + 1
        if connection.is_open:
            fill(channel)

    def opened(channel: Any) -> None:
        channel.confirm_delivery(partial(answered, channel))
        fill(channel)

    connection = pika.SelectConnection(
        pika_parameters(address),
        on_open_callback=lambda c: c.channel(on_open_callback=opened),
        on_close_callback=lambda c, reason: c.ioloop.stop(),
    )
    connection.ioloop.start()


def pika_consume(address: Mapping[str, Any], name: str, until: Any, ready: Any) -> int:
    import pika

    connection = pika.BlockingConnection(pika_parameters(address))
    channel = connection.channel()
    channel.queue_declare(name, durable=True)
    channel.basic_qos(prefetch_count=500)
    state = {"count": 0, "steady": 0, "bytes": 0}

    def take(channel: Any, method: Any, _properties: Any, body: bytes) -> None:
        state["count"] += 1
        state["bytes"] += len(body)
        if state["count"] % 100 == 0:
            channel.basic_ack(method.delivery_tag, multiple=True)

    channel.basic_consume(name, take)
    ready.set()
    while not until.value or time.monotonic() < until.value:
        connection.process_data_events(0.05)
        if until.value and not state["steady"] and time.monotonic() > until.value - steady_s():
            state["steady"] = state["count"]
    received = state["count"] - state["steady"]
    channel.queue_purge(name)
    connection.close()
    return received


# -- confluent-kafka: a delivery callback for each message, offsets committed every 100 ms, settings as our driver's ---


def confluent_session(address: Mapping[str, Any], name: str, group: str | None) -> Any:
    """What our driver would be told, so that both sides configure the library alike."""
    from brokerbench.contract import Endpoints, Session
    from brokerbench_drivers.kafka.settings import Settings

    settings = Settings.from_base({"acks": "all", "idempotence": True, "commit": "settled"})
    endpoints = Endpoints(address, name, {"all": name})
    return Session(endpoints, "confluent", settings, 20000, 65535, len(BODY), 0, group)


def confluent_produce(address: Mapping[str, Any], name: str, until: Any) -> None:
    from confluent_kafka import Producer

    from brokerbench_drivers.kafka.confluent import producer_config

    state = {"delivered": 0}

    def report(error: Any, _message: Any) -> None:
        state["delivered"] += error is None

    producer = Producer(producer_config(confluent_session(address, name, None), print))
    produce, poll = producer.produce, producer.poll
    while time.monotonic() < until.value:
        try:
            for _ in range(500):
                produce(name, BODY, on_delivery=report)
        except BufferError:
            poll(0.001)
        poll(0)
    producer.flush(30)


def confluent_consume(address: Mapping[str, Any], name: str, until: Any, ready: Any) -> int:
    from confluent_kafka import Consumer
    from confluent_kafka.admin import AdminClient, NewTopic

    from brokerbench_drivers.kafka.confluent import consumer_config

    admin = AdminClient({"bootstrap.servers": address["bootstrap"]})
    admin.create_topics([NewTopic(name, 1, 1)])[name].result(30)
    config = consumer_config(confluent_session(address, name, "all"), print)
    consumer = Consumer({**config, "enable.auto.offset.store": True})
    consumer.subscribe([name], on_assign=lambda c, parts: ready.set())
    count = steady = touched = 0
    while not until.value or time.monotonic() < until.value:
        first = consumer.poll(0.05)
        if first is None:
            continue
        for message in (first, *consumer.consume(10000, 0)):
            touched += len(message.value())
            count += 1
        if not steady and until.value and time.monotonic() > until.value - steady_s():
            steady = count
    consumer.close()  # the topic stays: the producer still flushes, and the server's folder goes with it
    return count - steady


def steady_s() -> float:
    return float(sys.argv[-1]) if sys.argv[-1].replace(".", "").isdigit() else 5.0


CASES = {
    "pika": ("rabbitmq", "amqp://{user}:{password}@{host}:{port}/?management_port={management_port}", 1000, 500),
    "confluent": ("kafka", "kafka://{host}:{port}", 20000, 65535),
}
LOOPS: dict[str, tuple[Callable[..., None], Callable[..., int]]] = {
    "pika": (pika_produce, pika_consume),
    "confluent": (confluent_produce, confluent_consume),
}


def main() -> None:
    seconds = steady_s()
    for client in [name for name in CASES if name in sys.argv] or list(CASES):
        driver, url, in_flight, prefetch = CASES[client]
        with server(driver) as address:
            broker = {"driver": driver, "client": client, "url": url.format(**address)}

            def ours(broker: Any = broker, in_flight: int = in_flight, prefetch: int = prefetch) -> float:
                trial = through_engine(
                    broker,
                    size="100B",
                    in_flight=in_flight,
                    prefetch=prefetch,
                    seconds=seconds,
                    guarantee="at-least-once",
                    model="saturate",
                )
                rate: float = trial["delivered_msgs_s"]
                return rate

            produce, consume = LOOPS[client]
            paired(
                f"{client}, 100 B, {in_flight} in flight",
                PAIRS,
                ours,
                partial(bare, produce, consume, address, seconds),
            )


if __name__ == "__main__":
    main()
