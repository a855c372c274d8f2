"""The list on disk: what a crash of everything left is found, and what lives, or is a stranger's, is let alone."""

import json
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from brokerbench.servers import leftovers, proctree, roster
from tests.support.patience import until

RUN = "0123456789abcdef"
GONE = {"pid": 2**22 + 1, "start": 1}  # above the largest pid


@pytest.fixture
def sleeper() -> Iterator[proctree.Proc]:
    env = {**os.environ, proctree.RUN: RUN}
    with subprocess.Popen(["sleep", "3600"], env=env) as popen:
        # The kernel shows a program's environment some microseconds after it runs.
        until(lambda: proctree.mark_of(popen.pid, proctree.RUN) == RUN, "it shows its mark")
        proc = proctree.living(popen.pid)
        assert proc is not None
        yield proc
        popen.kill()


def _folder(home: Path, run: str = RUN, **changes) -> Path:
    folder = home / f"{roster.PREFIX}test"
    folder.mkdir()
    roster.Roster(folder, run, os.getpid(), None).write([])
    told = json.loads((folder / roster.FILE).read_text())
    (folder / roster.FILE).write_text(json.dumps({**told, "main": GONE, "guardian": GONE, **changes}))
    return folder


def test_a_run_that_was_cut_off_is_found_and_removed(tmp_path, sleeper):
    folder = _folder(tmp_path)
    [left] = leftovers(tmp_path)
    assert (left.folder, left.run, left.alive) == (folder, RUN, (sleeper,))
    (folder / "data").mkdir()
    assert left.remove()
    assert not folder.exists()
    assert not proctree.living(sleeper.pid).living  # a zombie now: the fixture is its parent


@pytest.mark.parametrize("who", ["main", "guardian"])
def test_a_run_that_still_goes_is_let_alone(tmp_path, who):
    _folder(tmp_path, **{who: roster.identity(os.getpid())})
    assert leftovers(tmp_path) == []


def test_a_pid_used_again_is_not_the_run(tmp_path):
    me = roster.identity(os.getpid())
    folder = _folder(tmp_path, main={**me, "start": me["start"] - 1})
    assert [left.folder for left in leftovers(tmp_path)] == [folder]


def test_a_stranger_with_a_listed_pid_is_let_alone(tmp_path, sleeper):
    stranger = {"pid": sleeper.pid, "argv0": "sleep", "marker": "m"}
    _folder(tmp_path, run="another", processes=[{**stranger, "start": sleeper.start}])
    assert leftovers(tmp_path)[0].alive == ()  # it has another run's mark
    (tmp_path / f"{roster.PREFIX}test" / roster.FILE).unlink()
    (tmp_path / f"{roster.PREFIX}test").rmdir()
    _folder(tmp_path, processes=[{**stranger, "start": sleeper.start - 1}], run="another")
    assert leftovers(tmp_path)[0].alive == ()  # it started at another time


def test_nothing_lives_on_after_a_boot(tmp_path, sleeper):
    _folder(tmp_path, boot="another", main=roster.identity(os.getpid()))
    [left] = leftovers(tmp_path)
    assert left.alive == ()


def test_another_containers_pids_mean_nothing_here(tmp_path):
    _folder(tmp_path, pid_space="pid:[1]")
    assert leftovers(tmp_path) == []


@pytest.mark.parametrize("text", ["", "{", "[]", "{}", '{"run": 1}'])
def test_what_is_not_a_list_of_ours_is_let_alone(tmp_path, text):
    folder = _folder(tmp_path)
    (folder / roster.FILE).write_text(text)
    assert leftovers(tmp_path) == []
    assert folder.exists()


def test_data_goes_to_a_disk(monkeypatch):
    monkeypatch.delenv("TMPDIR", raising=False)
    monkeypatch.setattr(roster, "_is_memory", lambda _folder: True)
    assert roster._homes()[0] == "/var/tmp"
    monkeypatch.setenv("TMPDIR", "/tmp")
    assert roster._homes()[0] != "/var/tmp"  # who sets it knows better
