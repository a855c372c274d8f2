"""summary.json against its schema, for whole, unfinished and damaged runs."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from brokerbench_analysis import write_summary
from brokerbench_analysis.folder import Json
from tests.analysis.edits import age
from tests.analysis.folders import Behaviour, Broker

Run = Callable[..., Path]
ROOT = Path(__file__).parents[2]
SLO = {"metric": "end_to_end.p99", "op": "<", "value": 50, "text": "< 50ms"}
LOOKS = {"first": 5, "second": 10, "went_on": None, "alpha_first": 0.025, "alpha_second": 0.025}
FLOOR = Broker("zeromq", Behaviour(confirms=False), role="floor", guarantee="at-most-once")
RUNS: dict[str, tuple[list[Broker], Json]] = {
    "whole": (
        [Broker("a"), Broker("b", Behaviour(end_to_end_ms=6)), FLOOR],
        {"groups": {"x": 2, "y": 1}, "slo": [SLO]},
    ),
    "saturate": ([Broker("a"), Broker("b", Behaviour(delivered_share=0.6))], {"model": "saturate"}),
    "running": ([Broker("a", states={1: "running", 2: "planned"})], {"status": "running"}),
    "failed": ([Broker("a", states={1: "failed", 2: "interrupted"}), Broker("b")], {"status": "interrupted"}),
    "excluded": ([Broker("a", excluded="no durable queue")], {}),
    "lossy": ([Broker("a", Behaviour(lost=200, unknown=7, duplicates=2, foreign=1)), Broker("b")], {"slo": [SLO]}),
    "looks": ([Broker("a"), Broker("b")], {"looks": LOOKS, "arrivals": "poisson"}),
    "disturbed": (
        [
            Broker("a", Behaviour(steal=0.1), repeats={1: Behaviour(throttled=0.1)}, probe=1.2, generator="library"),
            Broker("b", Behaviour(pauses_ms={"all-0": [200.0]}, refused=4, duplicates=2, unflagged=1), ceiling=None),
        ],
        {"model": "saturate"},
    ),
    "needs": (
        [
            Broker("a", needs=[{"need": "ttl", "having": "not known"}], support_ends="2023-07-31"),
            Broker("b", Behaviour(end_to_end_ms=6), needs=[{"need": "ttl", "having": "not met", "proof": "driver"}]),
            Broker("c", Behaviour(end_to_end_ms=9)),
        ],
        {"slo": [SLO]},
    ),
    "bare": ([Broker("a", Behaviour(broker_cpu=None, counters=False, confirms=False))], {"smoke": True}),
}


@pytest.fixture(scope="module")
def validator() -> jsonschema.Draft202012Validator:
    schema = json.loads((ROOT / "docs" / "summary.schema.json").read_text())
    jsonschema.Draft202012Validator.check_schema(schema)
    return jsonschema.Draft202012Validator(schema)


@pytest.mark.parametrize("name", RUNS)
def test_it_keeps_its_schema(run: Run, validator: jsonschema.Draft202012Validator, name: str) -> None:
    brokers, question = RUNS[name]
    folder = run(*brokers, rate=200, blocks=2, **question)
    written = write_summary(folder)
    text = (folder / "summary.json").read_text()
    assert "NaN" not in text
    assert "Infinity" not in text
    assert json.loads(text) == written
    validator.validate(written)
    assert [p.name for p in folder.iterdir() if "summary" in p.name] == ["summary.json"]


def test_an_old_folder_keeps_it_too(run: Run, validator: jsonschema.Draft202012Validator) -> None:
    folder = run(Broker("a", Behaviour(lost=3)), rate=200, blocks=2)
    age(folder)
    validator.validate(write_summary(folder))


def test_the_schema_refuses_what_is_wrong(run: Run, validator: jsonschema.Draft202012Validator) -> None:
    summary = write_summary(run(Broker("a"), rate=200, blocks=1))
    for spoil in (
        lambda s: s.pop("verdict"),
        lambda s: s["decision"].update(certainty="sure"),
        lambda s: s["decision"]["criteria"][0].pop("support"),
        lambda s: s.update(status="fine"),
        lambda s: s["candidates"]["a"]["trials"][0]["ledger"].update(lost=-1),
        lambda s: s["candidates"]["a"]["trials"][0]["validity"].update(state="good"),
        lambda s: s["candidates"]["a"]["trials"][0]["end_to_end_ms"].pop("at_least"),
        lambda s: s["candidates"]["a"]["trials"][0].update(kind="lucky"),
        lambda s: s["candidates"]["a"]["trials"][0]["steady"].update(state="fine"),
        lambda s: s["candidates"]["a"]["trials"][0]["checks"][0].pop("holds"),
        lambda s: s["candidates"]["a"]["trials"][0]["ledger"]["fates"].update(gone={"delivered": 0, "absent": 1}),
        lambda s: s["candidates"]["a"]["limit"].update(by="disk"),
        lambda s: s["candidates"]["a"].pop("warnings"),
    ):
        copy = json.loads(json.dumps(summary))
        spoil(copy)
        assert not validator.is_valid(copy)


def test_unmeasured_is_null_never_zero(run: Run) -> None:
    bare = Broker("a", Behaviour(broker_cpu=None, confirms=False))
    (trial,) = write_summary(run(bare, rate=200, blocks=1))["candidates"]["a"]["trials"]
    assert trial["confirmed_msgs_s"] is None
    assert trial["confirm_ms"] is None
    assert trial["service_ms"] is None
    assert trial["resources"]["broker_cpu_s_per_million"] is None
    assert trial["resources"]["broker_rss_mib_max"] is None
    assert trial["resources"]["flushes_per_confirmed"] is None
    assert trial["end_to_end_ms"]["p99_9"] is None


def test_a_trial_that_failed_has_no_figures(run: Run) -> None:
    trial = write_summary(run(Broker("a", states={1: "failed"}), blocks=1))["candidates"]["a"]["trials"][0]
    assert trial["state"] == "failed"
    assert trial["validity"]["reasons"] == ["the trial failed: the server ended with status 1; see servers/a"]
    empty = ("delivered_msgs_s", "end_to_end_ms", "ledger", "resources")
    assert [trial[name] for name in empty] == [None] * len(empty)


def test_what_has_not_ended_is_listed(run: Run) -> None:
    summary = write_summary(run(Broker("a", states={2: "running", 3: "planned"}), rate=200, status="running"))
    assert summary["trial_states"] == {"finished": 1, "running": 1, "planned": 1}
    assert summary["candidates"]["a"]["not_ended"] == [
        {"id": "b02-1-a", "block": 2, "state": "running"},
        {"id": "b03-1-a", "block": 3, "state": "planned"},
    ]


def test_what_was_skipped_is_not_waited_for(run: Run) -> None:
    summary = write_summary(run(Broker("a", states={2: "skipped"}), rate=200, blocks=2))
    assert summary["candidates"]["a"]["not_ended"] == []
    assert summary["trial_states"] == {"finished": 1, "skipped": 1}
    assert not any("have ended" in note for note in summary["verdict"]["notes"])


def test_figures_by_hand(run: Run) -> None:
    """200 msg/s for 6 s to two groups, 0.4 CPU seconds a second here and 0.3 there, 10 flushes a second."""
    folder = run(Broker("a", Behaviour(exact_ms=[2.0, 4.0])), rate=200, blocks=1, groups={"x": 1, "y": 1})
    (trial,) = write_summary(folder)["candidates"]["a"]["trials"]
    assert trial["offered_msgs_s"] == trial["sent_msgs_s"] == 200
    assert trial["delivered_msgs_s"] == pytest.approx(200, abs=1)
    assert trial["deliveries_msgs_s"] == pytest.approx(2 * trial["delivered_msgs_s"])
    deliveries = trial["deliveries_msgs_s"] * 6
    assert trial["resources"]["generator_cpu_s_per_million"] == pytest.approx(0.6 * 6 / deliveries * 1e6)
    assert trial["resources"]["broker_cpu_s_per_million"] == pytest.approx(0.3 * 6 / deliveries * 1e6)
    assert trial["resources"]["flushes_per_confirmed"] == pytest.approx(10 / trial["confirmed_msgs_s"])
    assert trial["resources"]["generator_rss_mib_max"] == 130
    assert trial["end_to_end_ms"]["count"] == 2400
    assert trial["end_to_end_ms"]["mean"] == pytest.approx(3, rel=1e-3)
    assert trial["end_to_end_ms_by_group"]["x"]["p50"] == pytest.approx(2, rel=1e-3)
    assert trial["ledger"]["expected"] == 2 * 1400


def test_trials_are_merged_by_counts(run: Run) -> None:
    summary = write_summary(run(Broker("a", Behaviour(spread=0.4)), rate=200))["candidates"]["a"]
    each = [t["end_to_end_ms"] for t in summary["trials"]]
    merged = summary["merged"]["end_to_end_ms"]
    assert merged["count"] == sum(t["count"] for t in each)
    assert merged["max"] == max(t["max"] for t in each)
    assert min(t["p99"] for t in each) <= merged["p99"] <= max(t["p99"] for t in each)
    assert summary["merged"]["ledger"]["sent"] == 3 * 1400


def test_no_number_is_written_that_is_none(run: Run) -> None:
    def leaves(value: Any) -> Iterator[Any]:
        if isinstance(value, (dict, list)):
            for inner in value.values() if isinstance(value, dict) else value:
                yield from leaves(inner)
        else:
            yield value

    summary = write_summary(run(*RUNS["lossy"][0], rate=200, blocks=1))
    assert all(type(leaf) in (int, float, str, bool, type(None)) for leaf in leaves(summary))
