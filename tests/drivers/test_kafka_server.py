"""Kafka's own ways, on a real server: partitions, flushes, groups, counters, for both clients."""

import dataclasses
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from brokerbench.contract import (
    BadTarget,
    Batch,
    Connection,
    ConnectionLost,
    Counters,
    Destination,
    Endpoints,
    Fate,
    Producer,
    Session,
    Settle,
)
from brokerbench.model import ServerKind
from brokerbench.servers import Guardian, NotAvailable, Server
from brokerbench_drivers.kafka import DRIVER
from brokerbench_drivers.kafka.admin import KafkaAdmin
from brokerbench_drivers.kafka.cluster import open_cluster
from brokerbench_drivers.kafka.node import Node, Shape
from brokerbench_drivers.kafka.server import NativeKafka
from tests.support.absent import recipe_of

DEADLINE_S = 90.0
SIZE = 64
SETTINGS = DRIVER.Settings(acks="all", idempotence=True, commit="settled")
CLIENTS = list(DRIVER.clients)

pytestmark = pytest.mark.broker("kafka")


def until(done: Callable[[], object], what: str) -> None:
    end = time.monotonic() + DEADLINE_S
    while not done():
        assert time.monotonic() < end, f"not within {DEADLINE_S:g} s: {what}"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    recipe = recipe_of("kafka")
    with Guardian() as guardian:
        host = guardian.host("kafka", tmp_path_factory.mktemp("logs"))
        yield recipe.start(host, SETTINGS)
        host.close()


class Trial:
    """One topic, its connections, and what was sent and received."""

    def __init__(self, server: Server, name: str, client: str, partitions: int, groups: dict[str, int], settings: Any):
        self.client, self.settings = client, settings
        self.admin = DRIVER.admin(server.address, settings)
        self.endpoints = self.admin.declare(Destination(f"bb.test.{name}", partitions, 1, groups))
        self.connections: list[Connection] = []

    def connect(self, group: str | None, index: int = 0, in_flight: int = 1000) -> Connection:
        session = Session(self.endpoints, self.client, self.settings, in_flight, 100, SIZE, index, group)
        self.connections.append(DRIVER.connect(session))
        return self.connections[-1]

    def counted(self, expected: Counters) -> None:
        seen: list[Counters] = []
        until(lambda: seen.append(self.admin.counters(self.endpoints)) or seen[-1] == expected, f"counters {expected}")

    def close(self) -> None:
        for connection in self.connections:
            connection.close()
        self.admin.delete(self.endpoints)
        self.admin.close()


@pytest.fixture
def trial(server: Server, request: pytest.FixtureRequest) -> Iterator[Callable[..., Trial]]:
    made: list[Trial] = []

    def make(client: str, partitions: int = 1, groups: dict[str, int] | None = None, settings: Any = SETTINGS) -> Trial:
        name = f"{request.node.name.partition('[')[0]}.{client}.{len(made)}"
        made.append(Trial(server, name, client, partitions, groups or {"a": 1}, settings))
        return made[-1]

    yield make
    for one in made:
        one.close()


def batch(first: int, count: int, keys: int = 0) -> Batch:
    block = np.zeros((count, SIZE), np.uint8)
    block[:, :8] = np.arange(first, first + count, dtype=">u8").view(np.uint8).reshape(count, 8)
    named = [b"key-%d" % (i % keys) for i in range(first, first + count)] if keys else None
    return Batch(block.reshape(-1).data, np.arange(count + 1, dtype=np.int64) * SIZE, SIZE, count, named)


def number(payload: bytes) -> int:
    return int.from_bytes(payload[:8], "big")


def send_all(producer: Producer, count: int, keys: int = 0) -> np.ndarray:
    """Send, and collect each message's answers: an array of how often each was confirmed."""
    answers = np.zeros(count, np.int64)
    sent = 0

    def step() -> bool:
        nonlocal sent
        room = min(producer.room(), count - sent, 97)
        if room:
            sent += producer.send(batch(sent, room, keys))
        confirms = producer.confirms(0.01)
        for first, last, fate in zip(confirms.first, confirms.last, confirms.fate, strict=True):
            assert fate == Fate.CONFIRMED.value
            answers[first : last + 1] += 1
        return sent == count and bool(answers.all())

    until(step, f"{count} messages confirmed")
    return answers


def fates_of(producer: Producer, count: int) -> list[int]:
    """Of each of the first `count` messages, once all are answered."""
    fates: dict[int, int] = {}

    def read() -> bool:
        confirms = producer.confirms(0.01)
        for first, last, fate in zip(confirms.first, confirms.last, confirms.fate, strict=True):
            fates.update(dict.fromkeys(range(first, last + 1), int(fate)))
        return len(fates) == count

    until(read, f"{count} answers")
    return [fates[ordinal] for ordinal in range(count)]


@pytest.mark.parametrize("client", CLIENTS)
def test_confirms_over_four_partitions_cover_each_message_once(trial: Callable[..., Trial], client: str) -> None:
    one = trial(client, partitions=4)
    producer = one.connect(None).producer()
    assert (send_all(producer, 3000, keys=16) == 1).all()
    assert len(producer.confirms(0.01)) == 0
    assert producer.room() == 1000
    one.counted(Counters(published=3000, delivered={"a": 0}, stored=3000))


@pytest.mark.parametrize("client", CLIENTS)
def test_without_idempotence_too_each_answer_finds_its_message(trial: Callable[..., Trial], client: str) -> None:
    producer = trial(client, settings=SETTINGS.model_copy(update={"acks": 1, "idempotence": False}))
    assert (send_all(producer.connect(None).producer(), 2000) == 1).all()


@pytest.mark.parametrize("client", CLIENTS)
def test_a_message_too_large_for_the_topic_is_refused(trial: Callable[..., Trial], client: str) -> None:
    """The client would send it; what answers for it is counted, the messages before and after it are confirmed."""
    one = trial(client)
    producer = one.connect(None).producer()
    size = SETTINGS.max_message_bytes + 4096
    large = Batch(memoryview(bytearray(size)), np.array([0, size]), size, 1)
    assert producer.send(batch(0, 10)) == 10
    assert producer.send(large) == 1
    assert producer.send(batch(11, 10)) == 10
    yes, no = Fate.CONFIRMED.value, Fate.REFUSED.value
    assert fates_of(producer, 21) == [no if ordinal == 10 else yes for ordinal in range(21)]


@pytest.mark.parametrize("client", CLIENTS)
def test_counters_are_exact_for_each_group(trial: Callable[..., Trial], client: str) -> None:
    one = trial(client, partitions=2, groups={"a": 1, "b": 1})
    producer = one.connect(None).producer()
    consumers = {group: one.connect(group).consumer() for group in ("a", "b")}
    send_all(producer, 1000)
    got: dict[str, list[int]] = {"a": [], "b": []}

    def receive() -> bool:
        for group, consumer in consumers.items():
            found = consumer.receive(0.02)
            assert found.payloads is not None
            got[group] += map(number, found.payloads)
            if group == "a" and found.count:
                consumer.settle(found.tokens, Settle.ACCEPT)
        return all(len(numbers) >= 1000 for numbers in got.values())

    until(receive, "1000 messages in both groups")
    assert sorted(got["a"]) == sorted(got["b"]) == list(range(1000))
    # What b received it never settled, so for the broker it has nothing.
    seen: list[Counters] = []
    expected = Counters(published=1000, delivered={"a": 1000, "b": 0}, stored=1000)
    until(lambda: receive() and (seen.append(one.admin.counters(one.endpoints)), seen[-1] == expected)[1], "counters")


@pytest.mark.parametrize("client", CLIENTS)
def test_keys_keep_their_partition_and_their_order(trial: Callable[..., Trial], client: str) -> None:
    one = trial(client, partitions=4)
    consumer = one.connect("a").consumer()
    send_all(one.connect(None).producer(), 1000, keys=8)
    order: dict[int, list[int]] = {}
    homes: dict[int, set[int]] = {}

    def receive() -> bool:
        found = consumer.receive(0.02)
        assert found.payloads is not None
        if found.count:
            assert found.partitions is not None
            for payload, partition in zip(found.payloads, found.partitions.tolist(), strict=True):
                key = number(payload) % 8
                order.setdefault(key, []).append(number(payload))
                homes.setdefault(key, set()).add(partition)
        return sum(map(len, order.values())) == 1000

    until(receive, "1000 messages")
    assert all(numbers == sorted(numbers) for numbers in order.values())
    assert all(len(partitions) == 1 for partitions in homes.values())
    # murmur2, as Java clients place them: the same for both clients.
    assert {key: partitions.pop() for key, partitions in homes.items()} == {
        key: _murmur2(b"key-%d" % key) % 4 for key in range(8)
    }


def _murmur2(key: bytes) -> int:
    """As Kafka's Java client computes it, made positive."""
    mask, m = 0xFFFFFFFF, 0x5BD1E995
    h = 0x9747B28C ^ len(key)
    whole = len(key) & ~3
    for at in range(0, whole, 4):
        k = int.from_bytes(key[at : at + 4], "little") * m & mask
        k = (k ^ k >> 24) * m & mask
        h = (h * m & mask) ^ k
    if rest := key[whole:]:
        h = (h ^ int.from_bytes(rest, "little")) * m & mask
    h = (h ^ h >> 13) * m & mask
    return (h ^ h >> 15) & 0x7FFFFFFF


@pytest.mark.parametrize("client", CLIENTS)
def test_a_consumer_without_a_partition_does_not_hang(trial: Callable[..., Trial], client: str) -> None:
    one = trial(client, partitions=1, groups={"a": 2})
    consumers = [one.connect("a", index).consumer() for index in range(2)]
    send_all(one.connect(None).producer(), 200)
    got: list[list[int]] = [[], []]

    def receive() -> bool:
        for numbers, consumer in zip(got, consumers, strict=True):
            found = consumer.receive(0.02)
            assert found.payloads is not None
            numbers.extend(map(number, found.payloads))
        return len(got[0]) + len(got[1]) >= 200

    until(receive, "200 messages")
    assert sorted(map(len, got)) == [0, 200]


@pytest.mark.parametrize("client", CLIENTS)
def test_a_consumer_that_leaves_hands_over_without_repeating(trial: Callable[..., Trial], client: str) -> None:
    """What was settled is committed before the partitions go to the one that stays."""
    one = trial(client, partitions=4, groups={"a": 2})
    consumers = [one.connect("a", index).consumer() for index in range(2)]
    producer = one.connect(None).producer()
    got: list[int] = []

    def receive(total: int) -> bool:
        for consumer in consumers:
            found = consumer.receive(0.02)
            assert found.payloads is not None
            got.extend(map(number, found.payloads))
            if found.count:
                consumer.settle(found.tokens, Settle.ACCEPT)
        return len(got) >= total

    send_all(producer, 1000, keys=32)
    until(lambda: receive(1000), "1000 messages")
    consumers.pop(0).close()
    assert producer.send(batch(1000, 500, keys=32)) == 500
    until(lambda: (producer.confirms(0), receive(1500))[1], "500 more, at the one that stayed")
    assert sorted(got) == list(range(1500))


@pytest.mark.parametrize("client", CLIENTS)
def test_at_most_once_hands_over_and_is_never_answered(trial: Callable[..., Trial], client: str) -> None:
    settings = SETTINGS.model_copy(update={"acks": 0, "idempotence": False, "commit": "received"})
    one = trial(client, settings=settings)
    consumer, producer = one.connect("a").consumer(), one.connect(None, in_flight=100).producer()
    sent, got = 0, []

    def step() -> bool:
        nonlocal sent
        if room := min(producer.room(), 2000 - sent, 50):
            sent += producer.send(batch(sent, room))
        assert len(producer.confirms(0.001)) == 0
        found = consumer.receive(0)
        assert found.payloads is not None
        assert found.tokens is None
        got.extend(map(number, found.payloads))
        return len(got) >= 2000

    until(step, "2000 messages")
    assert got == list(range(2000))


def test_what_power_loss_needs_is_read_back(trial: Callable[..., Trial]) -> None:
    one = trial(CLIENTS[0], settings=SETTINGS.model_copy(update={"flush_messages": 1}))
    facts = one.admin.facts(one.endpoints)
    assert facts["topic.flush.messages"] == "1"
    assert facts["topic.min.insync.replicas"] == "1"
    assert (facts["nodes"], facts["replicas"], facts["leaders"]) == ("1", "1, in sync 1", "1")
    assert int(facts["broker.num.io.threads"]) > 0
    plain = trial(CLIENTS[0])
    assert plain.admin.facts(plain.endpoints)["topic.flush.messages"] != "1"


def test_who_else_has_groups_is_told(server: Server, trial: Callable[..., Trial]) -> None:
    one = trial("confluent")
    stranger = DRIVER.admin(server.address, SETTINGS)
    until(lambda: stranger.busy() == "", "nobody")
    one.connect("a").consumer()
    assert one.admin.busy() == ""  # its own
    assert stranger.busy() == "1 consumer group of others with members"
    stranger.close()


@pytest.mark.parametrize("compression", ["none", "gzip", "snappy", "lz4", "zstd"])
@pytest.mark.parametrize("client", CLIENTS)
def test_a_codec_is_in_the_log_and_comes_out_again(
    server: Server, trial: Callable[..., Trial], client: str, compression: str
) -> None:
    """Its number stands in the attributes of each batch, at byte 21 and 22 of the log's file."""
    one = trial(client, settings=SETTINGS.model_copy(update={"compression": compression}))
    consumer = one.connect("a").consumer()
    send_all(one.connect(None).producer(), 500)
    got: list[int] = []

    def receive() -> bool:
        got.extend(map(number, consumer.receive(0.02).payloads or ()))
        return len(got) == 500

    until(receive, "500 messages")
    assert got == list(range(500))
    folder = open_cluster(server.address).broker_config(1, ["log.dirs"])["log.dirs"]
    log = Path(folder, f"{one.endpoints.destination}-0", f"{0:020}.log").read_bytes()
    assert ["none", "gzip", "snappy", "lz4", "zstd"][int.from_bytes(log[21:23], "big") & 7] == compression
    assert one.admin.facts(one.endpoints)["topic.compression.type"] == "producer"


TEN = SETTINGS.model_copy(update={"transactions": 10, "transaction_wait_s": 30.0})


@pytest.mark.parametrize("client", CLIENTS)
def test_a_transaction_is_confirmed_and_read_once_it_is_whole(
    server: Server, trial: Callable[..., Trial], client: str
) -> None:
    one = trial(client, settings=TEN)
    consumer, producer = one.connect("a").consumer(), one.connect(None).producer()
    assert producer.send(batch(0, 9)) == 9
    cluster = open_cluster(server.address)
    until(lambda: cluster.offsets(one.endpoints.destination, 1)[1] == [9], "nine are in the log")
    assert len(producer.confirms(0)) == 0
    assert consumer.receive(0).count == 0
    assert producer.room() == 1
    assert producer.send(batch(9, 5)) == 1
    assert fates_of(producer, 10) == [Fate.CONFIRMED.value] * 10
    got: list[int] = []
    until(lambda: got.extend(map(number, consumer.receive(0.02).payloads or ())) or len(got) == 10, "ten")
    assert got == list(range(10))
    assert cluster.offsets(one.endpoints.destination, 1)[1] == [11]  # which is why nothing is counted by offsets
    assert one.admin.counters(one.endpoints) == Counters(None, {"a": None}, None)
    cluster.close()


@pytest.mark.parametrize("client", CLIENTS)
def test_a_transaction_that_fails_is_never_read_and_the_next_producer_goes_on(
    trial: Callable[..., Trial], client: str
) -> None:
    """The client sends the large message, the topic does not take it."""
    one = trial(client, settings=TEN)
    one.settings = TEN.model_copy(update={"max_message_bytes": 4 * TEN.max_message_bytes})
    consumer, producer = one.connect("a").consumer(), one.connect(None).producer()
    size = TEN.max_message_bytes + 4096
    assert producer.send(batch(0, 9)) == 9
    assert producer.send(Batch(memoryview(bytearray(size)), np.array([0, size]), size, 1)) == 1
    with pytest.raises(ConnectionLost, match="a transaction was not committed"):
        until(lambda: len(producer.confirms(0.01)), "the end of the transaction")
    one.connections.pop().close()
    again = one.connect(None).producer()
    assert again.send(batch(10, 10)) == 10
    assert fates_of(again, 10) == [Fate.CONFIRMED.value] * 10
    got: list[int] = []
    until(lambda: got.extend(map(number, consumer.receive(0.02).payloads or ())) or len(got) == 10, "ten")
    assert got == list(range(10, 20))


def test_more_replicas_than_brokers_is_a_bad_target(server: Server) -> None:
    admin = DRIVER.admin(server.address, SETTINGS.model_copy(update={"replication": 3}))
    with pytest.raises(BadTarget, match=r"replication 3\): .*only 1 broker"):
        admin.declare(Destination("bb.test.replicas", 1, 1, {"a": 1}))
    admin.close()


def test_a_node_that_comes_again_keeps_its_ports(tmp_path: Path) -> None:
    with Guardian() as guardian:
        host = guardian.host("kafka", tmp_path)
        first, second = Node.new(host, 1), Node.new(host, 2)
        assert len({first.port, first.inner, first.controller, second.port, second.inner, second.controller}) == 6
        Shape([first, second], "id", None).write(first)
        assert Node.new(host, 1) == first
        assert Node.new(host, 2).port != second.port  # it was never started


@pytest.mark.parametrize("library", ["cluster_confluent:ConfluentCluster", "cluster_kafka_python:KafkaPythonCluster"])
def test_either_library_alone_can_administer(server: Server, library: str, monkeypatch: pytest.MonkeyPatch) -> None:
    module, _, name = library.partition(":")
    cluster = getattr(pytest.importorskip(f"brokerbench_drivers.kafka.{module}"), name)
    opened = cluster(server.address, 15.0)
    monkeypatch.setattr("brokerbench_drivers.kafka.admin.open_cluster", lambda _address: opened)
    admin = KafkaAdmin(server.address, SETTINGS)
    endpoints: Endpoints = admin.declare(Destination(f"bb.test.alone-{module}", 3, 1, {"a": 1}))
    assert admin.counters(endpoints) == Counters(0, {"a": 0}, 0)
    assert admin.facts(endpoints)["topic.max.message.bytes"] == str(SETTINGS.max_message_bytes)
    with pytest.raises(BadTarget, match=r"(?i)exists"):
        admin.declare(Destination(endpoints.destination, 3, 1, {"a": 1}))
    admin.delete(endpoints)
    admin.delete(endpoints)  # what is gone already is no error
    until(
        lambda: _refused(lambda: admin.counters(dataclasses.replace(endpoints, groups={}))), "all know that it is gone"
    )
    admin.close()


def _refused(ask: Callable[[], object]) -> bool:
    try:
        ask()
    except BadTarget:
        return True
    return False


def test_an_installed_kafka_is_found_by_its_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    recipe = NativeKafka()
    monkeypatch.delenv("KAFKA_HOME", raising=False)
    assert "set KAFKA_HOME" in recipe.available().what
    monkeypatch.setenv("KAFKA_HOME", str(tmp_path))
    assert "no libs/kafka_" in recipe.available().what
    libs = tmp_path / "libs"
    libs.mkdir()
    (libs / "kafka_2.13-3.9.1.jar").touch()
    assert "4.0 or newer is needed" in recipe.available().what
    with pytest.raises(NotAvailable, match=r"4\.0 or newer"):
        recipe.fetch(print)
    (libs / "kafka_2.13-3.9.1.jar").rename(libs / "kafka_2.13-4.3.1.jar")
    assert "Kafka 4.3.1 of KAFKA_HOME" in recipe.available().what


def test_a_native_home_of_the_same_jars_starts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    recipe_of("kafka")
    embedded: Any = DRIVER.servers[ServerKind.EMBEDDED]
    libs = tmp_path / "home" / "libs"
    libs.mkdir(parents=True)
    for jar in embedded._jars.files():
        (libs / jar.name).symlink_to(jar)
    monkeypatch.setenv("KAFKA_HOME", str(libs.parent))
    with Guardian() as guardian:
        host = guardian.host("native", tmp_path / "logs")
        started = NativeKafka().start(host, SETTINGS)
        admin = DRIVER.admin(started.address, SETTINGS)
        endpoints = admin.declare(Destination("bb.test.native", 1, 1, {"a": 1}))
        assert admin.counters(endpoints).published == 0
        admin.close()
        host.close()
