"""The process of devices: each destination has one of its own, and nothing of it is there afterwards."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import zmq

from brokerbench.contract import BadTarget, Batch, Connection, Destination, Endpoints, Session
from brokerbench.model import ServerSpec
from brokerbench.servers import Guardian, Library, NotAvailable, tailored
from brokerbench_drivers.zeromq import DRIVER
from brokerbench_drivers.zeromq.server import ZeromqServer
from tests.support.running import until

QUEUE = DRIVER.Settings(pattern="queue")


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Any]]:
    with Guardian() as guardian:
        host = guardian.host("zeromq", tmp_path_factory.mktemp("logs"), print)
        yield dict(ZeromqServer().start(host, QUEUE).address)


def connected(endpoints: Endpoints, group: str | None) -> Connection:
    return DRIVER.connect(Session(endpoints, "pyzmq", QUEUE, 500, 500, 16, 0, group))


def sent(endpoints: Endpoints, payloads: list[bytes]) -> None:
    """All of it, and the connection closed: the device has it."""
    connection = connected(endpoints, None)
    producer = connection.producer()
    joined = b"".join(payloads)
    until(lambda: producer.room() >= len(payloads), "room in the socket")
    batch = Batch(memoryview(joined), np.arange(len(payloads) + 1, dtype=np.int64) * 16, 16, len(payloads))
    assert producer.send(batch) == len(payloads)
    connection.close()


def received(connection: Connection, count: int) -> list[bytes]:
    consumer = connection.consumer()
    found: list[bytes] = []

    def enough() -> bool:
        found.extend(bytes(payload) for payload in consumer.receive(0.05).payloads or ())
        return len(found) >= count

    until(enough, f"{count} messages")
    return found


def test_what_one_destination_still_held_is_in_no_other(address: dict[str, Any]) -> None:
    admin = DRIVER.admin(address, QUEUE)
    old = admin.declare(Destination("bb.r.t", 1, 1, {"a": 1}))
    sent(old, [b"old-------------"] * 5)
    admin.delete(old)
    admin.delete(old)  # a second time does nothing
    new = admin.declare(Destination("bb.r.t", 1, 1, {"a": 1}))
    sent(new, [b"new-%012d" % n for n in range(3)])
    connection = connected(new, "a")
    assert received(connection, 3) == [b"new-%012d" % n for n in range(3)]
    connection.close()
    admin.delete(new)
    admin.close()


def test_the_producers_of_a_forwarder_never_hear_that_nobody_listens(address: dict[str, Any]) -> None:
    """They would drop what they send until they heard of the next consumer."""
    settings = DRIVER.Settings(pattern="forwarder")
    admin = DRIVER.admin(address, settings)
    endpoints = admin.declare(Destination("bb.r.f", 1, 1, {"a": 1}))
    with zmq.Context() as context, context.socket(zmq.XPUB) as producer:  # as PUB, and gets what consumers subscribe to
        producer.set(zmq.LINGER, 0)
        producer.set(zmq.XPUB_VERBOSER, 1)
        producer.connect(endpoints.extra["where"][0])
        heard: list[bytes] = []
        for _ in range(3):
            connection = DRIVER.connect(Session(endpoints, "pyzmq", settings, 500, 500, 16, 0, "a"))
            consumer = connection.consumer()

            def came() -> int:
                producer.send(b"x" * 16)
                return consumer.receive(0.05).count  # noqa: B023 - called within this turn

            until(came, "a message")
            connection.close()
            while producer.poll(0):
                heard.append(producer.recv())
        assert heard
        assert set(heard) == {b"\x01"}
    admin.delete(endpoints)
    admin.close()


def test_a_process_that_is_gone_is_said(tmp_path: Path) -> None:
    with Guardian() as guardian:
        host = guardian.host("zeromq", tmp_path, print)
        server = ZeromqServer().start(host, QUEUE)
        assert server.process is not None
        server.process.stop(1.0)
        with pytest.raises(BadTarget, match="does not answer"):
            DRIVER.admin(server.address, QUEUE).declare(Destination("bb.r.t", 1, 1, {"a": 1}))


def test_who_needs_no_device_gets_none() -> None:
    recipe = ZeromqServer()
    assert isinstance(tailored(recipe, DRIVER.Settings(), ServerSpec()), Library)
    assert tailored(recipe, QUEUE, ServerSpec()) is recipe
    with pytest.raises(NotAvailable, match="leave server out"):
        tailored(recipe, QUEUE, ServerSpec(nodes=3))
