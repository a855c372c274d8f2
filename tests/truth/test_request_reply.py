"""Requests and replies against what the simulated broker knows: two ways and an answer, for each load model."""

from collections.abc import Sequence
from pathlib import Path

import pytest

from brokerbench_analysis.crosschecks import LOOP_OFF, Check, cross_checks
from brokerbench_analysis.folder import TrialFiles
from brokerbench_drivers.simulated.destinations import Destinations
from brokerbench_drivers.simulated.settings import Fates, Settings
from tests.support.truth import assert_counts
from tests.support.virtual import run_virtual

TRANSPORT_S = 0.004
BOTH_WAYS_MS = 2 * TRANSPORT_S * 1e3
LAW = {"service": {"constant_s": TRANSPORT_S}, "confirm_delay_s": 0.001}
QUICK = {"service": {"constant_s": 0.0001}}


def law(record: dict, name: str) -> dict:
    return next(check for check in record["checks"] if check["name"] == name)


def check_users(files: TrialFiles) -> Check:
    return next(check for check in cross_checks(files) if check.name == "users")


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


def test_a_response_is_two_ways_and_the_work_in_between(tmp_path: Path) -> None:
    """4 ms there, 3 ms of processing, 4 ms back. A request counts as received when its work begins."""
    groups = {"all": {"processing": {"fixed_s": 0.003}}}
    truth = run_virtual(tmp_path, LAW, rate=100, steady_s=3.0, repliers=1, groups=groups)
    assert_counts(truth)
    for figure in ("p50", "p95", "max"):
        assert truth.record["end_to_end_ms"][figure] == pytest.approx(BOTH_WAYS_MS / 2, rel=1e-3)
        assert truth.record["response_ms"][figure] == pytest.approx(BOTH_WAYS_MS + 3.0, rel=1e-3)
    assert truth.record["validity"]["state"] in ("valid", "suspect"), truth.record["validity"]["reasons"]


def test_users_wait_for_replies_not_for_confirms(tmp_path: Path) -> None:
    """20 users who think 92 ms and wait 8 ms for each reply: X (R + Z) = N, although confirms come after 1 ms."""
    users = {"users": 20, "think": {"fixed_s": 0.092}}
    truth = run_virtual(tmp_path, LAW, rate=None, closed=users, steady_s=3.0, repliers=1)
    assert_counts(truth)
    record = truth.record
    held = law(record, "users")
    assert held["holds"]
    assert held["off"] < 0.005
    assert record["service_ms"]["mean"] == pytest.approx(record["response_ms"]["mean"], rel=1e-3)
    assert record["delivered_msgs_s"] == pytest.approx(20 / (0.092 + record["response_ms"]["mean"] / 1e3), rel=5e-3)
    assert record["response_ms"]["p50"] == pytest.approx(BOTH_WAYS_MS, rel=0.05)
    assert record["confirm_ms"]["p50"] == pytest.approx(1.0, rel=1e-2)


@pytest.mark.parametrize("stalls", [(), (1.9,), (3.9,), (1.9, 3.9), (2.3, 2.9)], ids=str)
@pytest.mark.parametrize("think", [{"fixed_s": 0.05}, {"exponential_s": 0.5}, {"fixed_s": 2.5}], ids=str)
def test_a_stall_breaks_no_law_of_users(tmp_path: Path, think: dict[str, float], stalls: tuple[float, ...]) -> None:
    """All 40 wait at once, at an end of the window or in it, and are a herd from then on; some think for longer than
    the load was there before the window."""
    users = {"users": 40, "think": think, "ramp_s": 1.0}
    settings = QUICK | {"stalls": [{"at_s": at, "for_s": 0.2} for at in stalls]}
    truth = run_virtual(tmp_path, settings, rate=None, closed=users, steady_s=2.0, repliers=4)
    held = law(truth.record, "users")
    assert held["holds"]
    assert held["off"] < 0.0001
    assert held["limit"] == LOOP_OFF


@pytest.mark.parametrize("fates", [{"refused": ["every 20"]}, {"confirm_dropped": [30]}], ids=str)
def test_where_confirms_did_not_come_nothing_is_said_of_users(tmp_path: Path, fates: dict[str, object]) -> None:
    """Their users go on or wait for ever, and no response time is known."""
    users = {"users": 40, "think": {"fixed_s": 0.05}, "ramp_s": 1.0}
    truth = run_virtual(tmp_path, QUICK | {"fates": fates}, rate=None, closed=users, steady_s=2.0, drain_s=1.0)
    assert law(truth.record, "users")["holds"] is None


@pytest.mark.parametrize("name", ["unique_by_time", "thought_ns", "thoughts", "waited_ends_ns"])
def test_what_is_counted_wrong_breaks_it(tmp_path: Path, name: str) -> None:
    """By 5 % of it, or of all the time that users have."""
    users = {"users": 40, "think": {"fixed_s": 0.05}, "ramp_s": 1.0}
    files = run_virtual(tmp_path, QUICK, rate=None, closed=users, steady_s=2.0, repliers=4).study.measured[0].files
    [child] = [
        c for c in (*files.trial["producers"], *files.trial["consumers"]) if name in c and c.get("group") != "all"
    ]
    assert check_users(files).holds
    child[name] += round(0.05 * (child[name] if "ends" not in name else 40 * 2e9))
    assert not check_users(files).holds


def test_a_window_is_of_requests_without_a_reply(tmp_path: Path) -> None:
    """One worker at 4 ms a message takes 250 requests a second, so 10 in flight wait 40 ms; the window is full."""
    truth = run_virtual(tmp_path, LAW, rate=None, in_flight=10, steady_s=2.0, repliers=1)
    assert_counts(truth)
    record = truth.record
    assert record["delivered_msgs_s"] == pytest.approx(250, rel=0.01)
    assert record["response_ms"]["p50"] == pytest.approx(40.0, rel=0.02)
    flying, full = (check for check in record["checks"] if check["name"] == "closed-loop")
    assert flying["holds"]
    assert full["holds"]
    assert full["expected"] == 10


def test_a_stall_across_the_start_breaks_no_closed_loop(tmp_path: Path) -> None:
    """The slots are full all the time; those who wait as the window begins were sent before it, and 0.1 s of it passes
    without a message."""
    stalled = LAW | {"stalls": [{"at_s": 1.9, "for_s": 0.2}]}
    record = run_virtual(tmp_path, stalled, rate=None, in_flight=10, steady_s=1.0, repliers=1).record
    flying, *_ = (check for check in record["checks"] if check["name"] == "closed-loop")
    assert flying["off"] > 0.05
    assert flying["holds"]


def lose_replies(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every 50th reply is confirmed and given to nobody; requests are not touched."""
    declare = Destinations.declare

    def worse(self: Destinations, name: str, groups: Sequence[str], settings: Settings) -> object:
        fates = Fates.from_base({"confirmed_but_lost": ["every 50"]}) if name.endswith(".r0") else settings.fates
        return declare(self, name, groups, settings.model_copy(update={"fates": fates}))

    monkeypatch.setattr(Destinations, "declare", worse)


def test_lost_replies_are_no_lost_requests(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lose_replies(monkeypatch)
    truth = run_virtual(tmp_path, LAW, rate=100, steady_s=5.0, drain_s=2.0, repliers=1)
    assert_counts(truth)
    record, ids = truth.record, truth.study.ids(truth.record["id"])
    groups = record["ledger"]["groups"]
    assert (groups["all"]["lost"], groups["replies"]["lost"]) == (0, 14)
    assert ids["replies"]["lost"] == [[0, sequence] for sequence in range(49, 700, 50)]
    assert (record["end_to_end_ms"]["absent"], record["response_ms"]["absent"]) == (0, 10)
    assert record["response_ms"]["at_least"]


def test_a_user_goes_on_without_the_reply_that_never_came(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """After as long as missing messages are waited for. Nothing is said of X (R + Z) = N then."""
    lose_replies(monkeypatch)
    users = {"users": 10, "think": {"fixed_s": 0.1}}
    truth = run_virtual(tmp_path, LAW, rate=None, closed=users, steady_s=4.0, drain_s=1.0, repliers=1)
    record = truth.record
    [requester] = truth.study.measured[0].files.trial["producers"]
    lost = record["ledger"]["groups"]["replies"]["lost"]
    assert lost == requester["given_up"] == record["ledger"]["sent"] // 50 > 5
    assert requester["replied"] == record["ledger"]["sent"] - lost
    assert law(record, "users")["holds"] is None
    # Had they waited for ever, ten losses would have silenced all ten.
    assert record["response_ms"]["count"] > 150
