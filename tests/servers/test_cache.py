"""What is made once in the user's cache: by one of those who want it, and whole."""

import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from brokerbench.servers import make_once

WANTING = 4


def test_those_who_want_it_together_wait_for_one_who_makes_it(tmp_path: Path) -> None:
    made: list[Path] = []
    all_here = threading.Barrier(WANTING)

    def make(staging: Path) -> None:
        made.append(staging)
        assert not (tmp_path / "cache" / "it").exists(), "half of it must not be there"
        (staging / "whole").touch()

    def want(_number: int) -> bool:
        all_here.wait()
        make_once(tmp_path / "cache" / "it", make)
        return (tmp_path / "cache" / "it" / "whole").exists()

    with ThreadPoolExecutor(WANTING) as pool:
        assert all(pool.map(want, range(WANTING)))
    assert len(made) == 1


def test_what_fails_leaves_nothing_and_is_made_the_next_time(tmp_path: Path) -> None:
    def fail(staging: Path) -> None:
        (staging / "half").touch()
        raise OSError("no space")

    with pytest.raises(OSError, match="no space"):
        make_once(tmp_path / "it", fail)
    assert list(tmp_path.iterdir()) == []
    make_once(tmp_path / "it", lambda staging: (staging / "whole").touch())
    assert [entry.name for entry in (tmp_path / "it").iterdir()] == ["whole"]


def test_what_a_killed_one_left_is_not_part_of_it(tmp_path: Path) -> None:
    def killed(staging: Path) -> None:
        (staging / "half").touch()
        staging.rename(tmp_path / "kept")  # as a process leaves it that has no time to tidy up

    with pytest.raises(FileNotFoundError):
        make_once(tmp_path / "it", killed)
    (tmp_path / "kept").rename(tmp_path / ".it.new")
    make_once(tmp_path / "it", lambda staging: (staging / "whole").touch())
    assert [entry.name for entry in (tmp_path / "it").iterdir()] == ["whole"]
