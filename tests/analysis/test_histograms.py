"""Percentiles against numpy on the raw values, and the log against HdrHistogram's own code."""

from pathlib import Path

import numpy as np
import pytest
from hdrh.histogram import HdrHistogram
from hdrh.log import HistogramLogReader

from brokerbench_analysis.histograms import EMPTY, DamagedLogError, Histogram, merge, read_hlog

HIGHEST_NS = 39 * 3600 * 10**9
MS = 1_000_000


def line(values_ns: list[int], tag: str = "end_to_end:all", start: float = 0.0) -> str:
    histogram = HdrHistogram(1, HIGHEST_NS, 3)
    for value in values_ns:
        histogram.record_value(value)
    return f"Tag={tag},{start:.3f},1.000,0.000,{histogram.encode().decode()}\n"


def read(tmp_path: Path, *lines: str) -> Histogram:
    path = tmp_path / "latency.hlog"
    path.write_text("#[BaseTime: 0.000 (seconds since epoch)]\n" + "".join(lines))
    return merge(i.histogram for intervals in read_hlog(path).values() for i in intervals)


@pytest.mark.parametrize("scale_ns", [50, 3_000, 2 * MS, 40_000 * MS])
def test_percentiles_of_raw_values_within_the_resolution(tmp_path: Path, scale_ns: int) -> None:
    values = np.random.default_rng(3).lognormal(np.log(scale_ns), 0.8, 5000).astype(np.int64)
    quantiles = [0.001, 0.5, 0.9, 0.99, 0.999, 1.0]
    histogram = read(tmp_path, line(values[:2000].tolist()), line(values[2000:].tolist(), start=1))
    raw = np.quantile(values, quantiles, method="inverted_cdf") / MS
    found = histogram.quantiles_ms(quantiles)
    assert histogram.total == 5000
    assert found == pytest.approx(raw, rel=1e-3)
    assert all(f >= r for f, r in zip(found, raw, strict=True) if f is not None)
    assert histogram.mean_ms() == pytest.approx(values.mean() / MS, rel=1e-3, abs=1e-6)
    assert histogram.max_ms() == found[-1]


def test_counts_are_added_not_percentiles_averaged() -> None:
    """100,000 values of 1 ms and 1,000 of 100 ms: the p99 is 1 ms; the mean of both p99s would be 50.5 ms."""
    fast = Histogram(np.array([bin_of(MS)]), np.array([100_000]))
    slow = Histogram(np.array([bin_of(100 * MS)]), np.array([1_000]))
    assert merge([fast, slow]).quantiles_ms([0.99, 0.995]) == pytest.approx([1.0, 100.0], rel=1e-3)


def test_same_bins_and_percentiles_as_hdrhistograms_own_reader(tmp_path: Path) -> None:
    values = [0, 1, 2047, 2048, 2049, 4095, 4096, 5 * MS, 5 * MS, 3_600_000 * MS]
    histogram = read(tmp_path, line(values))
    theirs = HistogramLogReader(str(tmp_path / "latency.hlog"), HdrHistogram(1, HIGHEST_NS, 3))
    known = theirs.get_next_interval_histogram()
    theirs.input_file.close()
    for quantile in (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.9, 1.0):
        assert histogram.quantiles_ms([quantile]) == [known.get_value_at_percentile(quantile * 100) / MS]


def test_a_rank_is_not_pushed_up_by_floating_point() -> None:
    hundred = Histogram(np.arange(1, 101), np.ones(100, np.int64))
    assert hundred.quantiles_ms([0.07, 0.29, 0.57, 0.99]) == [7 / MS, 29 / MS, 57 / MS, 99 / MS]


def test_values_that_never_came_lie_beyond_all_others() -> None:
    ninety = Histogram(np.array([1000]), np.array([90]))
    assert ninety.quantiles_ms([0.5, 0.9, 0.91], absent=10) == [1000 / MS, 1000 / MS, None]


def test_nothing_recorded() -> None:
    assert EMPTY.quantiles_ms([0.5]) == [None]
    assert EMPTY.max_ms() is None
    assert EMPTY.mean_ms() is None
    assert merge([]).total == 0


def test_tags_are_kept_apart_with_their_times(tmp_path: Path) -> None:
    path = tmp_path / "latency.hlog"
    path.write_text(line([MS], "confirm", 4.0) + line([2 * MS], "end_to_end:a"))
    found = read_hlog(path)
    assert sorted(found) == ["confirm", "end_to_end:a"]
    assert (found["confirm"][0].start_s, found["confirm"][0].length_s) == (4.0, 1.0)


@pytest.mark.parametrize(
    "broken",
    [
        "Tag=confirm,0.000,1.000\n",
        "Tag=confirm,0.000,1.000,1.000,AAAA\n",
        line([MS])[:-20] + "\n",
        "Tag=confirm,0.000,1.000,1.000," + HdrHistogram(1, HIGHEST_NS, 2).encode().decode() + "\n",
    ],
    ids=["cut", "no histogram", "short", "two digits"],
)
def test_a_damaged_line_is_named(tmp_path: Path, broken: str) -> None:
    with pytest.raises(DamagedLogError, match=r"^line 3 "):
        read(tmp_path, line([MS]), broken)


def bin_of(value_ns: int) -> int:
    """HdrHistogram's countsArrayIndex for 3 digits."""
    bucket = max(0, value_ns.bit_length() - 11)
    return (bucket << 10) + (value_ns >> bucket)


def test_lines_read_together_are_those_read_alone(tmp_path: Path) -> None:
    rng = np.random.default_rng(5)
    drawn = [rng.lognormal(15, 1, size).astype(np.int64).tolist() for size in (300, 0, 1, 2000, 0)]
    lines = [line(values, start=float(second)) for second, values in enumerate(drawn)]
    path = tmp_path / "latency.hlog"
    path.write_text("".join(lines))
    together = [interval.histogram for interval in read_hlog(path)["end_to_end:all"]]
    assert [one.total for one in together] == [300, 0, 1, 2000, 0]
    for one, own in zip(together, lines, strict=True):
        alone = read(tmp_path, own)
        assert one.index.tolist() == alone.index.tolist()
        assert one.count.tolist() == alone.count.tolist()
