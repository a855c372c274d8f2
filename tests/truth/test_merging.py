"""Figures of several workers: counts are added. Averaged percentiles are 50 ms wrong here."""

import numpy as np
import pytest

from brokerbench.engine.histogram import Histogram
from brokerbench.engine.hlog import write_hlog
from brokerbench_analysis.histograms import merge, read_hlog

MS = 1_000_000
TRUE_MS = {0.99: 1.0, 0.995: 100.0}
WORKERS = {"fast": (100_000, 1 * MS), "slow": (1_000, 100 * MS)}  # messages, and how long each of them took


@pytest.fixture(scope="module")
def of_workers(tmp_path_factory):
    """What the analysis reads of each worker's log lines."""
    lines = []
    for count, took_ns in WORKERS.values():
        worker = Histogram()
        worker.record(np.full(count, took_ns))
        lines.append(("end_to_end:it", 0.0, 1.0, worker.take()))
    path = tmp_path_factory.mktemp("merging") / "latency.hlog"
    write_hlog(path, lines)
    return [interval.histogram for interval in read_hlog(path)["end_to_end:it"]]


def right(found_ms):
    return all(found_ms[q] == pytest.approx(true, rel=0.001) for q, true in TRUE_MS.items())


def test_counts_are_added(of_workers):
    assert right(dict(zip(TRUE_MS, merge(of_workers).quantiles_ms(list(TRUE_MS)), strict=True)))


def test_averaged_percentiles_would_fail(of_workers):
    each = [worker.quantiles_ms(list(TRUE_MS)) for worker in of_workers]
    assert not right({q: sum(w[i] for w in each) / len(each) for i, q in enumerate(TRUE_MS)})
