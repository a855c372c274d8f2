"""What a child says of its own work: the busiest thread counts, waiting for a CPU is work, spinning is not."""

import os

import pytest

from brokerbench.engine.hiccups import HiccupMeter
from brokerbench.engine.ticker import _busiest, _threads

ME = str(os.getpid())
S = 1_000_000_000
WINDOW = (1 * S, 11 * S)


@pytest.mark.parametrize(
    ("ended", "spin_s", "busy"),
    [
        ({ME: (3.0, 1.0), "7": (2.0, 0.5)}, 0.0, (3.0, 1.0)),
        ({ME: (3.0, 1.0), "7": (2.0, 0.5)}, 2.5, (2.0, 0.5)),  # ours spun most of it
        ({ME: (3.0, 1.0), "8": (9.0, 0.0)}, 0.0, (9.0, 0.0)),  # one that was not there before
        ({ME: (1.0, 0.0)}, 2.0, (0.0, 0.0)),
        ({}, 0.0, None),
    ],
)
def test_the_busiest_thread_is_what_limits(ended, spin_s, busy):
    assert _busiest({ME: (0.0, 0.0), "7": (0.0, 0.0), "gone": (50.0, 9.0)}, ended, spin_s) == busy


def test_this_process_has_a_main_thread_that_ran():
    ran_s, waited_s = _threads()[ME]
    assert ran_s > 0
    assert waited_s >= 0


@pytest.mark.parametrize(
    ("expected_s", "woke_s", "in_window_ms"),
    [(2.0, 2.2, 200.0), (0.0, 1.005, 5.0), (10.9, 12.0, 100.0), (0.0, 12.0, 10_000.0), (0.2, 0.9, 0), (11.0, 11.5, 0)],
)
def test_a_pause_counts_as_far_as_it_lies_in_the_window(expected_s, woke_s, in_window_ms):
    meter = HiccupMeter(WINDOW)
    meter._note(round(expected_s * S), round(woke_s * S))
    found = meter.report()
    assert found["total_ms"] == found["max_ms"] == pytest.approx(in_window_ms)
    assert found["count"] == len(found["longest"]) == (1 if in_window_ms else 0)
