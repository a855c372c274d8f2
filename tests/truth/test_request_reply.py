"""Requests and replies against what the simulated broker knows: two ways and an answer, for each load model."""

from pathlib import Path

import pytest

from tests.support.truth import assert_counts
from tests.support.virtual import run_virtual

TRANSPORT_S = 0.004
BOTH_WAYS_MS = 2 * TRANSPORT_S * 1e3
LAW = {"service": {"constant_s": TRANSPORT_S}, "confirm_delay_s": 0.001}


def law(record: dict, name: str) -> dict:
    return next(check for check in record["checks"] if check["name"] == name)


def test_a_response_is_two_ways(tmp_path: Path) -> None:
    """At 100 requests a second nobody queues: 4 ms there, 4 ms back, and the ledger owes both."""
    truth = run_virtual(tmp_path, LAW, rate=100, steady_s=5.0, producers=2, repliers=2)
    assert_counts(truth)
    record = truth.record
    assert record["response_ms"]["p50"] == pytest.approx(BOTH_WAYS_MS, rel=1e-3)
    assert record["response_ms"]["max"] == pytest.approx(BOTH_WAYS_MS, rel=0.5)
    assert record["end_to_end_ms"]["p50"] == pytest.approx(BOTH_WAYS_MS / 2, rel=1e-3)
    assert record["end_to_end_ms"]["count"] == record["response_ms"]["count"] == 500
    groups = record["ledger"]["groups"]
    assert {name: (g["expected"], g["unique"]) for name, g in groups.items()} == dict.fromkeys(groups, (700, 700))
    assert list(groups) == ["all", "replies"]
    assert record["validity"]["state"] == "valid", record["validity"]["reasons"]


def test_users_wait_for_replies_not_for_confirms(tmp_path: Path) -> None:
    """20 users who think 92 ms and wait 8 ms for each reply: X (R + Z) = N, although confirms come after 1 ms."""
    users = {"users": 20, "think": {"fixed_s": 0.092}}
    truth = run_virtual(tmp_path, LAW, rate=None, closed=users, steady_s=5.0, repliers=1)
    assert_counts(truth)
    record = truth.record
    held = law(record, "users")
    assert held["holds"]
    assert held["off"] < 0.005
    assert record["service_ms"]["mean"] == pytest.approx(record["response_ms"]["mean"], rel=1e-3)
    assert record["delivered_msgs_s"] == pytest.approx(20 / (0.092 + record["response_ms"]["mean"] / 1e3), rel=5e-3)
    assert record["response_ms"]["p50"] == pytest.approx(BOTH_WAYS_MS, rel=0.05)
    assert record["confirm_ms"]["p50"] == pytest.approx(1.0, rel=1e-2)
