"""Children that are started between two trials: each is used once, and none is left."""

from pathlib import Path
from typing import Any

import psutil
import pytest

from brokerbench.engine.standby import Standby, launch, tell_spec
from brokerbench.model import Broker
from brokerbench.servers import Guardian
from tests.support.running import run, scenario, until


def _children(guardian: Guardian) -> list[int]:
    return [pid for pids in guardian.pids().values() for pid in pids]


def test_those_that_stand_by_are_handed_out_once_and_the_dead_are_passed_over(tmp_path: Path) -> None:
    with Guardian() as guardian:
        standby = Standby(guardian, 3)
        standby.fill()
        standby.fill()  # there are three already
        first, second, third = sorted(_children(guardian))
        psutil.Process(first).kill()
        until(lambda: sorted(_children(guardian)) == [second, third], "the one that was killed is gone")
        taken = [standby.take(), standby.take()]
        assert sorted(each[0].pid for each in taken if each) == [second, third]
        assert standby.take() is None
        for each in taken:
            assert each is not None
            each[1].close()
        until(lambda: not _children(guardian), "who is not needed ends by itself")


def test_closing_leaves_none(tmp_path: Path) -> None:
    with Guardian() as guardian:
        standby = Standby(guardian, 2)
        standby.fill()
        assert len(_children(guardian)) == 2
        standby.close()
        until(lambda: not _children(guardian), "all of them have ended")


def test_what_a_child_prints_goes_to_the_log_of_its_trial(tmp_path: Path) -> None:
    early, log = tmp_path / "early.log", tmp_path / "producer-0.log"
    with Guardian() as guardian:
        process, channel = launch(guardian, early)
        tell_spec(channel, log, {"no": "such word"})
        assert process.wait(60)
        channel.close()
    assert "unexpected keyword argument 'no'" in log.read_text()
    assert not early.read_text()


@pytest.mark.parametrize("blocks", [1, 3])
def test_the_next_trials_children_are_there_before_it_begins(tmp_path: Path, blocks: int) -> None:
    begun: list[set[int]] = []  # children that live as a trial begins
    used: list[set[int]] = []

    def observe(kind: str, about: dict[str, Any]) -> None:
        below = psutil.Process().children(recursive=True)
        if kind == "trial":
            begun.append({each.pid for each in below})
        elif kind == "load":
            used.append({child.process.pid for child in about["children"]})

    run(scenario({"null": Broker(driver="null")}, blocks=blocks), tmp_path, observe=observe, smoke=True)
    assert len(begun) == len(used) == blocks
    assert not used[0] & begun[0]
    for there, children in zip(begun[1:], used[1:], strict=True):
        assert children <= there
