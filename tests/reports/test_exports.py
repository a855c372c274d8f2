"""Files for the tools of others: parquet in pandas and DuckDB, the log in HdrHistogram's reader, JMeter's lines."""

import csv
import io
import json
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest
from hdrh.histogram import HdrHistogram
from hdrh.log import HistogramLogReader

from brokerbench_analysis import Study, Validity, load
from brokerbench_analysis.encoding import encode
from brokerbench_analysis.histograms import EMPTY, Histogram, read_hlog
from brokerbench_reports import NotExportable, files, render
from brokerbench_reports.jtl import MOST_LINES, thinned
from tests.analysis.folders import Behaviour, Broker, write_run

Studies = Callable[[str], Study]
GROUPS = ("billing", "audit")
HIGHEST_NS = (1 << 47) - 1


def written(study: Study, fmt: str, folder: Path) -> list[Path]:
    made = files(study, fmt)
    for name, content in made.items():
        (folder / name).write_bytes(b"".join(content))
    return [folder / name for name in made]


# -- parquet ----------------------------------------------------------------------------------------------------------


def test_pandas_reads_the_frames_of_the_study(study_of: Studies, tmp_path: Path) -> None:
    study = study_of("mixed")
    trials, seconds = (pd.read_parquet(path) for path in written(study, "parquet", tmp_path))
    assert len(trials) == len(study.trials)
    assert list(trials["candidate"]) == list(study.trials["candidate"])
    for name in trials.columns:
        ours = study.trials[name]
        assert list(trials[name].isna()) == list(ours.isna()), name
        assert list(trials[name].dropna()) == list(ours.dropna()), name
    assert list(seconds.columns) == list(study.seconds.columns)
    assert seconds["delivered"].sum() == pytest.approx(study.seconds["delivered"].sum())


def test_duckdb_asks_the_files(study_of: Studies, tmp_path: Path) -> None:
    study = study_of("mixed")
    trials, seconds = written(study, "parquet", tmp_path)
    lost = duckdb.sql(
        f"select candidate, sum(\"ledger.lost\")::bigint from '{trials}' where validity <> 'invalid' group by 1"
    ).fetchall()
    # the overloaded one has no valid trial
    wanted = {name: c["merged"]["ledger"]["lost"] for name, c in study.summary["candidates"].items() if c["merged"]}
    assert dict(lost) == wanted
    [(unmeasured,)] = duckdb.sql(
        f"select count(*) from '{seconds}' where candidate = 'zeromq' and broker_cpu is not null"
    ).fetchall()
    assert unmeasured == 0  # null, not 0


def test_types_do_not_depend_on_what_happened(study_of: Studies, tmp_path: Path) -> None:
    """So that the files of many runs are one table."""
    schemas = {}
    for case in ("mixed", "one", "killed", "saturate"):
        (tmp_path / case).mkdir()
        trials, _ = written(study_of(case), "parquet", tmp_path / case)
        schemas[case] = dict(zip(pq.read_schema(trials).names, map(str, pq.read_schema(trials).types), strict=True))
    for name in set.union(*map(set, schemas.values())):
        assert len({schema[name] for schema in schemas.values() if name in schema}) == 1, name
    assert schemas["mixed"]["ledger.lost"] == schemas["mixed"]["block"] == "int64"


def test_without_pyarrow_the_line_that_installs_it(study_of: Studies, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(NotExportable, match=r"pip install 'brokerbench\[parquet\]'"):
        files(study_of("one"), "parquet")


def test_parquet_is_no_single_text(study_of: Studies) -> None:
    with pytest.raises(NotExportable, match=r"2 files \(trials.parquet, seconds.parquet\)"):
        render(study_of("one"), "parquet")


# -- hlog -------------------------------------------------------------------------------------------------------------


def test_hdrhistograms_reader_adds_up_what_we_counted(study_of: Studies, tmp_path: Path) -> None:
    study = study_of("mixed")
    [path] = written(study, "hlog", tmp_path)
    reader = HistogramLogReader(str(path), HdrHistogram(1, HIGHEST_NS, 3))
    found: dict[str, HdrHistogram] = {}
    while (one := reader.get_next_interval_histogram()) is not None:
        found.setdefault(one.get_tag(), HdrHistogram(1, HIGHEST_NS, 3)).add(one)
    for trial in study.measured:
        for metric, groups in (("confirm", ("",)), ("end_to_end", (":billing", ":audit"))):
            theirs = HdrHistogram(1, HIGHEST_NS, 3)
            for group in groups:
                if f"{trial.files.id}/{metric}{group}" in found:
                    theirs.add(found[f"{trial.files.id}/{metric}{group}"])
            sample = trial.samples[metric]
            if sample is None:
                assert theirs.get_total_count() == 0
                continue
            assert theirs.get_total_count() == sample.histogram.total
            ours = sample.histogram.quantiles_ms([0.5, 0.99, 1.0])
            assert [theirs.get_value_at_percentile(p) / 1e6 for p in (50, 99, 100)] == pytest.approx(ours)


def test_a_log_of_ours_reads_back_as_it_was(study_of: Studies, tmp_path: Path) -> None:
    study = study_of("mixed")
    back = read_hlog(written(study, "hlog", tmp_path)[0])
    for trial in study.measured:
        for metric, intervals in trial.files.latency.items():
            for ours, theirs in zip(intervals, back[f"{trial.files.id}/{metric}"], strict=True):
                assert np.array_equal(ours.histogram.index, theirs.histogram.index)
                assert np.array_equal(ours.histogram.count, theirs.histogram.count)


@pytest.mark.parametrize(
    ("index", "count"),
    [
        ([], []),
        ([0], [1]),
        ([0, 1, 2], [63, 64, 65]),
        ([5, 38 * 1024 - 1], [2**40, 1]),
        ([1023, 1024, 2048, 9999], [1, 8191, 8192, 2**53]),
    ],
)
def test_counts_survive_the_encoding(index: list[int], count: list[int]) -> None:
    text = encode(Histogram(np.array(index, np.int64), np.array(count, np.int64)) if index else EMPTY)
    theirs = HdrHistogram.decode(text)
    assert theirs.get_total_count() == sum(count)
    assert [theirs.get_count_at_index(i) for i in index] == count


def test_a_trial_that_is_not_valid_is_marked(study_of: Studies) -> None:
    heads = [line for line in render(study_of("mixed"), "hlog").splitlines() if line.startswith("#[b0")]
    assert "#[b01-4-overloaded: overloaded, invalid]" in heads
    assert "#[b01-1-kafka: kafka, valid]" in heads


# -- jtl --------------------------------------------------------------------------------------------------------------


def lines_of(study: Study) -> Iterator[dict[str, str]]:
    yield from csv.DictReader(io.StringIO(render(study, "jtl")))


def test_one_line_a_message_of_the_trials_that_count(study_of: Studies) -> None:
    study = study_of("rich")
    apart = {trial.files.id for trial in study.measured if not trial.counts or not trial.usable}
    assert apart
    assert not apart & {row["threadName"] for row in lines_of(study)}
    study = study_of("mixed")
    rows = Counter((row["label"], row["success"]) for row in lines_of(study))
    classic = study.summary["candidates"]["rabbitmq-classic"]["merged"]
    delivered, lost = (sum(rows[f"rabbitmq-classic end-to-end ({g})", s] for g in GROUPS) for s in ("true", "false"))
    assert lost == classic["end_to_end_ms"]["absent"] == 3 * 37 * 2
    assert delivered == classic["end_to_end_ms"]["count"] - lost
    assert rows["rabbitmq-classic confirm", "true"] == classic["confirm_ms"]["count"]


def test_a_jtl_of_nothing_valid_is_refused_with_the_way_out(study_of: Studies) -> None:
    with pytest.raises(NotExportable, match="--format hlog"):
        files(study_of("invalid"), "jtl")


def test_names_are_no_formulas_in_a_jtl(tmp_path: Path) -> None:
    study = load(write_run(tmp_path / "run", [Broker("=1+1", Behaviour(lost=1))], rate=200, blocks=1))
    cells: list[Any] = [cell for row in csv.reader(io.StringIO(render(study, "jtl"))) for cell in row if cell]
    assert [cell for cell in cells if cell[0] in "=+-@|%\t\r"] == []


def test_replies_are_a_label_of_their_own(tmp_path: Path) -> None:
    folder = write_run(tmp_path / "run", [Broker("nats")], rate=200, blocks=1, groups={"all": 1, "replies": 1})
    [home] = (folder / "trials").iterdir()
    trial = json.loads((home / "trial.json").read_text(encoding="utf-8"))
    (home / "trial.json").write_text(json.dumps(trial | {"pattern": "request-reply"}), encoding="utf-8")
    study = load(folder)
    [trial] = study.measured
    waiting = replace(trial, record=trial.record | {"superseded": False}, validity=Validity(()))
    rows = Counter(row["label"] for row in lines_of(replace(study, measured=(waiting,))))
    assert rows["nats response"] == rows["nats end-to-end"] == 1200


def test_thinning_factors() -> None:
    assert [thinned(int(n * MOST_LINES)) for n in (0, 1, 1.01, 2, 2.01, 5, 6, 10.1, 40, 60, 101)] == [
        *(1, 1, 2, 2, 5, 5, 10, 20, 50, 100, 200)
    ]
