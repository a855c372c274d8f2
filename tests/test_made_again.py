"""A test is made again where the machine was taken away from it, once, and nowhere else."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
HOOKS = """
from types import SimpleNamespace
import tests.conftest as ours
from tests.conftest import pytest_runtest_logreport, pytest_runtest_protocol, pytest_terminal_summary
ours.HostCpu = lambda: SimpleNamespace(take=lambda: SimpleNamespace(steal_share={steal_share}))
"""
TEST = """
from pathlib import Path
import pytest

@pytest.fixture
def attempt(request):
    log = Path(__file__).with_name("attempts")
    with log.open("a") as file:
        file.write("x")
    return log.stat().st_size

def test_it(attempt):
    assert attempt == {passes_at}
"""


@pytest.mark.parametrize(
    ("steal_share", "passes_at", "attempts", "passes"),
    [(0.5, 2, 2, True), (0.0, 2, 1, False), (0.5, 3, 2, False), (0.5, 1, 1, True)],
    ids=["disturbed", "undisturbed", "broken", "fine"],
)
def test_a_failure_under_theft_is_tried_once_more(
    tmp_path: Path, steal_share: float, passes_at: int, attempts: int, passes: bool
) -> None:
    (tmp_path / "conftest.py").write_text(HOOKS.format(steal_share=steal_share))
    (tmp_path / "test_it.py").write_text(TEST.format(passes_at=passes_at))
    env = {**os.environ, "BROKERBENCH_REQUIRE": "all", "PYTHONPATH": str(ROOT), "PYTEST_ADDOPTS": ""}
    env.pop("PYTEST_XDIST_WORKER", None)
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--rootdir", str(tmp_path), "test_it.py"]
    ended = subprocess.run(command, cwd=tmp_path, env=env, capture_output=True, text=True, check=False, timeout=120)
    assert ended.returncode in (0, 1), ended.stdout + ended.stderr
    assert (ended.returncode == 0) == passes, ended.stdout
    assert (tmp_path / "attempts").stat().st_size == attempts
    assert ("made again" in ended.stdout) == (attempts == 2)
