"""What the monitor writes once a second, and its judgement of the measured window."""

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from brokerbench.engine.monitor import Monitor, Usage
from brokerbench.model import STEAL_MOST, THROTTLED_MOST

BUSY_S = 0.2


Child = subprocess.Popen[bytes]
WORKER = f"""
import sys, time
print("ready", flush=True)
for _ in sys.stdin:
    until = time.process_time() + {BUSY_S}
    while time.process_time() < until:
        pass
    print("done", flush=True)
"""


@pytest.fixture
def child() -> Iterator[Child]:
    """A process that works for a while at each line it gets."""
    with subprocess.Popen([sys.executable, "-c", WORKER], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"ready\n"
        yield process
        process.kill()


def made_to_work(child: Child) -> None:
    assert child.stdin is not None
    assert child.stdout is not None
    child.stdin.write(b"work\n")
    child.stdin.flush()
    assert child.stdout.readline() == b"done\n"


def monitor_of(tmp_path: Path) -> Monitor:
    return Monitor(lambda: {"coordinator": [os.getpid()], "broker": []}, tmp_path)


def line(t: float, steal: float | None = 0.0, throttled_s: float | None = 0.0) -> dict[str, object]:
    return {"t": t, "host": {"steal_share": steal, "throttled_s": throttled_s}}


def test_usage_leaves_out_what_a_process_did_before_it_was_met(child: Child) -> None:
    made_to_work(child)
    usage = Usage()
    met = usage.take([child.pid])
    assert met is not None
    assert met["cpu_s"] == 0
    assert met["rss_mib"] > 1


def test_usage_counts_what_a_process_did_since(child: Child) -> None:
    usage = Usage()
    usage.take([child.pid])
    made_to_work(child)
    found = usage.take([child.pid])
    assert found is not None
    assert found["cpu_s"] == pytest.approx(BUSY_S, rel=0.5)


def test_usage_of_nobody_is_not_measured(child: Child) -> None:
    child.kill()
    child.wait()
    assert Usage().take([]) is None
    assert Usage().take([child.pid]) is None


def test_usage_goes_on_without_a_process_that_ended(child: Child) -> None:
    usage = Usage()
    usage.take([child.pid, os.getpid()])
    child.kill()
    child.wait()
    assert usage.take([child.pid, os.getpid()]) is not None
    assert usage.take([child.pid]) is None


def test_nothing_is_written_before_the_first_second_is_full(tmp_path: Path) -> None:
    monitor = monitor_of(tmp_path)
    monitor.beat()
    monitor.start(time.monotonic_ns() + 3600 * 10**9)
    monitor.beat()
    assert monitor.lines == []


def test_a_line_has_host_and_groups(tmp_path: Path) -> None:
    monitor = monitor_of(tmp_path)
    monitor.start(time.monotonic_ns() - 1_500_000_000)
    monitor.beat()
    (found,) = monitor.lines
    assert found["t"] >= 1.5
    assert found["broker"] is None
    assert found["coordinator"]["rss_mib"] > 1
    host = found["host"]
    assert 0 <= host["cpu_share"] <= (os.cpu_count() or 1)
    assert 0 <= host["steal_share"] <= 1
    assert host["memory_used_mib"] > 1
    assert host["throttled_s"] is None or host["throttled_s"] >= 0


def test_after_a_stall_there_is_one_line_not_a_burst(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monitor = monitor_of(tmp_path)
    now = time.monotonic_ns()
    monkeypatch.setattr(time, "monotonic_ns", lambda: now)  # else the next second may be over before the last beat
    monitor.start(now - 5_500_000_000)
    for _ in range(3):
        monitor.beat()
    assert len(monitor.lines) == 1


def test_a_quiet_window_is_clean(tmp_path: Path) -> None:
    monitor = monitor_of(tmp_path)
    monitor.lines += [line(1.0, 0.9, 1.0), line(2.0), line(3.0), line(4.0, 0.9, 1.0)]
    assert monitor.window(1.0, 3.0) == {"steal_share": 0, "throttled_share": 0, "contaminated": False}


@pytest.mark.parametrize(("steal", "contaminated"), [(STEAL_MOST, False), (STEAL_MOST + 0.002, True)])
def test_steal_contaminates(steal: float, contaminated: bool, tmp_path: Path) -> None:
    monitor = monitor_of(tmp_path)
    monitor.lines += [line(1.0), line(2.0, 2 * steal), line(3.0)]
    found = monitor.window(1.0, 3.0)
    assert found["steal_share"] == pytest.approx(steal)
    assert found["contaminated"] is contaminated


@pytest.mark.parametrize(("share", "contaminated"), [(THROTTLED_MOST, False), (THROTTLED_MOST + 0.002, True)])
def test_throttling_contaminates(share: float, contaminated: bool, tmp_path: Path) -> None:
    monitor = monitor_of(tmp_path)
    monitor.lines += [line(1.0), line(2.0, throttled_s=2 * share), line(3.0)]
    found = monitor.window(1.0, 3.0)
    assert found["throttled_share"] == pytest.approx(share)
    assert found["contaminated"] is contaminated


def test_a_line_counts_with_its_part_in_the_window(tmp_path: Path) -> None:
    monitor = monitor_of(tmp_path)
    monitor.lines += [line(1.0, 0.0, 0.0), line(3.0, 0.2, 1.0)]
    assert monitor.window(0.5, 2.0) == {"steal_share": 0.1333, "throttled_share": 0.3333, "contaminated": True}


def test_two_throttled_cpus_are_no_more_than_the_whole_window(tmp_path: Path) -> None:
    monitor = monitor_of(tmp_path)
    monitor.lines += [line(1.0, throttled_s=2.0)]
    assert monitor.window(0.0, 1.0)["throttled_share"] == 1


def test_what_was_not_measured_contaminates_nothing(tmp_path: Path) -> None:
    monitor = monitor_of(tmp_path)
    nothing = {"steal_share": None, "throttled_share": None, "contaminated": False}
    assert monitor.window(0.0, 1.0) == nothing
    monitor.lines += [line(1.0, None, None), line(2.0, 0.5, 0.5)]
    assert monitor.window(0.0, 2.0) == nothing
