"""Messages that are larger than the broker takes by default, or than one frame holds."""

from collections.abc import Callable, Iterator

from brokerbench_analysis.words import digits

from .case import Case
from .patterns import size
from .rule import Finding, Rule

__all__ = ["RULES"]

_FRAME_BYTES = 131_072  # RabbitMQ's frame_max
_KAFKA_BYTES = 1_048_588  # message.max.bytes
_NATS_BYTES = 2**20  # max_payload
_SMALL = "1KiB"


def _frames(case: Case) -> Iterator[Finding]:
    if case.largest_bytes > _FRAME_BYTES:
        frames = -(-case.largest_bytes // _FRAME_BYTES)
        yield from _large(case, f"a message takes up to {frames} frames of at most 128 KiB, and whatever follows waits")


def _raised_for_kafka(case: Case) -> Iterator[Finding]:
    read_back = case.facts.get("topic.max.message.bytes")
    used = int(read_back or case.settings.get("max_message_bytes") or 0)
    if used > _KAFKA_BYTES:
        told = " (read back)" if read_back else ""
        yield from _large(case, f"max.message.bytes had to be raised to {used:,} bytes{told}")


def _raised_for_nats(case: Case) -> Iterator[Finding]:
    used = case.settings.get("max_payload_bytes") or 0
    if int(used) > _NATS_BYTES and case.largest_bytes > _NATS_BYTES:
        yield from _large(case, f"max_payload had to be raised to {int(used):,} bytes")


def _large(case: Case, why: str) -> Iterator[Finding]:
    rate = case.rate("delivered_msgs_s")
    if rate is None:
        return
    moved = f"{digits(rate, 3)} messages a second are {digits(rate * case.size_bytes / 2**20, 3)} MiB a second"
    evidence, largest = f"{why}; {moved}", size(case.largest_bytes)
    if case.asked["message"].get("payload") or case.asked["message"].get("body"):
        # Bodies of one's own have no size to set: what to send instead is for their owner to say.
        yield Finding("message", largest, f"a reference of {_SMALL}", evidence, {})
        return
    key = case.key("message", "size")
    yield Finding("message.size", largest, _SMALL, evidence, {key: _SMALL})


def _rule(
    name: str, driver: str, pattern: str, default: str, source: str, find: Callable[[Case], Iterator[Finding]]
) -> Rule:
    return Rule(
        name=name,
        drivers=frozenset({driver}),
        pattern=pattern,
        effect="many more messages a second, and nothing waits behind a large one: the body lies elsewhere, a reference"
        " to it is sent",
        price="a second store to run, read from and clean up; a message and its body can part",
        default=default,
        source=source,
        find=find,
        provable=False,
    )


RULES = (
    _rule(
        "rabbitmq-message-size",
        "rabbitmq",
        "messages larger than a frame",
        "frame_max: 131072, every version; max_message_size: 16 MiB since RabbitMQ 4.0, 128 MiB before",
        "https://www.rabbitmq.com/docs/limits",
        _frames,
    ),
    _rule(
        "kafka-message-size",
        "kafka",
        "messages larger than message.max.bytes is by default, so that it was raised",
        "message.max.bytes: 1048588, every version",
        "https://kafka.apache.org/documentation/#brokerconfigs_message.max.bytes",
        _raised_for_kafka,
    ),
    _rule(
        "nats-message-size",
        "nats",
        "messages larger than max_payload is by default, so that it was raised",
        "max_payload: 1 MB, every version; up to 8 MB is advised, 64 MB is the most",
        "https://docs.nats.io/running-a-nats-service/configuration",
        _raised_for_nats,
    ),
)
