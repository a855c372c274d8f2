"""The public door: what load() gives to a page or a notebook."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

import brokerbench_analysis
from brokerbench_analysis import Study, load, write_summary
from brokerbench_analysis.seconds import COLUMNS
from tests.analysis.folders import Behaviour, Broker

Run = Callable[..., Path]


@pytest.fixture
def study(run: Run) -> Study:
    floor = Broker("zeromq", Behaviour(confirms=False, broker_cpu=None), role="floor", guarantee="at-most-once")
    bad = Broker("kafka", Behaviour(end_to_end_ms=5, lost=3), states={2: "failed"})
    return load(run(Broker("nats"), bad, floor, rate=250, blocks=2, groups={"x": 2, "y": 1}))


def test_one_row_a_trial_in_the_order_of_candidates_and_blocks(study: Study) -> None:
    assert list(study.trials["trial"]) == [
        "b01-1-nats",
        "b02-1-nats",
        "b01-2-kafka",
        "b02-2-kafka",
        "b01-3-zeromq",
        "b02-3-zeromq",
    ]
    assert study.trials["end_to_end_ms.p99"].notna().sum() == 5
    assert study.trials["validity"].tolist() == ["valid", "valid", "valid", "invalid", "valid", "valid"]


def test_frames_say_what_the_summary_says(study: Study) -> None:
    for name, candidate in study.summary["candidates"].items():
        rows = study.trials[study.trials["candidate"] == name]
        for trial, (_, row) in zip(candidate["trials"], rows.iterrows(), strict=True):
            if trial["ledger"]:
                assert row["delivered_msgs_s"] == trial["delivered_msgs_s"]
                assert row["ledger.lost"] == trial["ledger"]["lost"]


def test_a_row_a_second(study: Study) -> None:
    mine = study.seconds[study.seconds["trial"] == "b01-1-nats"]
    assert list(study.seconds.columns) == ["candidate", "trial", "block", *COLUMNS]
    assert mine["t"].tolist()[:7] == [1, 2, 3, 4, 5, 6, 7]
    assert mine["phase"].tolist()[:7] == ["warm-up", *["measured"] * 6]
    steady = mine[mine["phase"] == "measured"]
    assert steady["sent"].mean() == pytest.approx(250, rel=0.01)
    assert steady["delivered"].mean() == pytest.approx(250, rel=0.01)  # the mean over both groups
    assert steady["end_to_end_p50_ms"].between(1.5, 2.5).all()
    assert steady["generator_cpu"].tolist() == pytest.approx([0.8] * 6)
    assert steady["broker_cpu"].tolist() == [0.3] * 6


def test_unmeasured_seconds_are_missing_not_zero(study: Study) -> None:
    floor = study.seconds[study.seconds["candidate"] == "zeromq"]
    for column in ("broker_cpu", "broker_rss_mib", "confirm_p99_ms", "outstanding"):
        assert floor[column].isna().all(), column


def test_percentiles_end_where_the_sample_ends(study: Study) -> None:
    curve = study.percentiles("nats", "end_to_end")  # 2 trials, 2 groups, 1,500 messages: 6,000 values: p99.8 at most
    assert curve["quantile"].max() == 0.995
    assert curve["ms"].is_monotonic_increasing
    assert not curve["at_least"].any()
    merged = study.summary["candidates"]["nats"]["merged"]["end_to_end_ms"]
    assert curve.set_index("quantile")["ms"][0.99] == merged["p99"]
    assert study.percentiles("nats", "service").empty
    assert study.percentiles("nobody", "end_to_end").empty


def test_ids_of_lost_messages(study: Study) -> None:
    lost = study.ids("b01-2-kafka")["x"]["lost"]
    assert lost == [[0, 750], [0, 751], [0, 752]]
    assert study.ids("no-such-trial") == {}


def test_an_empty_run_still_loads(run: Run) -> None:
    study = load(run(Broker("a", states=dict.fromkeys(range(1, 4), "planned")), status="running"))
    assert study.trials.empty
    assert study.seconds.empty
    assert study.verdict.sentence == "No verdict yet: no trial has finished."


def test_load_and_write_agree(run: Run) -> None:
    folder = run(Broker("a"), rate=200, blocks=1)
    assert load(folder).summary == write_summary(folder)


def test_the_door_is_listed() -> None:
    names = brokerbench_analysis.__all__
    assert names == sorted(names)
    assert all(hasattr(brokerbench_analysis, name) for name in names)


def test_writing_a_summary_needs_no_pandas(run: Run) -> None:
    """The command line calls it after every trial; pandas takes longer to import than all of that."""
    folder = run(Broker("a"), Broker("b"), rate=200, blocks=2)
    code = (
        "import sys; from pathlib import Path; from brokerbench_analysis import write_summary;"
        "write_summary(Path(sys.argv[1])); print([m for m in ('pandas', 'matplotlib') if m in sys.modules])"
    )
    ended = subprocess.run([sys.executable, "-c", code, str(folder)], capture_output=True, text=True, check=True)
    assert ended.stdout.strip() == "[]"
