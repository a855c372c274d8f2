"""A test is made again where the machine was taken away from it, once, and nowhere else."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.support.patience import until
from tests.support.standstill import STILL_MOST_S, Standstill

ROOT = Path(__file__).parent.parent
HOOKS = """
from types import SimpleNamespace
import tests.conftest as ours
from tests.conftest import pytest_runtest_logreport, pytest_runtest_protocol, pytest_terminal_summary
ours.HostCpu = lambda: SimpleNamespace(take=lambda: SimpleNamespace(steal_share={steal_share}))
stills = {stills}
ours._standstill = lambda: SimpleNamespace(take=lambda: stills.pop(0) if len(stills) > 1 else stills[0])
"""
TEST = """
import time
from pathlib import Path
import pytest

@pytest.fixture(scope="module")
def attempt():
    log = Path(__file__).with_name("attempts")
    with log.open("a") as file:
        file.write("x")
    yield log.stat().st_size
    {teardown}

def test_first(attempt):
    time.sleep({first_s})

@pytest.mark.timeout(2)
def test_it(attempt):
    {body}

def test_its_neighbour(attempt):
    pass
"""
Taken = tuple[float, list[float]]  # the share that was stolen; how long it stood still, each time that one asks
ROBBED, STOOD_STILL, FINE = (0.5, [0.0]), (0.0, [2.0]), (0.0, [0.5])


def made(home: Path, taken: Taken, body: str, teardown: str = "pass", first_s: float = 0.0) -> tuple[int, str, int]:
    """The status, what it printed, and how often the module's fixture was made."""
    steal_share, stills = taken
    (home / "conftest.py").write_text(HOOKS.format(steal_share=steal_share, stills=stills))
    (home / "test_it.py").write_text(TEST.format(body=body, teardown=teardown, first_s=first_s))
    env = {**os.environ, "BROKERBENCH_REQUIRE": "all", "PYTHONPATH": str(ROOT), "PYTEST_ADDOPTS": ""}
    env.pop("PYTEST_XDIST_WORKER", None)
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--rootdir", str(home), "test_it.py"]
    ended = subprocess.run(command, cwd=home, env=env, capture_output=True, text=True, check=False, timeout=120)
    return ended.returncode, ended.stdout, (home / "attempts").stat().st_size


@pytest.mark.parametrize(
    ("taken", "passes_at", "attempts", "passes"),
    [
        (ROBBED, 2, 2, True),
        (STOOD_STILL, 2, 2, True),
        (FINE, 2, 1, False),
        (ROBBED, 3, 2, False),
        (STOOD_STILL, 1, 1, True),
    ],
    ids=["robbed", "stood still", "undisturbed", "broken", "fine"],
)
def test_a_failure_without_the_machine_is_tried_once_more(
    tmp_path: Path, taken: Taken, passes_at: int, attempts: int, passes: bool
) -> None:
    """With a module's fixture made anew: what failed may have looked at a run of the module's."""
    status, told, tried = made(tmp_path, taken, f"assert attempt == {passes_at}")
    assert (status, tried) == (0 if passes else 1, attempts), told
    assert ("made again" in told) == (attempts == 2)


@pytest.mark.parametrize(("first_s", "attempts"), [(1.2, 2), (0.0, 1)], ids=["for long", "for nothing"])
def test_what_was_made_for_the_module_may_have_missed_the_machine(
    tmp_path: Path, first_s: float, attempts: int
) -> None:
    """Asked before and after each test: it stood still in the first."""
    status, told, tried = made(tmp_path, (0.0, [0.0, 2.0, 0.0]), "assert attempt == 2", first_s=first_s)
    assert (status, tried) == (2 - attempts, attempts), told
    assert ("in an earlier test of its module" in told) == (attempts == 2), told


@pytest.mark.parametrize(("hangs", "status"), [(1, 0), (2, 1)], ids=["once", "twice"])
def test_each_attempt_has_the_time_limit_to_itself(tmp_path: Path, hangs: int, status: int) -> None:
    found, told, tried = made(tmp_path, STOOD_STILL, f"time.sleep(110 if attempt <= {hangs} else 0)")
    assert (found, tried) == (status, 2), told
    assert ("1 failed" in told) == (hangs == 2), told


def test_what_cannot_be_torn_down_is_told_and_not_made_again(tmp_path: Path) -> None:
    status, told, _ = made(tmp_path, ROBBED, "assert attempt == 2", "raise RuntimeError('it will not go')")
    assert status == 1
    assert "made again" not in told
    assert "it will not go" in told
    assert "assert 1 == 2" in told
    assert "INTERNALERROR" not in told


def test_a_stand_still_is_seen_and_told_once() -> None:
    """Of the watching process alone, which is how it looks from there."""
    watch = Standstill()
    try:
        process = watch._process
        process.send_signal(signal.SIGSTOP)
        stopped = time.monotonic()
        until(lambda: time.monotonic() - stopped > STILL_MOST_S + 0.2, "it stood still")
        process.send_signal(signal.SIGCONT)
        assert STILL_MOST_S < watch.take() < time.monotonic() - stopped + 0.1
        assert watch.take() < STILL_MOST_S
    finally:
        watch.close()
    assert process.returncode == 0
