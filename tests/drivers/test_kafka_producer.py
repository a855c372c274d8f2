"""Single answers become ranges, and both clients are configured alike."""

import numpy as np
import pytest

from brokerbench.contract import Confirms, Endpoints, Fate, Session
from brokerbench_drivers._ranges import confirms_of
from brokerbench_drivers.kafka import DRIVER


def _rows(confirms: Confirms) -> list[tuple[int, int, int]]:
    return list(zip(confirms.first.tolist(), confirms.last.tolist(), confirms.fate.tolist(), strict=True))


def test_answers_in_any_order_become_ranges() -> None:
    yes, no = Fate.CONFIRMED.value, Fate.REFUSED.value
    assert _rows(confirms_of([5, 1, 0, 2, 9], [])) == [(0, 2, yes), (5, 5, yes), (9, 9, yes)]
    assert _rows(confirms_of([3, 4], [6, 5])) == [(3, 4, yes), (5, 6, no)]
    assert _rows(confirms_of([], [7])) == [(7, 7, no)]
    assert len(confirms_of([], [])) == 0


def test_ranges_of_many_answers_hold_each_once() -> None:
    numbers = np.random.default_rng(3).permutation(5000)[:3000]
    confirms = confirms_of(numbers.tolist(), [])
    held = np.concatenate([np.arange(a, b + 1) for a, b, _ in _rows(confirms)])
    assert held.tolist() == sorted(numbers.tolist())
    assert confirms.first.dtype == confirms.last.dtype == np.int64


def _session(group: str | None, **settings: object) -> Session:
    chosen = DRIVER.Settings.model_validate({"acks": "all", "idempotence": True, "commit": "settled"} | settings)
    endpoints = Endpoints({"bootstrap": "127.0.0.1:1"}, "t", {"a": "t.a"}, 4)
    return Session(endpoints, "", chosen, 700, 100, 64, 0, group)


def test_both_clients_produce_alike() -> None:
    confluent = pytest.importorskip("brokerbench_drivers.kafka.confluent")
    python = pytest.importorskip("brokerbench_drivers.kafka.kafka_python")
    session = _session(None, linger="7ms", batch="32KiB")
    ours, theirs = confluent.producer_config(session, None), python.producer_config(session)
    for one, other, value in (
        ("acks", "acks", "all"),
        ("enable.idempotence", "enable_idempotence", True),
        ("linger.ms", "linger_ms", 7.0),
        ("batch.size", "batch_size", 32768),
        ("max.in.flight.requests.per.connection", "max_in_flight_requests_per_connection", 5),
        ("delivery.timeout.ms", "delivery_timeout_ms", 120_000),
    ):
        assert ours[one] == theirs[other] == value
    assert ours["partitioner"] == "murmur2_random"


def test_both_clients_consume_alike() -> None:
    confluent = pytest.importorskip("brokerbench_drivers.kafka.confluent")
    python = pytest.importorskip("brokerbench_drivers.kafka.kafka_python")
    session = _session("a", fetch_wait="50ms", fetch_partition="2MiB", session_timeout="10s", heartbeat="1s")
    ours, theirs = confluent.consumer_config(session, None), python.consumer_config(session)
    for one, other, value in (
        ("group.id", "group_id", "t.a"),
        ("auto.offset.reset", "auto_offset_reset", "earliest"),
        ("fetch.min.bytes", "fetch_min_bytes", 1),
        ("fetch.wait.max.ms", "fetch_max_wait_ms", 50),
        ("max.partition.fetch.bytes", "max_partition_fetch_bytes", 2 * 2**20),
        ("fetch.max.bytes", "fetch_max_bytes", 52_428_800),
        ("session.timeout.ms", "session_timeout_ms", 10_000),
        ("heartbeat.interval.ms", "heartbeat_interval_ms", 1_000),
        ("max.poll.interval.ms", "max_poll_interval_ms", 300_000),
    ):
        assert ours[one] == theirs[other] == value
