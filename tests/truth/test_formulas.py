"""The engine and the analysis in virtual time: against the simulated broker's own account, then against the formula.

Sources of the formulas: L. Kleinrock, Queueing Systems, volume 1 (1975): M/M/1 in 3.2, M/M/1/K in 3.6, M/G/1 (for
M/D/1) in 5.6, G/M/1 (for D/M/1) in 6.4.
"""

import math

import pytest
from scipy.optimize import brentq

from tests.support.truth import Truth, assert_agrees, assert_counts, batch_error, sojourn_ms
from tests.support.virtual import run_virtual

MS = 1e-3
RATE, SERVED = 700.0, 1000.0  # a second; the worker is busy 70 % of the time
LOAD = RATE / SERVED
EXPONENTIAL, CONSTANT = {"exponential_s": 1 / SERVED}, {"constant_s": 1 / SERVED}


def assert_mean(truth: Truth, formula_ms: float) -> None:
    """Within 3 standard errors."""
    error = batch_error(sojourn_ms(truth), batches=20)
    assert error < 0.08 * formula_ms  # else this could hardly fail
    assert abs(truth.record["end_to_end_ms"]["mean"] - formula_ms) < 3 * error


def test_m_m_1(tmp_path):
    truth = run_virtual(tmp_path, {"service": EXPONENTIAL}, rate=RATE, arrivals="poisson", steady_s=40.0)
    assert_agrees(truth)
    assert_mean(truth, 1e3 / (SERVED - RATE))
    # The sojourn time is exponential, so every percentile follows from the mean.
    for name, beyond in (("p50", 0.5), ("p90", 0.1), ("p99", 0.01)):
        formula_ms = -math.log(beyond) * 1e3 / (SERVED - RATE)
        assert truth.record["end_to_end_ms"][name] == pytest.approx(formula_ms, rel=0.12)
    assert truth.record["validity"]["state"] == "valid"


def test_d_m_1(tmp_path):
    truth = run_virtual(tmp_path, {"service": EXPONENTIAL}, rate=RATE, arrivals="constant", steady_s=40.0)
    assert_agrees(truth)
    waits = brentq(lambda s: s - math.exp(-(1 - s) / LOAD), 1e-6, 1 - 1e-6)  # the share that finds the worker busy
    assert_mean(truth, 1e3 / (SERVED * (1 - waits)))


def test_m_d_1(tmp_path):
    truth = run_virtual(tmp_path, {"service": CONSTANT}, rate=RATE, arrivals="poisson", steady_s=40.0)
    assert_agrees(truth)
    assert_mean(truth, 1e3 / SERVED * (1 + LOAD / (2 * (1 - LOAD))))


def test_d_d_1_below_a_millisecond(tmp_path):
    """Exact: 0.4 ms is 0.4 ms."""
    truth = run_virtual(tmp_path, {"service": {"constant_s": 0.4 * MS}}, rate=500.0, arrivals="constant", steady_s=20.0)
    assert_agrees(truth)
    found = truth.record["end_to_end_ms"]
    assert all(0.4 <= found[name] <= 0.4004 for name in ("p50", "p90", "p99", "max"))
    assert found["mean"] == pytest.approx(0.4, rel=0.001)
    assert truth.record["send_delay_ms"]["max"] == 0.0


def test_m_m_1_k(tmp_path):
    """Full means refused: as many as the formula says, counted exactly, and the rest waits as it says."""
    room, rate = 5, 900.0
    settings = {"service": EXPONENTIAL, "capacity": room, "overflow": "reject"}
    truth = run_virtual(tmp_path, settings, rate=rate, arrivals="poisson", steady_s=40.0)
    assert_counts(truth)
    load = rate / SERVED
    chance = [load**n * (1 - load) / (1 - load ** (room + 1)) for n in range(room + 1)]
    ledger = truth.record["ledger"]
    assert ledger["refused"] / ledger["sent"] == pytest.approx(chance[room], rel=0.05)
    assert ledger["lost"] == ledger["unknown"] == 0
    inside = sum(n * p for n, p in enumerate(chance))
    assert_mean(truth, 1e3 * inside / (rate * (1 - chance[room])))


def test_drop_head_is_loss(tmp_path):
    """What was confirmed and then dropped is lost: each of it, and the trial is valid all the same."""
    settings = {"service": CONSTANT, "capacity": 20, "overflow": "drop-head", "stalls": [{"at_s": 5.0, "for_s": 1.0}]}
    truth = run_virtual(tmp_path, settings, rate=500.0, arrivals="constant", steady_s=20.0)
    assert_counts(truth)
    dropped = truth.account["groups"]["all"]["dropped"]
    assert truth.record["ledger"]["lost"] == dropped == 501 - 20  # one each 2 ms from 5 s to 6 s, both ends
    ids = truth.study.ids(truth.record["id"])["all"]["lost"]
    assert ids == truth.account["ids"]["all.dropped"][:100]


def test_overload_is_called_unsustainable(tmp_path):
    """600 messages a second on a broker that serves 400: 200 more wait each second, and no latency is claimed."""
    settings = {"service": {"constant_s": 2.5 * MS}}
    truth = run_virtual(tmp_path, settings, rate=600.0, arrivals="constant", warmup_s=0.0, steady_s=30.0, drain_s=40.0)
    assert_agrees(truth)
    assert truth.record["delivered_msgs_s"] == pytest.approx(400.0, rel=0.005)
    seconds = truth.study.seconds
    assert float(seconds.loc[seconds.t == 30.0, "backlog"].iloc[0]) == pytest.approx(6000.0, rel=0.01)
    validity = truth.record["validity"]
    assert validity["state"] == "invalid"
    assert any("unsustainable" in reason for reason in validity["reasons"])


def test_closed_loop(tmp_path):
    """50 in flight, each confirmed after 20 ms: X R = N, so 2,500 a second."""
    settings = {"service": {"constant_s": 0.1 * MS}, "confirm_delay_s": 20 * MS}
    truth = run_virtual(tmp_path, settings, rate=None, in_flight=50, steady_s=10.0)
    assert_agrees(truth)
    assert truth.record["confirmed_msgs_s"] == pytest.approx(2500.0, rel=0.001)
    assert truth.record["confirm_ms"]["p99"] == pytest.approx(20.0, rel=0.001)
    check = next(check for check in truth.record["checks"] if check["name"] == "closed-loop")
    assert check["holds"]
    assert check["expected"] == pytest.approx(50, rel=0.01)


def test_littles_law_holds_across_a_stall_before_the_window(tmp_path):
    """A fifth more arrives in the window than is sent in it. The first of the window waits 0.1 s only, for the hundred
    from before it to be served; of those the first waited for the whole stall, so a fifth more may be right."""
    settings = {"service": {"constant_s": MS}, "stalls": [{"at_s": 1.8, "for_s": 0.2}]}
    truth = run_virtual(tmp_path, settings, rate=500.0, steady_s=1.0)
    law = next(check for check in truth.record["checks"] if check["name"] == "littles-law")
    assert truth.record["end_to_end_ms"]["max"] == pytest.approx(100.0, rel=0.05)
    assert law["off"] == pytest.approx(0.2, rel=0.03)
    assert law["holds"]
    assert law["limit"] == pytest.approx(0.05 + 0.2 + 0.1 + truth.record["end_to_end_ms"]["mean"] / 1e3, rel=0.03)


def test_littles_law_holds_without_the_stamps(tmp_path):
    """The mean from arrivals and departures that were summed apart is the mean of the histogram, and with the
    throughput by the clock it makes as many as are under way."""
    truth = run_virtual(tmp_path, {"service": EXPONENTIAL}, rate=RATE, arrivals="poisson", steady_s=10.0)
    found = {check["name"]: check for check in truth.record["checks"]}
    mean, law = found["mean-by-sums"], found["littles-law"]
    assert mean["holds"]
    assert law["holds"]
    assert mean["off"] < 0.001
    assert mean["expected"] == pytest.approx(sojourn_ms(truth).mean(), rel=0.001)
    assert law["found"] == pytest.approx(truth.record["delivered_msgs_s"] * sojourn_ms(truth).mean() / 1e3, rel=0.001)
    assert law["expected"] == pytest.approx(RATE * sojourn_ms(truth).mean() / 1e3, rel=0.05)
