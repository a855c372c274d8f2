"""Every kind of fate, by sequence: what the broker did on purpose is what the ledger says, to the message."""

import pytest

from brokerbench_analysis import exit_status
from tests.support.truth import assert_agrees, assert_counts
from tests.support.virtual import run_virtual

SERVICE = {"constant_s": 0.0005}
RATE, STEADY_S = 800.0, 5.0  # below 1,000 a second every body is looked at
FATES = {
    "confirmed_but_lost": [100, 101],
    "refused": [200, 201, 202],
    "confirm_dropped": [300],
    "duplicated": [400, 401, 402, 403],
    "swapped": [500, 510],
    "foreign": [600, 601, 602, 603, 604],
    "corrupted": [700],
    "altered": [800, 801],
}


MESSAGES = {
    "equal": {"size": 64},
    "compressible": {"size": 1000, "compressibility": 0.5},
    "lognormal": {"size": {"lognormal": {"median": 300, "p99": 4000}}, "keys": {"zipf": 1.1, "cardinality": 1000}},
    "histogram": {
        "size": {"histogram": {"17B": 0.5, "9KiB": 0.5}},
        "keys": {"hot": 0.2, "cardinality": 9},
    },
}


def ran(tmp_path, fates, message=None, **settings):
    broker = {"service": SERVICE, "fates": fates, **settings}
    return run_virtual(tmp_path, broker, rate=RATE, steady_s=STEADY_S, drain_s=5.0, message=message)


@pytest.mark.parametrize("message", MESSAGES)
def test_all_of_them_at_once(tmp_path, message):
    truth = ran(tmp_path, FATES, MESSAGES[message])
    assert_counts(truth)
    ledger = truth.record["ledger"]
    # A damaged stamp is nobody's message, so the one that carried it is lost too.
    assert ledger["lost"] == len(FATES["confirmed_but_lost"]) + len(FATES["corrupted"])
    assert ledger["unknown"] == ledger["recovered"] == 1
    assert ledger["duplicates_flagged"] == ledger["duplicates"] == 4
    assert ledger["reordered"] == 2
    ids = truth.study.ids(truth.record["id"])["all"]
    assert ids["lost"] == [[0, s] for s in (100, 101, 700)]
    assert ids["recovered"] == [[0, 300]]
    assert ids["duplicates"] == [[0, s] for s in FATES["duplicated"]]
    assert ids["reordered"] == [[0, s] for s in FATES["swapped"]]
    assert ids["corrupt"] == [[0, s] for s in (700, 800, 801)]
    assert len(ids["foreign"]) == 5
    fates = ledger["fates"]
    sent = ledger["sent"]
    assert fates["confirmed"] == {"delivered": sent - 3 - 3 - 1, "absent": 3}
    assert fates["refused"] == {"delivered": 0, "absent": 3}
    assert fates["unknown"] == {"delivered": 1, "absent": 0}


@pytest.mark.parametrize(
    ("fate", "counted"),
    [
        ("confirmed_but_lost", "lost"),
        ("refused", "refused"),
        ("confirm_dropped", "recovered"),
        ("duplicated", "duplicates"),
        ("swapped", "reordered"),
        ("foreign", "foreign"),
        ("altered", "corrupt"),
    ],
)
def test_one_alone_touches_no_other_count(tmp_path, fate, counted):
    truth = ran(tmp_path, {fate: ["every 50"]})
    assert_counts(truth)
    ledger = truth.record["ledger"]
    wrong = ("lost", "refused", "recovered", "duplicates", "reordered", "foreign", "corrupt", "outstanding")
    last_has_no_successor = fate == "swapped"
    expected = {counted: ledger["sent"] // 50 - last_has_no_successor}
    assert {name: ledger[name] for name in wrong if ledger[name]} == expected


def test_duplicates_that_no_flag_tells(tmp_path):
    ledger = ran(tmp_path, {"duplicated": [7, 8]}, redelivered_flag=False).record["ledger"]
    assert (ledger["duplicates"], ledger["duplicates_flagged"], ledger["redelivered"]) == (2, 0, 0)


def test_lost_messages_widen_the_percentiles(tmp_path):
    """2 % never came: p99 is at least what was waited for them, not a figure of the survivors."""
    truth = ran(tmp_path, {"confirmed_but_lost": ["every 50"]})
    found = truth.record["end_to_end_ms"]
    assert found["count"] == RATE * STEADY_S
    assert found["absent"] == 80
    assert found["p50"] == pytest.approx(0.5, rel=0.001)
    assert found["at_least"]
    assert found["at_least_from"] == "p99"
    assert found["p99"] >= 5000.0  # the drain
    assert found["mean"] is None


def test_all_confirmed_and_none_delivered(tmp_path):
    truth = ran(tmp_path, {"confirmed_but_lost": ["every 1"]})
    record, summary = truth.record, truth.study.summary
    assert record["ledger"]["confirmed"] == record["ledger"]["lost"] == record["ledger"]["sent"] > 0
    assert record["delivered_msgs_s"] == 0
    latency = record["end_to_end_ms"]
    assert (latency["at_least_from"], latency["absent"], latency["mean"]) == ("p50", RATE * STEADY_S, None)
    assert latency["at_least"]
    assert latency["p99_9"] is None  # 4,000 messages do not carry it
    assert min(latency[name] for name in ("p50", "p90", "p95", "p99", "max")) >= 5000.0  # the drain
    assert record["validity"]["state"] == "invalid"
    assert exit_status(summary) == 3


def test_where_nothing_confirms_what_is_gone_is_lost(tmp_path):
    """Handing over is the promise then."""
    settings = {
        "service": SERVICE,
        "confirms": False,
        "capacity": 5,
        "overflow": "drop-head",
        "stalls": [{"at_s": 3.0, "for_s": 0.5}],
    }
    truth = run_virtual(tmp_path, settings, rate=RATE, steady_s=STEADY_S, guarantee="at-most-once")
    ledger = truth.record["ledger"]
    assert ledger["promised"] == ledger["sent"] == truth.account["published"]
    assert ledger["lost"] == truth.account["groups"]["all"]["dropped"] == 401 - 5
    assert ledger["fates"] == {"handed-over": {"delivered": ledger["unique"], "absent": ledger["lost"]}}


def test_two_producers_have_accounts_of_their_own(tmp_path):
    truth = run_virtual(
        tmp_path, {"service": SERVICE, "fates": {"refused": [3]}}, rate=RATE, steady_s=STEADY_S, producers=2
    )
    assert_agrees(truth)
    assert truth.record["ledger"]["refused"] == 2
