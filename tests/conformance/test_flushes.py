"""What shall survive a power loss is on the disk before it is confirmed: the kernel is asked how often."""

import subprocess
import sys
from pathlib import Path

import pytest

from brokerbench.model import Survives
from tests.conformance.lab import Lab, until
from tests.support.flushes import flushes_of

COUNT = 20


@pytest.mark.brokered
@pytest.mark.promises(Survives.POWER_LOSS)
def test_each_confirmed_message_was_flushed(lab: Lab, tmp_path: Path) -> None:
    """One at a time, so that no two can share a flush."""
    trial = lab.trial(in_flight=1, survives=Survives.POWER_LOSS)
    source = trial.source()

    def one_more() -> None:
        before = len(source.taken)
        until(lambda: source.offer([64]) == 1, "one taken", lambda: source.confirms(0.0))
        until(lambda: not source.unanswered, "its confirm", lambda: source.confirms(0.05))
        assert source.confirmed[before:] == [before]

    one_more()  # what is done once, at the first message, is not counted
    server = lab.server(trial.settings)
    with flushes_of([pid for process in server.processes for pid in process.pids()], tmp_path) as flushes:
        for _ in range(COUNT):
            one_more()
    assert flushes.count() >= COUNT, f"{COUNT} confirmed"


FLUSHING = """
import os, sys
def opened(name, flags=0):
    return os.open(os.path.join(sys.argv[1], name), os.O_CREAT | os.O_WRONLY | flags)
plain, synced = opened("plain"), opened("synced", os.O_DSYNC)
print("ready", flush=True)
sys.stdin.readline()
later = opened("later", os.O_SYNC)
for fd, times in (plain, 4), (synced, 3), (later, 2):
    for _ in range(times):
        os.write(fd, b"it")
os.fsync(plain)
os.fdatasync(plain)
print("done", flush=True)
sys.stdin.readline()
"""


def test_a_flush_is_counted_and_a_write_is_none(tmp_path: Path) -> None:
    """Two that are asked for, and each write to a file that was opened so, before or after the look begins."""
    words = [sys.executable, "-c", FLUSHING, str(tmp_path)]
    with subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        with flushes_of([process.pid], tmp_path) as flushes:
            process.stdin.write("go\n")
            process.stdin.flush()
            assert process.stdout.readline() == "done\n"
        process.stdin.close()
    assert flushes.count() == 3 + 2 + 2
