"""What the tools of HdrHistogram and JMeter, both in Java, read out of our files: the same figures as we."""

import csv
import json
import re
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from brokerbench_analysis import Study, load
from brokerbench_reports import files, jtl
from tests.analysis.folders import Behaviour, Broker, write_run
from tests.support.java_tools import JavaTools

ODD = Broker("=1+1,<b>\"é'\n", Behaviour(end_to_end_ms=40, confirm_ms=20))


@pytest.fixture(scope="module")
def tools(tmp_path_factory: pytest.TempPathFactory) -> JavaTools:
    return JavaTools(tmp_path_factory.mktemp("java"))


def written(study: Study, fmt: str, folder: Path) -> Path:
    [(name, content)] = files(study, fmt).items()
    (folder / name).write_bytes(b"".join(content))
    return folder / name


def statistics(dashboard: Path) -> dict[str, Any]:
    assert (dashboard / "index.html").stat().st_size > 5000
    found = json.loads((dashboard / "statistics.json").read_text(encoding="utf-8"))
    return {name: row for name, row in found.items() if name != "Total"}


def test_histogram_log_processor_finds_our_percentiles(
    tools: JavaTools, study_of: Callable[[str], Study], tmp_path: Path
) -> None:
    study = study_of("mixed")
    log = written(study, "hlog", tmp_path)
    tags = set(tools.histogram_log("-i", log, "-listtags").splitlines()[1:])
    assert tags == {f"{trial.files.id}/{tag}" for trial in study.measured for tag in trial.files.latency}
    trial = study.measured[0]
    told = tools.histogram_log("-i", log, "-csv", "-tag", f"{trial.files.id}/confirm")
    # value, percentile, count so far, 1/(1-percentile)
    rows = [list(map(float, row)) for row in csv.reader(told.splitlines()) if row[0][:1].isdigit()]
    sample = trial.samples["confirm"]
    assert sample is not None
    assert rows[-1][2] == sample.size
    asked = [row[1] for row in rows]
    ours = sample.histogram.quantiles_ms(asked[1:-1])
    assert [row[0] for row in rows[1:-1]] == pytest.approx(ours, abs=0.001)


def test_jmeter_makes_its_dashboard_of_a_run(
    tools: JavaTools, study_of: Callable[[str], Study], tmp_path: Path
) -> None:
    study = study_of("mixed")
    found = statistics(tools.dashboard(written(study, "jtl", tmp_path)))
    measured = {name: c["merged"] for name, c in study.summary["candidates"].items() if c["merged"]}
    assert {name.partition(" ")[0] for name in found} == set(measured)  # the overloaded one is not valid
    for name, merged in measured.items():
        latency = merged["end_to_end_ms"]
        rows = [found[f"{name} end-to-end ({group})"] for group in ("billing", "audit")]
        assert sum(row["sampleCount"] for row in rows) == latency["count"]
        assert sum(row["errorCount"] for row in rows) == latency["absent"]
        # JMeter has whole milliseconds, and reckons its percentiles in another way
        for row in rows:
            assert row["medianResTime"] == pytest.approx(latency["p50"], abs=1 + 0.1 * latency["p50"])
    assert found["kafka confirm"]["pct2ResTime"] == pytest.approx(measured["kafka"]["confirm_ms"]["p95"], abs=1.5)


def test_a_thinned_file_says_so_and_keeps_its_percentiles(
    tools: JavaTools, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    brokers = [Broker("nats", Behaviour(end_to_end_ms=30, sigma=0.5, lost=13)), ODD]
    study = load(write_run(tmp_path / "run", brokers, rate=1000, blocks=2))
    monkeypatch.setattr(jtl, "MOST_LINES", 8000)  # of 72,000 messages
    path = written(study, "jtl", tmp_path)
    assert path.name == "report-1-of-10.jtl"
    lines = path.read_text(encoding="utf-8").splitlines()
    assert len(lines) <= 8000 + 2 * 2
    codes = Counter(row["responseCode"] for row in csv.DictReader(lines))
    assert codes["LOST"] == 2 * 2  # 13 of each trial: two tens begun
    told = statistics(tools.dashboard(path))
    # a name that would break the file, or be a formula, is read as it is
    assert ["'=1+1,<b>\"é'", "end-to-end,", "1", "of", "10"] in [name.split() for name in told]
    found = told["nats end-to-end, 1 of 10"]
    latency = study.summary["candidates"]["nats"]["merged"]["end_to_end_ms"]
    assert found["sampleCount"] == pytest.approx(latency["count"] / 10, abs=3)
    assert found["medianResTime"] == pytest.approx(latency["p50"], rel=0.05)


def test_every_line_lies_in_the_second_in_which_it_was_measured(
    study_of: Callable[[str], Study], tmp_path: Path
) -> None:
    study = study_of("one")
    [trial] = study.measured
    rows = csv.DictReader(written(study, "jtl", tmp_path).read_text(encoding="utf-8").splitlines())
    ended = Counter(
        (int(row["timeStamp"]) + int(row["elapsed"])) // 1000 % 60 for row in rows if row["label"] == "kafka confirm"
    )
    # one more where a line's end is rounded up into the next second
    for interval in trial.files.latency["confirm"]:
        second = int(interval.start_s) % 60
        assert abs(ended[second] - interval.histogram.total) <= 2
    assert re.fullmatch(r"2026-11-23T17:00:0\d.*", str(trial.files.trial["started"]))
