"""RabbitMQ's stand-in: its dialogue byte by byte, and pika against the process."""

import random
from collections.abc import Iterator
from pathlib import Path

import pytest

from brokerbench.contract import Destination, Settle
from brokerbench.servers import Guardian
from brokerbench_drivers._dialogue import Unspoken
from brokerbench_drivers.rabbitmq import DRIVER
from tests.conformance.lab import until
from tests.support.absent import absent
from tests.support.stand_in import PREFETCH, Stage, send_all
from tests.support.stand_ins import listening, stand_ins

try:
    from pamqp.body import ContentBody
    from pamqp.commands import Basic, Channel, Confirm, Tx
    from pamqp.frame import marshal, unmarshal
    from pamqp.header import ContentHeader

    from brokerbench_drivers.rabbitmq.stand_in_dialogue import AmqpDialogue
except ImportError:
    absent("RabbitMQ's stand-in: pip install 'brokerbench[rabbitmq]'")

SIZES = [16, 100, 1024, 300_000]  # the last one takes several frames


def canned_of(size: int) -> list[bytes]:
    return [random.Random(n).randbytes(size) for n in range(120 if size < 10_000 else 7)]


def published(payload: bytes, key: str = "q", channel: int = 1) -> bytes:
    header = ContentHeader(0, len(payload), Basic.Properties(delivery_mode=1))
    frames = [Basic.Publish(0, "", key, True, False), header, *([ContentBody(payload)] if payload else [])]
    return b"".join(marshal(frame, channel) for frame in frames)


def opened(*asked: object, size: int = 16) -> AmqpDialogue:
    dialogue = AmqpDialogue(b"".join(canned_of(size)), size)
    for frame in (Channel.Open(), *asked):
        heard = marshal(frame, 1)  # type: ignore[arg-type]
        assert dialogue.feed(memoryview(heard)) == len(heard)
    return dialogue


def frames_of(dialogue: AmqpDialogue) -> list[object]:
    data = b"".join(dialogue.output())
    found = []
    while data:
        used, _, frame = unmarshal(data)
        found.append(frame)
        data = data[used:]
    return found


def tags_of(dialogue: AmqpDialogue) -> list[int | None]:
    return [frame.delivery_tag for frame in frames_of(dialogue) if isinstance(frame, Basic.Deliver)]


class TestDialogue:
    def test_one_ack_covers_a_block(self) -> None:
        dialogue = opened(Confirm.Select())
        dialogue.output()
        block = b"".join(published(random.Random(n).randbytes(64)) for n in range(500))
        assert dialogue.feed(memoryview(block)) == len(block)
        (ack,) = frames_of(dialogue)
        assert isinstance(ack, Basic.Ack)
        assert (ack.delivery_tag, ack.multiple) == (500, True)
        assert frames_of(dialogue) == []

    @pytest.mark.parametrize("seed", range(20))
    def test_counts_right_however_the_stream_is_cut(self, seed: int) -> None:
        """Other sizes, other keys, empty bodies, frame ends inside bodies: each message counts once."""
        chance = random.Random(seed)
        sizes = [chance.choice([16, 16, 16, 0, 300]) for _ in range(100)]
        stream = b"".join(published(b"\xce" * size, chance.choice(["q", "q", "queue"])) for size in sizes)
        dialogue = opened(Confirm.Select())
        dialogue.output()
        unread, at, confirmed = b"", 0, 0
        while at < len(stream):
            step = chance.choice([1, 7, 50, 400, 4000])
            unread += stream[at : at + step]
            at += step
            unread = unread[dialogue.feed(memoryview(unread)) :]
            for frame in frames_of(dialogue):
                assert isinstance(frame, Basic.Ack)
                assert (frame.delivery_tag or 0) > confirmed
                confirmed = frame.delivery_tag or 0
        assert unread == b""
        assert confirmed == 100

    def test_a_block_on_two_channels_is_told_apart(self) -> None:
        dialogue = opened(Confirm.Select())
        for frame in (Channel.Open(), Confirm.Select()):
            dialogue.feed(memoryview(marshal(frame, 2)))
        dialogue.output()
        block = b"".join(published(b"x" * 16, channel=channel) for channel in (1, 2, 2, 1, 1))
        assert dialogue.feed(memoryview(block)) == len(block)
        assert [frame.delivery_tag for frame in frames_of(dialogue) if isinstance(frame, Basic.Ack)] == [3, 2]

    def test_prefetch_counts_what_is_not_settled(self) -> None:
        dialogue = opened(Basic.Qos(0, 5), Basic.Consume(queue="q"))
        assert tags_of(dialogue) == [1, 2, 3, 4, 5]
        assert tags_of(dialogue) == []
        for tag, multiple, more in ((3, False, [6]), (3, True, [7, 8]), (3, False, []), (0, True, [9, 10, 11, 12, 13])):
            dialogue.feed(memoryview(marshal(Basic.Ack(tag, multiple), 1)))
            assert tags_of(dialogue) == more
        dialogue.feed(memoryview(marshal(Basic.Nack(13, True, False), 1)))
        assert tags_of(dialogue) == [14, 15, 16, 17, 18]

    def test_what_it_does_not_know_is_said(self) -> None:
        with pytest.raises(Unspoken, match=r"no Tx\.Select"):
            opened(Tx.Select())
        with pytest.raises(Unspoken, match="channel 3 is not open"):
            opened().feed(memoryview(published(b"x", channel=3)))
        with pytest.raises(Unspoken, match="not a frame"):
            opened().feed(memoryview(published(b"x")[:-1] + b"?"))


def staged(guardian: Guardian, folder: Path, size: int, groups: tuple[str, ...] = ("a",)) -> Stage:
    settings = DRIVER.Settings(persistent=False, confirms=True, auto_ack=False)
    made = Stage(guardian.host("stand-in", folder), folder, DRIVER, "pika", settings, canned_of(size))
    made.start(Destination("bb.try", 1, 1, dict.fromkeys(groups, 1)))
    return made


@pytest.fixture(scope="module")
def guardian() -> Iterator[Guardian]:
    with Guardian() as made:
        yield made


@pytest.fixture
def stage(request: pytest.FixtureRequest, guardian: Guardian, tmp_path: Path) -> Iterator[Stage]:
    made = staged(guardian, tmp_path, request.param)
    yield made
    made.close()


@pytest.mark.parametrize("stage", SIZES, indirect=True)
def test_confirms_each_message_once(stage: Stage) -> None:
    count = 2000 if stage.size < 10_000 else 50
    answers = send_all(stage.connect().producer(), stage.canned, count)
    assert (answers == 1).all()


@pytest.mark.parametrize("stage", [100], indirect=True)
def test_confirms_messages_of_mixed_sizes(stage: Stage) -> None:
    mixed = [random.Random(n).randbytes(16 + n % 3 * 50) for n in range(100)]
    assert (send_all(stage.connect().producer(), mixed, 1000) == 1).all()


@pytest.mark.parametrize("stage", SIZES, indirect=True)
@pytest.mark.parametrize("auto_ack", [False, True])
def test_gives_the_canned_messages_byte_for_byte(stage: Stage, auto_ack: bool) -> None:
    consumer = stage.connect("a", auto_ack=auto_ack).consumer()
    goal = 5 * max(PREFETCH, len(stage.canned))
    got: list[bytes] = []

    def more() -> bool:
        deliveries = consumer.receive(0.01)
        assert deliveries.redelivered is None or not deliveries.redelivered.any()
        got.extend(deliveries.payloads or ())
        if not auto_ack:
            consumer.settle(deliveries.tokens, Settle.ACCEPT)
        return len(got) >= goal

    until(more, f"{goal} messages")
    assert all(payload == stage.canned[at % len(stage.canned)] for at, payload in enumerate(got))


def test_several_groups_have_an_exchange_between(guardian: Guardian, tmp_path: Path) -> None:
    stage = staged(guardian, tmp_path, 16, ("a", "b"))
    try:
        assert stage.endpoints.extra == {"exchange": "bb.try", "routing_key": "bb.try", "dead_letters": {}}
        assert (send_all(stage.connect().producer(), stage.canned, 100) == 1).all()
        first, second = stage.connect("a").consumer(), stage.connect("b").consumer()
        for consumer in (first, second):
            assert consumer.receive(30.0).count > 0
    finally:
        stage.close()


def test_leaves_no_process(guardian: Guardian, tmp_path: Path) -> None:
    stage = staged(guardian, tmp_path, 16)
    connection = stage.connect()
    parent = listening("rabbitmq")
    until(lambda: len(parent.children()) == 1, "the connection's process is there, and no other's")
    (child,) = parent.children()
    connection.close()
    until(lambda: child not in stand_ins("rabbitmq"), "the process of a closed connection has ended")
    (ports,) = {(each.laddr.ip, each.laddr.port) for each in parent.net_connections("inet")}
    assert ports == ("127.0.0.1", stage.endpoints.address["port"])
    stage.close()
    assert stand_ins("rabbitmq") == []
