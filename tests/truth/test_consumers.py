"""Consumers that work, and stand still, in virtual time: what waits for them is as late as arithmetic says.

The broker is immediate, so all of the latency is the consumer's.
"""

import pytest

from tests.support.truth import assert_counts
from tests.support.virtual import run_virtual

RATE, WARMUP_S, STEADY_S = 500.0, 10.0, 20.0
STALLED = {"processing": {"fixed_s": 0.001}, "stall": {"every_s": 10.0, "for_s": 1.0}}


@pytest.mark.parametrize(("arrivals", "within_ms"), [("constant", 12), ("poisson", 20)])
def test_a_stall_shows_in_the_percentiles(tmp_path, arrivals, within_ms):
    """lambda = 500/s come, mu = 1,000/s are worked off, and each T = 10 s the consumer stands still for D = 1 s.

    A message due a seconds after a stall's beginning has lambda a before it, so it is done at D + (lambda a + 1) / mu,
    if that is later than a + 1 / mu: its latency to the end of its work is D + 1 / mu - a (1 - lambda / mu), until the
    queue is empty at a = D / (1 - lambda / mu) = 2 s. So a share of 2 s / 10 s is delayed, evenly from 0 to D, and the
    slowest 1 % of all are the slowest 5 % of these: p99 = 0.95 D + 1 / mu = 951 ms. What is received begins to be
    worked on 1 / mu before.
    """
    truth = run_virtual(
        tmp_path,
        {},
        rate=RATE,
        arrivals=arrivals,
        warmup_s=WARMUP_S,
        steady_s=STEADY_S,
        groups={"all": STALLED},
    )
    assert_counts(truth)
    found = truth.record["end_to_end_ms"]
    assert found["p99"] == pytest.approx(951, abs=within_ms)
    assert truth.record["validity"]["state"] == "valid", truth.record["validity"]
    assert truth.record["send_delay_ms"]["max"] == 0.0
    # It works for lambda / mu of the time, and has (T - D) / T of the time for it.
    share = truth.record["consumers"]["all"]["working_share_mean"]
    assert share == pytest.approx(RATE / 1000 / 0.9, rel=0.002 if arrivals == "constant" else 0.03)


def test_random_work_waits_as_its_formula_says(tmp_path):
    """M/M/1: the mean wait for the beginning of the work is rho / (mu - lambda) (L. Kleinrock, Queueing Systems 1)."""
    truth = run_virtual(
        tmp_path,
        {},
        rate=RATE,
        arrivals="poisson",
        steady_s=STEADY_S,
        groups={"all": {"processing": {"exponential_s": 0.001}}},
    )
    # The standard error of the mean of n correlated waits (W. Whitt 1989): about 12 % here.
    assert truth.record["end_to_end_ms"]["mean"] == pytest.approx(1.0, rel=0.36)
    assert truth.record["consumers"]["all"]["working_share_mean"] == pytest.approx(0.5, abs=0.03)


def test_one_slow_consumer_of_two_takes_less(tmp_path):
    """With a prefetch of 1 nothing waits behind the slow one: no message is as late as its work lasts."""
    group = {
        "consumers": 2,
        "prefetch": 1,
        "processing": {"fixed_s": 0.0015},
        "slow": {"consumers": 1, "processing": {"fixed_s": 0.05}},
    }
    truth = run_virtual(tmp_path, {}, rate=RATE, arrivals="poisson", steady_s=4.0, groups={"all": group})
    assert_counts(truth)
    quick, slow = truth.study.measured[0].files.trial["consumers"]
    assert slow["in_window"] <= 4.0 / 0.05 + 1 < quick["in_window"]
    assert slow["working_share"] > 0.9
    assert truth.record["end_to_end_ms"]["max"] < 50


def test_consumers_that_are_too_slow_are_no_fault_of_the_broker(tmp_path):
    group = {"processing": {"fixed_s": 0.004}}
    truth = run_virtual(tmp_path, {}, rate=RATE, steady_s=4.0, drain_s=10.0, groups={"all": group})
    assert truth.record["ledger"]["lost"] == 0
    reasons = {reason.code: reason for reason in truth.study.measured[0].validity.reasons}
    assert {"not-sustained", "backlog-growing"} <= reasons.keys()
    for code in ("not-sustained", "backlog-growing"):
        assert "worked 100 % of the time, as was asked: it says nothing of the broker" in reasons[code].text
        assert not reasons[code].brokers


def test_a_drain_that_is_too_short_for_them_is_told(tmp_path):
    group = {"processing": {"fixed_s": 0.004}}
    truth = run_virtual(tmp_path, {}, rate=RATE, steady_s=4.0, drain_s=0.5, groups={"all": group})
    assert truth.record["ledger"]["lost"] > 0
    assert truth.record["validity"]["state"] == "invalid"
    assert "drain-too-short" in truth.record["validity"]["codes"]
