"""Our bins are HdrHistogram's, our log is read by its own reader."""

from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from hdrh.histogram import HdrHistogram
from hdrh.log import HistogramLogReader

from brokerbench.engine.histogram import BINS, Histogram, bin_value, bins_of
from brokerbench.engine.hlog import write_hlog

HIGHEST = (1 << 47) - 1


@pytest.fixture(scope="module")
def reference() -> HdrHistogram:
    return HdrHistogram(1, HIGHEST, 3)


def many_values() -> np.ndarray:
    """Every small value, each power of two with its neighbours, and values spread evenly on the log scale."""
    chance = np.random.default_rng(3)
    edges = [(1 << power) + by for power in range(10, 47) for by in (-2, -1, 0, 1, 2)]
    spread = np.exp2(chance.uniform(0, 46.99, 20_000)).astype(np.int64)
    return np.concatenate((np.arange(0, 5000), np.array(edges), spread, [HIGHEST]))


def test_bins_are_those_of_hdrhistogram(reference):
    values = many_values()
    assert bins_of(values).tolist() == [reference._counts_index_for(int(v)) for v in values]


def test_values_of_bins_are_those_of_hdrhistogram(reference):
    indices = range(0, BINS, 7)
    assert [bin_value(i) for i in indices] == [reference.get_value_from_index(i) for i in indices]


def test_a_bins_value_lies_in_it_and_within_a_thousandth():
    values = many_values()
    lowest = np.array([bin_value(i) for i in bins_of(values).tolist()])
    assert (lowest <= values).all()
    assert (values - lowest <= values / 1000).all()
    assert bins_of(lowest).tolist() == bins_of(values).tolist()


def test_what_is_too_large_is_kept_in_the_last_bin():
    assert bins_of(np.array([1 << 47, 1 << 50, (1 << 53) - 1])).tolist() == [BINS - 1] * 3


@pytest.mark.parametrize("seed", range(5))
def test_counts_against_a_counter(seed):
    chance = np.random.default_rng(seed)
    histogram, expected, negative = Histogram(), Counter[int](), 0
    for _ in range(50):
        values = (chance.standard_normal(chance.integers(0, 400)) * 10 ** chance.integers(2, 9)).astype(np.int64)
        histogram.record(values)
        expected.update(bins_of(np.maximum(values, 0)).tolist())
        negative += sum(v < 0 for v in values.tolist())
        if chance.random() < 0.3:
            bins, counts = histogram.take()
            assert bins == sorted(bins)
            assert all(counts)
            assert dict(zip(bins, counts, strict=True)) == expected
            expected.clear()
    bins, counts = histogram.take()
    assert dict(zip(bins, counts, strict=True)) == expected
    assert histogram.take() == [[], []]
    assert histogram.negative == negative > 0


def test_the_standard_reader_reads_the_log(tmp_path: Path):
    chance = np.random.default_rng(8)
    lines, totals, tops = [], Counter[str](), {}
    for second in (2, 0, 3, 1):  # one child after the other: their seconds are not in order
        for tag in ("send_delay", "confirm", "end_to_end:billing"):
            histogram = Histogram()
            values = np.exp2(chance.uniform(5, 40, 500 + second)).astype(np.int64)
            histogram.record(values)
            lines.append((tag, float(second), 1.0, histogram.take()))
            totals[tag] += len(values)
            tops[tag] = max(tops.get(tag, 0), int(values.max()))
    lines.append(("confirm", 4.0, 0.5, [[], []]))  # nothing came: no line
    path = tmp_path / "latency.hlog"
    write_hlog(path, lines)
    reader = HistogramLogReader(str(path), HdrHistogram(1, HIGHEST, 3))
    found, most, starts = Counter[str](), {}, []
    while (histogram := reader.get_next_interval_histogram()) is not None:
        tag = histogram.get_tag()
        found[tag] += histogram.get_total_count()
        most[tag] = max(most.get(tag, 0), histogram.get_max_value())
        starts.append(histogram.get_start_time_stamp())
    assert found == totals
    assert len(starts) == 12
    assert starts == sorted(starts)
    for tag, top in tops.items():
        assert abs(most[tag] - top) <= top / 1000
