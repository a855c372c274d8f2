"""A third party's driver: found by its entry point, and held to the same conformance suite as ours."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.absent import absent

ROOT = Path(__file__).parent.parent
EXAMPLE = ROOT / "examples" / "brokerbench-beanstalkd"


@pytest.mark.broker("beanstalkd")
@pytest.mark.timeout(300)
def test_it_passes_the_conformance_suite(tmp_path: Path) -> None:
    if shutil.which("beanstalkd") is None:
        absent("beanstalkd: apt-get install beanstalkd")
    # As pip installs it, without asking an index for what is here already.
    install = ["install", "-q", "--no-deps", "--no-build-isolation", "--target", str(tmp_path), str(EXAMPLE)]
    subprocess.run([sys.executable, "-m", "pip", *install], check=True, timeout=120)
    env = {**os.environ, "PYTHONPATH": str(tmp_path), "PYTEST_ADDOPTS": ""}
    env.pop("PYTEST_XDIST_WORKER", None)
    told = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "tests/conformance", "-k", "beanstalkd"],
        cwd=ROOT,
        env=env,
        capture_output=True,
        text=True,
        check=False,
        timeout=280,
    )
    assert told.returncode == 0, told.stdout[-4000:] + told.stderr[-2000:]
    passed = re.search(r"(\d+) passed", told.stdout + told.stderr)
    dots = sum(line.split(" ")[0].count(".") for line in told.stdout.splitlines() if re.match(r"^\.+( |$)", line))
    assert (int(passed[1]) if passed else dots) > 40, told.stdout[-2000:]
