"""What coding costs, out of run.json and the trials: levels with intervals, null where nobody measured."""

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy import stats

from brokerbench_analysis import load
from tests.analysis.folders import Broker, write_run

PASSES = [2.0, 2.2, 2.1, 1.9, 2.05, 2.3, 2.0, 2.1, 1.95, 2.0]
CODING = {
    "codec": "json",
    "model": "fat",
    "compression": "zstd",
    "encoded_bytes": 1354.2,
    "body_bytes": 657.5,
    "sent_bytes": 673.5,
    "encode_us": PASSES,
    "compress_us": [10 * us for us in PASSES],
    "decompress_us": [3 * us for us in PASSES],
    "decode_us": [2 * us for us in PASSES],
}
MESSAGE = {
    "bodies": 16384,
    "smallest_bytes": 600,
    "mean_bytes": 673.5,
    "largest_bytes": 700,
    "saved_share": 0.01,
    "keys": {"messages": 100_000, "distinct": 9000, "hottest_share": 0.1},
}


def told(folder: Path, changes: dict[str, Any]) -> dict[str, Any]:
    write_run(folder, [Broker("one"), Broker("two")], blocks=4)
    run = json.loads((folder / "run.json").read_text())
    (folder / "run.json").write_text(json.dumps({**run, **changes}))
    candidates: dict[str, Any] = load(folder).summary["candidates"]
    return candidates


def test_costs_are_levels_over_passes_with_their_interval(tmp_path: Path) -> None:
    packed = told(tmp_path / "run", {"coding": {"one": CODING}})["one"]["coding"]
    assert {name: packed[name] for name in ("codec", "model", "compression", "sent_bytes")} == {
        "codec": "json",
        "model": "fat",
        "compression": "zstd",
        "sent_bytes": 673.5,
    }
    logs = np.log(PASSES)
    low, high = np.exp(stats.t.interval(0.95, len(logs) - 1, logs.mean(), stats.sem(logs)))
    assert packed["encode_us"] == {
        "value": pytest.approx(math.exp(logs.mean())),
        "low": pytest.approx(low, rel=1e-6),
        "high": pytest.approx(high, rel=1e-6),
        "n": len(PASSES),
    }
    # The steps of a pass belong together: their sum has an interval of its own.
    assert packed["application_us"]["value"] == pytest.approx(16 * packed["encode_us"]["value"])


def test_the_effect_is_that_of_the_trials(tmp_path: Path) -> None:
    one = told(tmp_path / "run", {"coding": {"one": CODING}})["one"]
    values = [trial["end_to_end_ms"]["p99"] for trial in one["trials"]]
    found = one["coding"]["effect"]["end_to_end_p99_ms"]
    assert found["value"] == pytest.approx(math.exp(np.log(values).mean()))
    assert found["low"] < found["value"] < found["high"]
    assert (found["n"], found["at_least"]) == (4, False)


def test_without_compression_its_steps_are_null(tmp_path: Path) -> None:
    plain = {**CODING, "compression": "none", "compress_us": None, "decompress_us": None}
    found = told(tmp_path / "run", {"coding": {"one": plain}})["one"]["coding"]
    assert found["compress_us"] is found["decompress_us"] is None
    assert found["application_us"]["value"] == pytest.approx(3 * found["encode_us"]["value"])


@pytest.mark.parametrize("changes", [{}, {"coding": None, "messages": None}, {"coding": {"one": CODING}}])
def test_what_was_not_measured_is_null(tmp_path: Path, changes: dict[str, Any]) -> None:
    two = told(tmp_path / "run", changes)["two"]
    assert two["coding"] is None
    assert two["message"] is None


def test_what_was_drawn_is_handed_on(tmp_path: Path) -> None:
    assert told(tmp_path / "run", {"messages": {"two": MESSAGE}})["two"]["message"] == MESSAGE


def test_orders_are_as_large_as_they_were_drawn_to_advice_too(tmp_path: Path) -> None:
    """A run's scenario says what orders are, not how large."""
    folder = tmp_path / "run"
    write_run(folder, [Broker("one")])
    run = json.loads((folder / "run.json").read_text())
    run["scenario"]["message"] = {"body": "order", "codec": "json", "model": "lean", "compression": "none", "lines": 3}
    (folder / "run.json").write_text(json.dumps({**run, "messages": {"one": MESSAGE}, "coding": {"one": CODING}}))
    summary = load(folder).summary
    assert summary["candidates"]["one"]["message"]["largest_bytes"] == 700
