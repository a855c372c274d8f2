"""AMQP 1.0 messages: what we put before a body is proton's own, and what comes back is read whatever a broker adds."""

import importlib.util

import pytest

from brokerbench.contract import install_line
from brokerbench_drivers.activemq import DRIVER
from tests.support.absent import absent

BODY = bytes(range(100))


@pytest.fixture(autouse=True)
def proton() -> None:
    if importlib.util.find_spec("proton") is None:
        absent(f"client proton is not installed: {install_line(DRIVER, 'proton')}")


@pytest.mark.parametrize("body", [b"", BODY, BODY * 3, BODY * 700], ids=lambda body: str(len(body)))
@pytest.mark.parametrize("key", [None, "k1"])
@pytest.mark.parametrize("durable", [False, True])
def test_a_head_and_a_body_are_a_message(body: bytes, key: str | None, durable: bool) -> None:
    from proton import Message

    from brokerbench_drivers.activemq.amqp_messages import head_of

    message = Message()
    message.decode(head_of(durable, {})(len(body), key) + body)
    assert (bytes(message.body), message.group_id, message.durable) == (body, key, durable)


@pytest.mark.parametrize("expected_bytes", [len(BODY), 64, 4096])
@pytest.mark.parametrize("deliveries", [0, 1, 300])
def test_a_message_of_any_size_and_history_is_read(expected_bytes: int, deliveries: int) -> None:
    from proton import Message

    from brokerbench_drivers.activemq.amqp_messages import Reader

    sent = Message(body=BODY, inferred=True, annotations={"x-opt-of-a-broker": 1}, properties={"n": 7})
    sent.delivery_count = deliveries
    encoded = bytes(sent.encode())
    reader = Reader(expected_bytes)
    assert reader.payload(encoded) == BODY
    assert [reader.came_before(encoded) for _ in range(2)] == [deliveries > 0] * 2
