"""A second's stall each ten, 500 messages a second, 1 ms of service: what waits is as late as the stall makes it.

Shown to be able to fail: a naive client (closed loop, millisecond clock, averaged percentiles) against the same broker.
"""

import math

import numpy as np
import pytest

from brokerbench import stamp
from brokerbench_drivers.simulated.model import SimulatedBroker
from brokerbench_drivers.simulated.settings import Settings
from tests.support.truth import assert_agrees
from tests.support.virtual import run_virtual

MS = 1_000_000
S = 1_000_000_000
STALLS = [{"at_s": 10.0 * n, "for_s": 1.0} for n in range(1, 6)]
SETTINGS = {"service": {"constant_s": 0.001}, "stalls": STALLS}
RATE, WARMUP_S, STEADY_S = 500.0, 10.0, 50.0
TRUE_MS = {"p50": 1.0, "p90": 501.0, "p95": 751.0, "p99": 951.0, "max": 1001.0}


def right(found):
    return all(abs(found[name] - true) <= 0.01 * true + 2 for name, true in TRUE_MS.items())


@pytest.fixture(scope="module")
def truth(tmp_path_factory):
    return run_virtual(
        tmp_path_factory.mktemp("stalls"),
        SETTINGS,
        rate=RATE,
        arrivals="constant",
        warmup_s=WARMUP_S,
        steady_s=STEADY_S,
    )


def test_the_broker_agrees_with_arithmetic(truth):
    assert_agrees(truth)
    assert right(truth.record["end_to_end_ms"])


def test_the_stall_is_the_brokers(truth):
    """Nothing of it is blamed on the generator: all was sent when it was due."""
    assert truth.record["send_delay_ms"]["max"] == 0.0
    assert truth.record["pauses"] is None  # virtual time has none, and says so
    assert truth.record["validity"]["state"] != "invalid"


class NaiveClient:
    """One message at a time: sends, waits until it is back, sleeps until the next is due; then it goes on from there.

    It truncates to milliseconds, starts its clock at the real send, and averages the percentiles of its seconds.
    """

    def __init__(self):
        self.broker = SimulatedBroker(Settings.from_base(SETTINGS), ["all"], 1)
        self.connection = self.broker.attach()
        self.t0 = self.now = S
        self.seconds = {}

    def run(self):
        sequence = 0
        while self.now < self.t0 + (WARMUP_S + STEADY_S) * S:
            due = self.now
            self.broker.publish(self.now, self.connection, [self._message(sequence, self.now - self.t0)])
            while not self.broker.take_deliveries("all", 1, self.now):
                self.now = self.broker.next_ns()
                self.broker.advance(self.now)
            if due - self.t0 >= WARMUP_S * S:
                self.seconds.setdefault((due - self.t0) // S, []).append((self.now - due) // MS)
            self.now = max(self.now, due + int(S / RATE))
            sequence += 1
        return self

    def figures(self):
        def averaged(q):
            return float(np.mean([np.sort(row)[math.ceil(q * len(row)) - 1] for row in self.seconds.values()]))

        names = {"p50": 0.5, "p90": 0.9, "p95": 0.95, "p99": 0.99}
        return {name: averaged(q) for name, q in names.items()} | {"max": float(max(map(max, self.seconds.values())))}

    def _message(self, sequence, since_ns):
        block = np.zeros((1, 64), np.uint8)
        stamp.write(block, stamp.head(7, 0), np.array([sequence], np.uint64), np.array([since_ns], np.uint64))
        return block.tobytes()


@pytest.fixture(scope="module")
def naive():
    return NaiveClient().run()


def test_a_naive_client_fails_the_same_check(naive, truth):
    """It forgives the debt: five slow messages where 2,500 were late."""
    found = naive.figures()
    assert not right(found)
    assert found["p99"] < 0.2 * truth.record["end_to_end_ms"]["p99"]
    slow = sum(value > 2 for row in naive.seconds.values() for value in row)
    assert slow == len(STALLS)


def test_averaged_percentiles_alone_fail(truth):
    """Of the right times, second by second."""
    seconds = truth.study.seconds
    averaged = float(seconds[seconds.phase == "measured"].end_to_end_p99_ms.mean())
    assert not right(truth.record["end_to_end_ms"] | {"p99": averaged})


def test_a_millisecond_clock_alone_fails_below_a_millisecond(naive):
    """Without a stall it takes every message of 1 ms for 1 ms, and one of 0.4 ms for nothing at all."""
    quick = NaiveClient()
    quick.broker = SimulatedBroker(Settings.from_base({"service": {"constant_s": 0.0004}}), ["all"], 1)
    quick.connection = quick.broker.attach()
    assert quick.run().figures()["p99"] == 0.0
