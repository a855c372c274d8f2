"""Who wins, how sure that is, and what would change it, in words: by filters, by figures, and by nothing at all."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from brokerbench_analysis.folder import FolderError, Json
from brokerbench_analysis.summary import analyse
from tests.analysis.folders import Behaviour, Broker

Run = Callable[..., Path]
MISSING = {"need": "replay", "having": "not met", "says": "a queue forgets", "proof": "driver"}
MET = {"need": "replay", "having": "met", "says": "", "proof": "conformance"}
SUPPORTED = {"need": "supported-version", "having": "not known", "says": "nothing is recorded about it"}
NONE = "No other criterion that was measured here names another candidate."


def exact(name: str, value_ms: float, broker_cpu: float = 0.3, **about: Any) -> Broker:
    return Broker(name, Behaviour(exact_ms=(value_ms,), broker_cpu=broker_cpu), **about)


def level(name: str, needed: str, leader: str) -> str:
    """What the nearest rival lacks."""
    return f"{name} would need an end-to-end p99 at least {needed} lower to draw level with {leader}."


def decision(folder: Path) -> Json:
    found: Json = analyse(folder).summary["decision"]
    return found


def test_one_leads_by_everything(run: Run) -> None:
    found = decision(run(exact("kafka", 6.0, 0.9), exact("nats", 2.0), rate=250))
    assert (found["winner"], found["leader"], found["certainty"]) == ("nats", "nats", "shown")
    assert found["reason"] == "nats is shown to be better than kafka"
    assert found["margin"]["over"] == "kafka"
    assert found["margin"]["text"] == "has an end-to-end p99 3.0 times lower than kafka"
    assert found["would_change"] == [level("kafka", "3.0 times", "nats"), NONE]
    assert not any(order["flips"] for order in found["orders"])
    assert [row["candidate"] for row in found["orders"][0]["order"]] == ["nats", "kafka"]


def test_another_figure_names_another_leader(run: Run) -> None:
    found = decision(run(exact("kafka", 6.0, 0.1), exact("nats", 2.0, 0.4), rate=250))
    assert found["winner"] == "nats"
    flipped = [order["metric"] for order in found["orders"] if order["flips"]]
    assert flipped == ["broker_cpu"]
    [near, sentence] = found["would_change"]
    assert near == level("kafka", "3.0 times", "nats")
    assert sentence.startswith("By broker CPU seconds per million messages alone kafka leads (")
    assert sentence.endswith(" of nats; explored, not tested).")
    kafka, nats = (row["broker_cpu_s_per_million"] for row in found["criteria"])
    assert kafka < nats


def test_a_figure_within_the_noise_flips_nothing(run: Run) -> None:
    found = decision(run(exact("kafka", 6.0, 0.299), exact("nats", 2.0, 0.3), rate=250))
    by_cpu = next(order for order in found["orders"] if order["metric"] == "broker_cpu")
    assert by_cpu["order"][0]["candidate"] == "kafka"
    assert not by_cpu["flips"]
    assert found["would_change"] == [level("kafka", "3.0 times", "nats"), NONE]


def test_undecided_stays_undecided(run: Run) -> None:
    noisy = Broker("b", Behaviour(end_to_end_ms=2.4, spread=0.6, broker_cpu=0.1))
    found = decision(run(Broker("a"), noisy, rate=250))
    leader, other = found["leader"], ({"a", "b"} - {found["leader"]}).pop()
    assert (found["winner"], found["margin"], found["certainty"]) == (None, None, "undecided")
    assert found["reason"] == f"{leader} is not shown to be better than {other}"
    assert found["would_change"][0] == f"More blocks may decide between {leader} and {other}."
    assert any("broker CPU seconds per million messages" in sentence for sentence in found["would_change"][1:])


def test_who_is_excluded_by_a_need_was_not_measured_and_that_is_all_that_is_said(run: Run) -> None:
    excluded = "does not have what the scenario needs: replay (a queue forgets)"
    queue = exact("queue", 1.0, needs=[MISSING], excluded=excluded)
    folder = run(queue, exact("log", 2.0, needs=[MET]), rate=250)
    _keep_promise(folder, "queue")
    found = decision(folder)
    assert (found["winner"], found["certainty"]) == ("log", "only-one-left")
    assert found["reason"] == "every other candidate is out: queue"
    assert found["would_change"] == [
        "If replay were not needed, queue could take part: it was not run, so who would lead then is not known."
    ]
    assert [row["needs_met"] for row in found["criteria"]] == [False, True]


def _keep_promise(folder: Path, name: str) -> None:
    """As the planner leaves it where nothing but a need keeps a candidate out."""
    made = json.loads((folder / "run.json").read_text())
    made["candidates"][name]["promise"] = {"guarantee": "at-least-once", "survives": "nothing", "settings": {}}
    (folder / "run.json").write_text(json.dumps(made))


def test_who_lacks_a_need_only_the_server_could_tell_is_measured_and_not_ranked(run: Run) -> None:
    old = exact("old", 2.0, needs=[SUPPORTED], version="3.10.8", support_ends="2023-07-31")
    new = exact("new", 6.0, needs=[SUPPORTED], support_ends="2027-01-01")
    found = analyse(run(old, new, rate=250))
    assert found.verdict.unranked == (
        {
            "candidate": "old",
            "why": "does not have what the scenario needs: supported-version (support of 3.10.8 ended 2023-07-31)",
        },
    )
    decided = found.summary["decision"]
    assert (decided["winner"], decided["certainty"]) == ("new", "only-one-left")
    assert decided["would_change"] == [
        "If supported-version were not needed, old would lead (end-to-end p99 2.00 ms against 6.00 ms of new;"
        " not tested)."
    ]


def test_a_need_less_would_leave_it_open(run: Run) -> None:
    old = exact("old", 2.0, needs=[SUPPORTED], version="3.10.8", support_ends="2023-07-31")
    new = exact("new", 2.05, needs=[SUPPORTED], support_ends="2027-01-01")
    assert decision(run(old, new, rate=250))["would_change"] == [
        "If supported-version were not needed, it would be open whether old or new leads (end-to-end p99 2.00 ms"
        " against 2.05 ms)."
    ]


def test_a_slower_one_without_the_need_changes_nothing(run: Run) -> None:
    old = exact("old", 9.0, needs=[SUPPORTED], support_ends="2023-07-31")
    others = (
        exact("new", 2.0, needs=[SUPPORTED], support_ends="2027-01-01"),
        exact("far", 6.0, support_ends="2027-01-01"),
    )
    assert decision(run(old, *others, rate=250))["would_change"] == [level("far", "3.0 times", "new"), NONE]


def test_support_counts_though_nobody_asked(run: Run) -> None:
    old = exact("old", 2.0, version="3.10.8", support_ends="2023-07-31")
    found = decision(run(old, exact("new", 6.0), rate=250))
    assert found["winner"] == "old"
    assert found["would_change"] == [
        "If only supported versions count, old is out (support of 3.10.8 ended 2023-07-31); of the rest new has the"
        " best end-to-end p99, 6.00 ms, whose own support is not known to us.",
        level("new", "3.0 times", "old"),
    ]
    supports = [row["support"]["having"] for row in found["criteria"]]
    assert supports == ["not met", "not known"]


@pytest.mark.parametrize(("version", "having"), [("4.2.1", "met"), ("3.13.7", "not met"), ("5.0", "not known")])
def test_what_hung_on_the_version_is_answered_by_the_server(run: Run, version: str, having: str) -> None:
    lines = [
        {"about": "tls", "answer": answer, "versions": of, "source": "https://example.org", "read": "2026-11-01"}
        for answer, of in (("no", "3"), ("yes", "4"))
    ]
    open_before = {"need": "tls", "having": "not known", "says": "it depends"}
    one = exact("one", 2.0, needs=[open_before], qualities=lines, version=version)
    [row] = decision(run(one, rate=250))["criteria"]
    assert row["needs"][0]["having"] == having
    assert row["needs_met"] == {"met": True, "not met": False, "not known": None}[having]


def test_an_unknown_need_of_the_leader_is_said(run: Run) -> None:
    unknown = {"need": "ttl", "having": "not known", "says": "nothing is recorded about it"}
    met = {**unknown, "having": "met"}
    found = decision(run(exact("a", 2.0, needs=[unknown]), exact("b", 6.0, needs=[met]), rate=250))
    assert found["winner"] == "a"
    assert found["would_change"] == [
        "It is not known whether a has ttl: if it has not, b is the best that has all needs.",
        level("b", "3.0 times", "a"),
    ]


def test_one_alone_decides_nothing(run: Run) -> None:
    found = decision(run(exact("a", 2.0), rate=250))
    assert (found["winner"], found["leader"], found["certainty"]) == (None, "a", "alone")
    assert found["would_change"] == []


def test_who_was_not_measured_makes_nobody_a_winner(run: Run) -> None:
    failed = exact("b", 6.0, states=dict.fromkeys((1, 2, 3), "failed"))
    found = decision(run(exact("a", 2.0), failed, rate=250))
    assert (found["winner"], found["certainty"]) == (None, "undecided")
    assert found["would_change"] == ["b has no valid trial, so what it would change is not known."]


def test_a_leader_that_misses_an_objective_has_not_won(run: Run) -> None:
    slo = {"metric": "end_to_end.p99", "op": "<", "value": 1.0, "text": "< 1ms"}
    found = decision(run(exact("a", 2.0), exact("b", 6.0), rate=250, slo=[slo]))
    assert (found["winner"], found["certainty"]) == (None, "objective-missed")
    assert found["reason"] == "a leads, and does not meet end-to-end p99 < 1 ms"
    assert found["would_change"] == [level("b", "3.0 times", "a"), NONE]


def test_who_meets_every_objective_stands_behind_a_leader_that_does_not(run: Run) -> None:
    """The leader lost a message, which its guarantee allows; the objective does not."""
    slo = [
        {"metric": "lost", "op": "=", "value": 0.0, "text": "0"},
        {"metric": "end_to_end.p99", "op": "<", "value": 50.0, "text": "< 50ms"},
    ]
    lossy = Broker("a", Behaviour(exact_ms=(2.0,), lost=1), guarantee="at-most-once")
    most = {"guarantee": "at-most-once"}
    found = decision(run(lossy, exact("b", 6.0), rate=250, slo=slo, delivery=most))
    assert (found["winner"], found["certainty"]) == (None, "objective-missed")
    assert found["would_change"][0] == (
        "If a is out because it misses lost messages = 0, b is the best of those that meet every objective"
        " (end-to-end p99 6.00 ms)."
    )


@pytest.mark.parametrize(
    ("op", "metric", "limit", "expected"),
    [
        ("<", "end_to_end.p99", 10.0, "end-to-end p99 if its limit of 10 ms were 2.00 ms or less"),
        (">", "delivered_msgs_s", 200.0, "throughput if its limit of 200 msg/s were 250 msg/s or more"),
    ],
)
def test_how_far_an_objective_may_be_tightened(op: str, metric: str, limit: float, expected: str, run: Run) -> None:
    slo = [
        {"metric": metric, "op": op, "value": limit, "text": f"{op} {limit}"},
        {"metric": "lost", "op": "=", "value": 0.0, "text": "0"},
    ]
    found = decision(run(exact("a", 2.0), exact("b", 6.0), rate=250, slo=slo))
    assert found["would_change"][0] == f"a would miss the objective for {expected}."
    assert found["would_change"][1] == level("b", "3.0 times", "a")


def test_a_smoke_run_and_a_running_one_claim_nothing(run: Run) -> None:
    smoke = decision(run(exact("a", 2.0), exact("b", 6.0), rate=250, smoke=True))
    assert (smoke["winner"], smoke["certainty"], smoke["would_change"]) == (None, "smoke", [])
    running = decision(run(exact("a", 2.0), exact("b", 6.0, states={3: "planned"}), rate=250, status="running"))
    assert (running["winner"], running["certainty"], running["would_change"]) == (None, "unfinished", [])


def test_a_weaker_promise_is_a_criterion_too(run: Run) -> None:
    weak = exact("weak", 2.0, guarantee="at-most-once")
    found = decision(run(weak, exact("a", 6.0), exact("b", 9.0), rate=250))
    assert found["winner"] == "a"
    assert found["would_change"] == [
        level("b", "33 %", "a"),
        "If at-most-once that survives nothing were enough, weak would lead (end-to-end p99 2.00 ms against 6.00 ms"
        " of a; not tested).",
    ]


def test_a_run_from_before_needs_were_kept_has_none(run: Run) -> None:
    folder = run(exact("a", 2.0), exact("b", 6.0), rate=250)
    made = json.loads((folder / "run.json").read_text())
    for about in made["candidates"].values():
        del about["needs"], about["qualities"]
    (folder / "run.json").write_text(json.dumps(made))
    found = decision(folder)
    assert found["winner"] == "a"
    assert [row["needs"] for row in found["criteria"]] == [[], []]


def test_what_was_left_to_the_server_is_told_by_it(run: Run) -> None:
    lines = [
        {"about": "tls", "answer": a, "when": {"sync": [w]}, "source": "https://example.org", "read": "2026-11-01"}
        for a, w in (("no", "never"), ("yes", "always"))
    ]
    open_before = {"need": "tls", "having": "not known", "says": "it depends"}
    folder = run(exact("one", 2.0, needs=[open_before], qualities=lines), rate=250)
    made = json.loads((folder / "run.json").read_text())
    made["candidates"]["one"]["promise"]["settings"] = {"sync": None}
    (folder / "run.json").write_text(json.dumps(made))
    [row] = decision(folder)["criteria"]
    assert row["needs"][0]["having"] == "met"
    assert row["needs"][0]["source"] == "https://example.org"


def test_answers_that_cannot_be_read_are_named(run: Run) -> None:
    folder = run(exact("a", 2.0, needs=[{"need": "ttl", "having": "perhaps"}]), rate=250)
    with pytest.raises(FolderError, match="needs or qualities that cannot be read"):
        analyse(folder)
