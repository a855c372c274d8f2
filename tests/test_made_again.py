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
ours._standstill = lambda: SimpleNamespace(take=lambda: {still_s})
"""
TEST = """
from pathlib import Path
import pytest

@pytest.fixture(scope="module")
def attempt():
    log = Path(__file__).with_name("attempts")
    with log.open("a") as file:
        file.write("x")
    return log.stat().st_size

def test_it(attempt):
    assert attempt == {passes_at}
"""


@pytest.mark.parametrize(
    ("steal_share", "still_s", "passes_at", "attempts", "passes"),
    [
        (0.5, 0.0, 2, 2, True),
        (0.0, 2.0, 2, 2, True),
        (0.0, 0.5, 2, 1, False),
        (0.5, 0.0, 3, 2, False),
        (0.5, 2.0, 1, 1, True),
    ],
    ids=["robbed", "stood still", "undisturbed", "broken", "fine"],
)
def test_a_failure_without_the_machine_is_tried_once_more(
    tmp_path: Path, steal_share: float, still_s: float, passes_at: int, attempts: int, passes: bool
) -> None:
    """With a module's fixture of its own: what failed may have looked at a run of the module's."""
    (tmp_path / "conftest.py").write_text(HOOKS.format(steal_share=steal_share, still_s=still_s))
    (tmp_path / "test_it.py").write_text(TEST.format(passes_at=passes_at))
    env = {**os.environ, "BROKERBENCH_REQUIRE": "all", "PYTHONPATH": str(ROOT), "PYTEST_ADDOPTS": ""}
    env.pop("PYTEST_XDIST_WORKER", None)
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--rootdir", str(tmp_path), "test_it.py"]
    ended = subprocess.run(command, cwd=tmp_path, env=env, capture_output=True, text=True, check=False, timeout=120)
    assert ended.returncode in (0, 1), ended.stdout + ended.stderr
    assert (ended.returncode == 0) == passes, ended.stdout
    assert (tmp_path / "attempts").stat().st_size == attempts
    assert ("made again" in ended.stdout) == (attempts == 2)


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
