"""Many connections in one process, on a real RabbitMQ: each its own, each confirmed, all given up when one is lost."""

import re
from collections.abc import Iterator

import numpy as np
import pytest

from brokerbench.contract import BadTarget, Batch, ConnectionLost, Fate, Producer, Session
from brokerbench.servers import Server
from brokerbench_drivers.rabbitmq.management import Management
from tests.drivers.test_rabbitmq_broker import SIZE, Bench, note, running, until

LANES = 120  # more than are opened at once

pytestmark = pytest.mark.broker("rabbitmq")


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with running(tmp_path_factory.mktemp("logs")) as made:
        yield made


@pytest.fixture
def bench(server: Server, request: pytest.FixtureRequest) -> Iterator[Bench]:
    made = Bench(server, "pika", f"bb.{re.sub(r'[^a-z]+', '-', request.node.name)}")
    yield made
    made.close()


def batch(lanes: list[int], size: int = SIZE) -> Batch:
    count = len(lanes)
    data = b"".join(lane.to_bytes(8, "big") * (size // 8) for lane in lanes)
    size = size // 8 * 8
    return Batch(memoryview(data), np.arange(count + 1, dtype=np.int64) * size, size, count, lanes=lanes)


def answers(producer: Producer, count: int) -> dict[int, Fate]:
    found: dict[int, Fate] = {}

    def all_there() -> bool:
        note(producer.confirms(0.2), found)
        return len(found) == count

    until(all_there, f"{count} answers")
    return found


def names(server: Server) -> list[str]:
    listed = Management(server.address).connections()
    return [str(each.get("client_properties", {}).get("connection_name", "")) for each in listed]


def test_each_lane_is_a_connection_and_a_confirm_stream(server: Server, bench: Bench) -> None:
    producer = bench.connect().producer(LANES)
    until(lambda: sum(" lane-" in name for name in names(server)) == LANES, "all connections are listed")
    assert not any(name.endswith("producer-0") for name in names(server))  # not one more than there are lanes
    everyone = [(7 * i) % LANES for i in range(3 * LANES)]
    assert producer.send(batch(everyone)) == len(everyone)
    assert producer.room() == 1000 - len(everyone)
    found = answers(producer, len(everyone))
    assert sorted(found) == list(range(len(everyone)))
    assert set(found.values()) == {Fate.CONFIRMED}
    assert producer.room() == 1000
    until(lambda: bench.admin.counters(bench.endpoints).published == len(everyone), "the broker counts all")


def test_a_message_of_many_frames_holds_nobody_up(bench: Bench) -> None:
    producer = bench.connect().producer(3)
    large = 3 * 2**20
    assert producer.send(batch([0], large)) == 1
    assert producer.send(batch([1, 2])) == 2
    assert set(answers(producer, 3)) == {0, 1, 2}


def test_what_no_queue_takes_is_refused(server: Server) -> None:
    """It comes back in as many frames as it went, on its own lane."""
    bench = Bench(server, "pika", "bb.nowhere", exchange="default")
    producer = bench.connect().producer(2)
    bench.admin.delete(bench.endpoints)
    assert producer.send(batch([0, 1, 0], 200_000)) == 3
    assert set(answers(producer, 3).values()) == {Fate.REFUSED}
    bench.close()


def test_a_destination_that_is_gone_is_a_loss(bench: Bench) -> None:
    producer = bench.connect().producer(2)
    bench.admin.delete(bench.endpoints)  # with it goes the exchange: the channel is closed
    producer.send(batch([0]))
    with pytest.raises(ConnectionLost, match="no exchange"):
        until(lambda: producer.confirms(0.2) is None, "the loss is told")


def test_one_connection_lost_is_all_lost(server: Server, bench: Bench) -> None:
    connection = bench.connect()
    producer = connection.producer(LANES)
    until(lambda: sum(" lane-" in name for name in names(server)) == LANES, "all connections are listed")
    management = Management(server.address)
    victim = next(each["name"] for each in management.connections() if "lane-17" in str(each["client_properties"]))
    management._ask("DELETE", f"/api/connections/{victim.replace(' ', '%20').replace('>', '%3E')}")
    with pytest.raises(ConnectionLost):
        until(lambda: producer.confirms(0.2) is None, "the loss is told")
    assert producer.room() == 0
    assert [event.kind for event in connection.events()] == ["dropped"]
    connection.close()
    until(lambda: not any(" lane-" in name for name in names(server)), "none is left")


def test_who_may_not_publish_is_told_with_the_brokers_words(server: Server, bench: Bench) -> None:
    connection = bench.connect()
    session: Session = connection._session  # type: ignore[attr-defined]
    session.endpoints.address["password"] = "wrong"  # type: ignore[index]
    try:
        with pytest.raises(BadTarget, match="connection 1: ACCESS_REFUSED"):
            connection.producer(3)
    finally:
        session.endpoints.address["password"] = server.address["password"]  # type: ignore[index]
