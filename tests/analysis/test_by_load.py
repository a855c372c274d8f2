"""Latency against load, and when a message was due, from folders whose truth is known."""

import json
from pathlib import Path

import pytest

from brokerbench_analysis import Study, load
from brokerbench_analysis.by_load import Point, by_load, knee
from brokerbench_analysis.moments import when_sent
from tests.analysis.folders import Behaviour, Broker, write_run


def staged(tmp_path: Path, *, slower: float = 0.0) -> Study:
    """One trial of 1 s warm-up and 10 s, told to be two stages of 5 s."""
    folder = write_run(
        tmp_path / "run", [Broker("kafka", Behaviour(slower=slower))], blocks=2, rate=800, warmup_s=1, measure_s=10
    )
    run = json.loads((folder / "run.json").read_text())
    run["scenario"]["load"]["stages"] = [{"steady_s": 5.0, "rate_msgs_s": rate} for rate in (400.0, 800.0)]
    (folder / "run.json").write_text(json.dumps(run))
    return load(folder)


def test_each_stage_is_a_point_of_its_own_seconds(tmp_path: Path) -> None:
    study = staged(tmp_path, slower=3.0)
    (points,) = by_load(study).values()
    assert [point.rate_msgs_s for point in points] == [400, 800]
    assert all(len(point.each) == 2 for point in points)
    whole = study.summary["candidates"]["kafka"]["merged"]["end_to_end_ms"]["p99"]
    assert points[0].p99_ms < whole <= points[1].p99_ms * 1.1


def test_one_load_is_no_curve(tmp_path: Path) -> None:
    assert by_load(load(write_run(tmp_path / "run", [Broker("kafka")], blocks=2))) == {}


@pytest.mark.parametrize(
    ("values", "rate"),
    [((1.0, 1.5, 2.0, 9.0), 3.0), ((1.0, 1.5, 2.0, 3.0), None), ((1.0, 2.0, 2.0, 9.0), 1.0), ((5.0,), None)],
)
def test_the_knee_is_the_last_load_before_a_steep_step(values: tuple[float, ...], rate: float | None) -> None:
    points = [Point(float(at), value, (value,)) for at, value in enumerate(values, 1)]
    found = knee(points)
    assert (None if found is None else found.rate_msgs_s) == rate


def test_when_a_message_was_due(tmp_path: Path) -> None:
    study = load(write_run(tmp_path / "run", [Broker("kafka")], blocks=1, rate=100, producers=2))
    (trial,) = study.measured
    # 50 messages a second of each producer: the numbers 120 and 260 are of the third and the sixth second.
    assert when_sent(trial.files, [(0, 120)]) == (2, 3)
    assert when_sent(trial.files, [(0, 260), (1, 120)]) == (2, 6)
    assert when_sent(trial.files, [(0, 10**6)]) is None
    assert when_sent(trial.files, [(7, 1)]) is None
    assert when_sent(trial.files, []) is None
