"""Kafka's stand-in: its log and dialogue, and both clients against the process."""

import random
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from brokerbench.contract import Consumer, Destination, Settle
from brokerbench.servers import Guardian
from brokerbench_drivers._dialogue import Unspoken
from brokerbench_drivers.kafka import DRIVER
from tests.conformance.lab import until
from tests.support.absent import absent
from tests.support.stand_in import Stage, send_all
from tests.support.stand_ins import listening, stand_ins

try:
    from kafka.protocol.admin import DeleteTopicsRequest
    from kafka.protocol.consumer import ConsumerProtocolAssignment, FetchRequest, FetchResponse
    from kafka.protocol.metadata import ApiVersionsRequest, ApiVersionsResponse
    from kafka.record import MemoryRecords

    from brokerbench_drivers.kafka.stand_in_dialogue import KafkaDialogue
    from brokerbench_drivers.kafka.stand_in_log import EndlessLog
    from brokerbench_drivers.kafka.stand_in_topic import Topic
except ImportError:
    absent("Kafka's stand-in: pip install 'brokerbench[kafka]'")

CLIENTS = list(DRIVER.clients)
SIZES = [16, 100, 1024, 300_000]
TOPIC = Topic("bb.try", 3, {"bb.try.a": 2}, 1)


def canned_of(size: int) -> list[bytes]:
    return [random.Random(n).randbytes(size) for n in range(400 if size < 10_000 else 7)]


def records_of(data: bytes) -> list[tuple[int, bytes]]:
    """(offset, value); every checksum is checked."""
    records, found = MemoryRecords(data), []
    while (part := records.next_batch()) is not None:
        assert part.validate_crc()
        found += [(record.offset, record.value) for record in part]
    return found


class TestLog:
    CANNED = canned_of(100)
    LOG = EndlessLog(b"".join(CANNED), 100, 1000)

    @pytest.mark.parametrize("offset", [0, 1, 8, 399, 400, 400 * 10**9 + 123, 2**61])
    @pytest.mark.parametrize("most_bytes", [1, 5000, 200_000])
    def test_holds_the_canned_messages_for_ever(self, offset: int, most_bytes: int) -> None:
        data = self.LOG.read(offset, most_bytes)
        found = records_of(data)
        first = found[0][0]
        assert first <= offset < first + 10
        assert found == [(first + n, self.CANNED[(first + n) % 400]) for n in range(len(found))]
        assert offset <= found[-1][0]
        assert len(data) <= max(most_bytes, 1000)

    def test_a_message_larger_than_a_batch_is_a_batch(self) -> None:
        log = EndlessLog(b"x" * 5000 + b"y" * 5000, 5000, 1000)
        assert records_of(log.read(3, 1)) == [(3, b"y" * 5000)]


class TestDialogue:
    @staticmethod
    def asked(request: Any, number: int = 1) -> bytes:
        request.with_header(number, "brokerbench-a-0")
        return bytes(request.encode(header=True, framed=True))

    @staticmethod
    def fetch() -> Any:
        partition = FetchRequest.FetchTopic.FetchPartition(partition=2, fetch_offset=7, partition_max_bytes=1)
        topic = FetchRequest.FetchTopic(topic=TOPIC.name, partitions=[partition])
        return FetchRequest[11](max_wait_ms=0, min_bytes=1, max_bytes=10**6, topics=[topic], forgotten_topics_data=[])

    def test_answers_each_request_however_the_stream_is_cut(self) -> None:
        stream = b"".join(self.asked(self.fetch(), number) for number in range(20))
        dialogue, unread, numbers = KafkaDialogue(TOPIC, TestLog.LOG), b"", []
        chance, at = random.Random(1), 0
        while at < len(stream):
            step = chance.choice([1, 3, 50, 500])
            unread += stream[at : at + step]
            at += step
            unread = unread[dialogue.feed(memoryview(unread)) :]
            for answer in dialogue.output():
                found = FetchResponse.decode(bytes(answer), version=11, header=True, framed=True)
                (partition,) = found.responses[0].partitions
                assert (partition.partition_index, partition.error_code) == (2, 0)
                assert (7, TestLog.CANNED[7]) in records_of(bytes(partition.records))
                numbers.append(found.header.correlation_id)
        assert unread == b""
        assert numbers == list(range(20))

    def test_a_newer_client_learns_what_is_taken(self) -> None:
        dialogue = KafkaDialogue(TOPIC, TestLog.LOG)
        request = bytearray(self.asked(ApiVersionsRequest[4](client_software_name="x", client_software_version="1")))
        request[6:8] = (9).to_bytes(2)
        assert dialogue.feed(memoryview(request)) == len(request)
        (answer,) = dialogue.output()
        found = ApiVersionsResponse.decode(bytes(answer), version=0, header=True, framed=True)
        assert found.error_code == 35
        assert {FetchRequest.API_KEY, ApiVersionsRequest.API_KEY} <= {each.api_key for each in found.api_keys}

    def test_what_it_does_not_know_is_said(self) -> None:
        with pytest.raises(Unspoken, match="kind 20"):
            KafkaDialogue(TOPIC, TestLog.LOG).feed(
                memoryview(self.asked(DeleteTopicsRequest[1](topic_names=["t"], timeout_ms=1)))
            )

    def test_members_share_the_partitions(self) -> None:
        def share(client_id: str, topic: Topic = TOPIC) -> list[int]:
            assigned = ConsumerProtocolAssignment.decode(topic.assignment("bb.try.a", client_id))
            return [p for part in assigned.assigned_partitions for p in part.partitions]

        assert (share("brokerbench-a-0"), share("brokerbench-a-1")) == ([0, 1], [2])
        one = Topic("bb.try", 1, {"bb.try.a": 2}, 1)
        assert (share("brokerbench-a-0", one), share("brokerbench-a-1", one)) == ([0], [])


@pytest.fixture(scope="module")
def guardian() -> Iterator[Guardian]:
    with Guardian() as made:
        yield made


@pytest.fixture
def stage(request: pytest.FixtureRequest, guardian: Guardian, tmp_path: Path) -> Iterator[Stage]:
    client, size, asked = request.param
    pytest.importorskip(DRIVER.clients[client])
    asked = {"consumers": 1} | asked
    consumers = asked.pop("consumers")
    settings = DRIVER.Settings.model_validate({"acks": "all", "idempotence": True, "commit": "settled"} | asked)
    host = guardian.host("stand-in", tmp_path)
    made = Stage(host, tmp_path, DRIVER, client, settings, canned_of(size), in_flight=500)
    made.start(Destination("bb.try", 3, 1, {"a": consumers}))
    yield made
    made.close()


def stages(sizes: Sequence[int], **asked: Any) -> pytest.MarkDecorator:
    cases = [(client, size, dict(asked)) for client in CLIENTS for size in sizes]
    return pytest.mark.parametrize("stage", cases, indirect=True, ids=[f"{c}-{size}" for c, size, _ in cases])


@stages(SIZES)
def test_confirms_each_message_once(stage: Stage) -> None:
    count = 3000 if stage.size < 10_000 else 50
    assert (send_all(stage.connect().producer(), stage.canned, count) == 1).all()


@stages([100], acks=1, idempotence=False)
def test_confirms_without_idempotence(stage: Stage) -> None:
    assert (send_all(stage.connect().producer(), stage.canned, 3000) == 1).all()


@stages([100], acks=0, idempotence=False)
def test_takes_all_where_nothing_is_confirmed(stage: Stage) -> None:
    assert not send_all(stage.connect().producer(), stage.canned, 3000, confirming=False).any()


def received(consumer: Consumer, goal: int) -> dict[int, list[bytes]]:
    """At least `goal` messages, by partition."""
    got: dict[int, list[bytes]] = {}
    count = 0

    def more() -> bool:
        nonlocal count
        deliveries = consumer.receive(0.01)
        count += deliveries.count
        if deliveries.count:
            assert deliveries.payloads is not None
            assert deliveries.partitions is not None
            for partition, payload in zip(deliveries.partitions.tolist(), deliveries.payloads, strict=True):
                got.setdefault(partition, []).append(payload)
            consumer.settle(deliveries.tokens, Settle.ACCEPT)
        return count >= goal

    until(more, f"{goal} messages")
    return got


@stages(SIZES)
def test_gives_the_canned_messages_byte_for_byte(stage: Stage) -> None:
    got = received(stage.connect("a").consumer(), 20 * len(stage.canned))
    assert got.keys() <= {0, 1, 2}
    for payloads in got.values():
        assert all(payload == stage.canned[at % len(stage.canned)] for at, payload in enumerate(payloads))


@stages([100], consumers=2)
def test_two_consumers_share_the_partitions_and_need_not_wait_for_each_other(stage: Stage) -> None:
    idle = stage.connect("a", 0).consumer()
    assert received(stage.connect("a", 1).consumer(), 5000).keys() == {2}
    assert received(idle, 5000).keys() <= {0, 1}


@stages([16])
def test_leaves_no_process(stage: Stage) -> None:
    connection = stage.connect("a")
    received(connection.consumer(), 100)
    parent = listening("kafka")
    children = parent.children()
    assert children
    connection.close()
    until(lambda: not any(child.is_running() for child in children), "closed connections leave no process")
    (where,) = {(each.laddr.ip, each.laddr.port) for each in parent.net_connections("inet")}
    assert where == ("127.0.0.1", stage.endpoints.address["port"])
    stage.close()
    assert stand_ins("kafka") == []
