"""Which percentiles are printed, and what messages that never came do to them."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from brokerbench_analysis.folder import Json
from brokerbench_analysis.histograms import Histogram
from brokerbench_analysis.latency import Sample, figures, together
from brokerbench_analysis.summary import analyse
from tests.analysis.folders import Behaviour, Broker

Run = Callable[..., Path]

NS_1, NS_2 = 1000, 2000  # values below 2048 ns have a bin of their own


def sample(ones: int, twos: int = 0, absent: int = 0, waited_ms: float = 0.0) -> Sample:
    return Sample(Histogram(np.array([NS_1, NS_2]), np.array([ones, twos])), absent, waited_ms)


def test_a_percentile_needs_ten_values_beyond_it() -> None:
    assert figures(sample(99))["p90"] is None
    assert figures(sample(100))["p90"] == 0.001
    assert figures(sample(999))["p99"] is None
    assert figures(sample(1000))["p99"] == 0.001
    assert figures(sample(9_999))["p99_9"] is None
    assert figures(sample(10_000))["p99_9"] == 0.001


def test_all_arrived_nothing_is_a_bound() -> None:
    found = figures(sample(950, 50))
    assert found == {
        "count": 1000,
        "absent": 0,
        "mean": pytest.approx(0.00105),
        "p50": 0.001,
        "p90": 0.001,
        "p95": 0.001,
        "p99": 0.002,
        "p99_9": None,
        "max": 0.002,
        "at_least": False,
        "at_least_from": None,
    }


def test_undelivered_messages_count_and_widen_to_at_least() -> None:
    """980 came, 20 did not: rank 990 of 1000 lies among those, and they had waited 5 s when the drain ended."""
    found = figures(sample(980, absent=20, waited_ms=5000))
    assert (found["count"], found["absent"]) == (1000, 20)
    assert found["p95"] == 0.001
    assert found["p99"] == found["max"] == 5000
    assert (found["at_least"], found["at_least_from"]) == (True, "p99")
    assert found["mean"] is None


def test_few_lost_messages_leave_the_percentiles_below_them_exact() -> None:
    found = figures(sample(995, absent=5, waited_ms=5000))
    assert found["p99"] == 0.001
    assert (found["max"], found["at_least_from"]) == (5000, "max")


def test_the_bound_is_never_below_what_was_recorded() -> None:
    slow = Sample(Histogram(np.array([NS_2]), np.array([10])), absent=90, waited_ms=0.0001)
    assert figures(slow)["p50"] == 0.002


def test_together_adds_counts_and_keeps_the_weakest_wait() -> None:
    both = together([sample(10, absent=1, waited_ms=100), None, sample(5, 5, absent=2, waited_ms=50), sample(3)])
    assert both is not None
    assert (both.histogram.total, both.absent, both.waited_ms) == (23, 3, 50)
    assert together([None, None]) is None
    assert figures(None) is None


def record(folder: Path, name: str = "a") -> Json:
    found: Json = analyse(folder).summary["candidates"][name]
    return found


def test_a_bound_stays_one_over_groups_and_trials(run: Run) -> None:
    """60 of 1,500 are lost to each group of each trial: p99 is a bound everywhere, p95 nowhere."""
    found = record(run(Broker("a", Behaviour(lost=60)), rate=250, groups={"x": 1, "y": 2}))
    (first, *_) = found["trials"]
    for figures_of, absent in ((found["merged"], 360), (first, 120)):
        assert figures_of["end_to_end_ms"]["at_least_from"] == "p99"
        assert figures_of["end_to_end_ms"]["absent"] == absent
        assert figures_of["end_to_end_ms"]["mean"] is None
    for group in first["end_to_end_ms_by_group"].values():
        assert (group["absent"], group["at_least_from"]) == (60, "p99")


def test_a_message_never_answered_is_a_bound_of_confirm_latency(run: Run) -> None:
    """Half of the unknown ones stay open, so the trial is invalid; its figures are bounds all the same."""
    (trial,) = record(run(Broker("a", Behaviour(unknown=40)), rate=250, blocks=1))["trials"]
    assert (trial["confirm_ms"]["absent"], trial["confirm_ms"]["at_least_from"]) == (40, "p99")


def test_nothing_confirmed_is_all_bounds_and_a_rate_of_zero(run: Run) -> None:
    (trial,) = record(run(Broker("a", Behaviour(unknown=10**6)), rate=250, blocks=1, warmup_s=0))["trials"]
    found = trial["confirm_ms"]
    assert (found["absent"], found["count"], found["at_least_from"], found["mean"]) == (1500, 1500, "p50", None)
    assert trial["confirmed_msgs_s"] == 0


def test_where_nothing_confirms_there_is_no_confirm_latency(run: Run) -> None:
    (trial,) = record(run(Broker("a", Behaviour(confirms=False)), rate=250, blocks=1))["trials"]
    assert trial["confirm_ms"] is None


def test_trials_that_lost_all_do_not_drop_out(run: Run) -> None:
    """The warm-up arrived, of the window nothing did, in three of five blocks: no figure comes from the other two."""
    gone = Behaviour(end_to_end_ms=0.5, confirms=False, lost=10**6)
    quick = Broker("b", replace(gone, lost=0), guarantee="at-most-once", blocks={1: gone, 3: gone, 5: gone})
    asked = {"delivery": {"guarantee": "at-most-once"}, "slo": [{"metric": "end_to_end.p99", "op": "<", "value": 50}]}
    summary = analyse(run(Broker("a"), quick, rate=250, blocks=5, **asked)).summary
    trials = summary["candidates"]["b"]["trials"]
    assert [t["validity"]["codes"] == ["nothing-delivered"] for t in trials] == [True, False, True, False, True]
    assert all(t["ledger"]["groups"]["all"]["unique"] for t in trials)
    lost = trials[0]["end_to_end_ms"]
    assert (lost["absent"], lost["at_least_from"], lost["p99"]) == (1500, "p50", 500)
    assert [row["candidate"] for row in summary["verdict"]["ranking"]] == ["a"]
    assert summary["verdict"]["unranked"] == [{"candidate": "b", "why": "did not carry the load in 3 of 5 trials"}]
    assert [row["met"] for row in summary["slo"]] == [True, False]


def test_an_explored_bound_claims_no_lead_over_the_other(run: Run) -> None:
    """b's p99 is at least the drain's wait; nothing may say that it is better, or the same."""
    asked = {"delivery": {"guarantee": "at-most-once"}, "primary": "end_to_end.p50"}
    loser = Broker("b", Behaviour(lost=60, confirms=False, end_to_end_ms=9), guarantee="at-most-once")
    rows = analyse(run(Broker("a"), loser, rate=250, **asked)).summary["comparisons"]
    (p99,) = (row for row in rows if row["metric"] == "end_to_end.p99")
    assert (p99["a"], p99["primary"], p99["claim"]) == ("a", False, "better")
