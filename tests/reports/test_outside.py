"""The page against its raw files, by scripts that import nothing of ours."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

SCRIPTS = Path(__file__).parent / "outside"
LEAST = {"mixed": (140, 8), "eight": (400, 42), "saturate": (60, 8), "undecided": (60, 8), "killed": (40, 0)}


@pytest.mark.parametrize("case", LEAST)
def test_every_figure_is_what_the_raw_files_say(case: str, folder_of: Callable[[str], Path]) -> None:
    for script, least in zip(("recompute.py", "retest.py"), LEAST[case], strict=True):
        found = subprocess.run(
            [sys.executable, SCRIPTS / script, folder_of(case)],
            capture_output=True,
            text=True,
            timeout=400,
            check=False,
        )
        assert found.returncode == 0, found.stdout + found.stderr
        agree, rest = found.stdout.split(" figures agree, ")
        assert rest.startswith("0 differ")
        assert int(agree) >= least


def test_a_wrong_figure_is_found(folder_of: Callable[[str], Path], tmp_path: Path) -> None:
    home = tmp_path / "run"
    home.mkdir()
    (home / "trials").symlink_to(folder_of("mixed") / "trials")
    page = (folder_of("mixed") / "report.html").read_text(encoding="utf-8")
    changed = page.replace("<bdi>6,300</bdi>", "<bdi>6,301</bdi>", 1)
    assert changed != page
    (home / "report.html").write_text(changed, encoding="utf-8")
    command = [sys.executable, SCRIPTS / "recompute.py", home]
    found = subprocess.run(command, capture_output=True, text=True, timeout=400, check=False)
    assert found.returncode == 1
    assert "6,301 on the page, 6300 by the files" in found.stdout


@pytest.mark.parametrize("script", sorted(SCRIPTS.glob("*.py")), ids=lambda path: path.name)
def test_the_scripts_are_outside(script: Path) -> None:
    lines = [line for line in script.read_text(encoding="utf-8").splitlines() if line.strip()]
    assert len(lines) <= 100
    assert not [line for line in lines if "brokerbench" in line]
