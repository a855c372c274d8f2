"""Kafka: more consumers than partitions, batches that go out nearly empty, batches that are too small."""

import math
from collections.abc import Iterator

from brokerbench_analysis.words import counted, digits

from .case import Case
from .patterns import size
from .rule import Finding, Rule

__all__ = ["RULES"]

_DOCS = "https://kafka.apache.org/documentation/"
_ONLY = frozenset({"kafka"})
_EMPTY = 0.10  # of a batch
_LINGER_S = 0.010
_BATCH_BYTES, _SMALL_BATCH_BYTES = 128 * 1024, 32 * 1024


def _partitions(case: Case) -> Iterator[Finding]:
    for name, group in case.groups.items():
        consumers = math.ceil(int(group["consumers"]) / case.topics)  # of a topic
        without = [each for each in case.consumers(name) if not each["unique_by_time"]]
        idle = len(without) / len(case.trials) / case.topics
        if consumers <= case.partitions or idle < consumers - case.partitions:
            continue
        of_topic = " of a topic" if case.topics > 1 else ""
        evidence = (
            f"{counted(idle)} of {consumers} consumers of group {name}{of_topic} got no message at all: there are"
            f" {case.partitions} partitions{of_topic}, and each is read by one consumer of a group"
        )
        change = {case.key("topology", "partitions"): str(consumers)}
        yield Finding("topology.partitions", case.partitions, consumers, evidence, change)
        return


def _linger(case: Case) -> Iterator[Finding]:
    linger_s, batch, used = float(case.settings.get("linger_s") or 0.0), _batch(case), case.full_broker()
    filled = _filled(case, linger_s)
    if linger_s >= _LINGER_S or batch is None or used is None or filled is None or filled >= _EMPTY * batch:
        return
    evidence = (
        f"in a linger of {linger_s * 1e3:g} ms each partition of a producer gets {size(filled)} of a batch's"
        f" {size(batch)}, while the broker used {digits(used)} of {counted(case.cores or 0)} cores"
    )
    key = case.setting("linger")
    yield Finding(f"{key} (linger.ms)", f"{linger_s * 1e3:g}ms", "10ms", evidence, {key: "10ms"})


def _batches(case: Case) -> Iterator[Finding]:
    """Full before their linger is over, and confirmed later than that: what comes meanwhile waits in the client."""
    linger_s, batch = float(case.settings.get("linger_s") or 0.0), _batch(case)
    filled, confirm_ms = _filled(case, linger_s), case.latency_ms("confirm_ms", "p50")
    if batch is None or batch > _SMALL_BATCH_BYTES or filled is None or confirm_ms is None or not case.saturates:
        return
    if filled < batch or confirm_ms <= linger_s * 1e3 or case.in_flight * case.size_bytes < _BATCH_BYTES:
        return
    evidence = (
        f"each partition of a producer gets {size(filled)} in a linger of {linger_s * 1e3:g} ms,"
        f" {digits(filled / batch)} times a batch of {size(batch)}: batches are full before it is over, and a message"
        f" takes {digits(confirm_ms)} ms to its confirm (p50)"
    )
    key = case.setting("batch")
    yield Finding(f"{key} (batch.size)", size(batch), "128KiB", evidence, {key: "128KiB"})


def _batch(case: Case) -> int | None:
    size = case.settings.get("batch_bytes")
    return int(size) if size else None


def _filled(case: Case, linger_s: float) -> float | None:
    """Bytes that one partition of one producer gets while a batch may wait; one message at least."""
    rate = case.rate("sent_msgs_s")
    if not rate:
        return None
    return max(1.0, rate * linger_s / (case.producers * case.partitions)) * case.size_bytes


RULES = (
    Rule(
        name="kafka-partitions",
        drivers=_ONLY,
        pattern="a group has more consumers than there are partitions, and the rest of them got nothing",
        effect="every consumer works: more deliveries a second where the consumers were the limit",
        price="order holds in a partition only; more open files and memory maps on the broker",
        default="num.partitions: 1, every version",
        source=f"{_DOCS}#consumerconfigs",
        find=_partitions,
    ),
    Rule(
        name="kafka-linger",
        drivers=_ONLY,
        pattern="by rate and linger a batch is less than a tenth full, and the broker uses half the cores",
        effect="fewer, larger requests: less CPU for each message, and more of them a second",
        price="each message waits up to the linger for others, also where there is little to do",
        default="linger.ms of the Java producer: 5 since Kafka 4.0, 0 before; kafka-python 0; librdkafka 5",
        source=f"{_DOCS}#producerconfigs_linger.ms",
        find=_linger,
    ),
    Rule(
        name="kafka-batch",
        drivers=_ONLY,
        pattern="at full load, batches of 32 KiB or less are full before their linger is over; confirms take longer",
        effect="fewer requests of more messages each",
        price="memory in the producer for each partition; buffer.memory may have to grow too",
        default="batch.size of the Java producer: 16384, every version; librdkafka 1000000",
        source=f"{_DOCS}#producerconfigs_batch.size",
        find=_batches,
    ),
)
