"""No process of ours is left behind, whoever is killed, and with no time to say goodbye."""

import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from brokerbench.servers import Guardian, GuardianLost, leftovers, proctree

GONE_S = 5.0


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def _lives(pid: int) -> bool:
    proc = proctree.living(pid)
    return proc is not None and proc.living


def _all_there(main) -> None:
    assert [pid for pid in [main.guardian, *main.pids] if not _lives(pid)] == []
    assert all(_listens(port) for port in main.ports)
    assert main.folder.is_dir()
    assert main.folder.stat().st_mode & 0o777 == 0o700


def _all_gone(main, until) -> None:
    until(lambda: not any(map(_lives, main.pids)), "children, servers and daemons are gone", GONE_S)
    until(lambda: not any(map(_listens, main.ports)), "their ports are free", GONE_S)
    until(lambda: not main.folder.exists(), "the temporary folder is removed", GONE_S)
    until(lambda: not _lives(main.guardian), "the guardian is gone", GONE_S)
    assert proctree.marked(main.run) == []


@pytest.mark.parametrize("signum", [signal.SIGKILL, signal.SIGTERM, signal.SIGHUP])
def test_main_is_killed_and_all_it_started_goes(other_main, until, signum):
    _all_there(other_main)
    other_main.popen.send_signal(signum)
    _all_gone(other_main, until)
    assert other_main.popen.wait() == -signum


def test_ctrl_c_reaches_main_alone_and_ends_all(other_main, until):
    _all_there(other_main)
    other_main.popen.send_signal(signal.SIGINT)
    _all_gone(other_main, until)


def test_guardian_is_killed_and_main_ends_what_it_owned(other_main, until):
    _all_there(other_main)
    os.kill(other_main.guardian, signal.SIGKILL)
    _all_gone(other_main, until)
    assert other_main.popen.poll() is None  # main itself lives and can tell the user


def test_guardian_is_told_to_end_and_takes_all_with_it(other_main, until):
    os.kill(other_main.guardian, signal.SIGTERM)
    _all_gone(other_main, until)
    assert other_main.popen.poll() is None


@pytest.mark.parametrize("signum", [signal.SIGINT, signal.SIGHUP, signal.SIGQUIT])
def test_guardian_does_not_mind_the_terminals_signals(guardian, signum):
    os.kill(guardian.pid, signum)
    assert guardian.spawn(["true"]).wait(20)  # it got the signal before the request
    assert not guardian.lost()


def test_main_ends_well_and_nothing_is_left(other_main, until):
    other_main.popen.stdin.close()
    assert other_main.popen.wait(20) == 0
    _all_gone(other_main, until)


def test_both_are_killed_and_doctor_finds_the_rest(other_main, until):
    # Stopped first: a guardian that still ran would do its duty.
    os.kill(other_main.guardian, signal.SIGSTOP)
    other_main.popen.kill()
    other_main.popen.wait()
    assert other_main.run not in [left.run for left in leftovers()]  # the guardian is not dead yet
    os.kill(other_main.guardian, signal.SIGKILL)
    until(lambda: other_main.run in [left.run for left in leftovers()], "it is found")
    until(lambda: not any(map(_lives, other_main.roots)), "the kernel ends what the guardian had started itself")
    [left] = [left for left in leftovers() if left.run == other_main.run]
    assert left.folder == other_main.folder
    assert other_main.daemons[0] in [proc.pid for proc in left.alive]
    assert left.remove()
    assert not other_main.folder.exists()
    assert proctree.marked(other_main.run) == []
    assert _lives(other_main.daemons[1])  # no mark, no parent: nobody may say that it is ours; the fixture ends it


FORKING = """
import os, sys, time
from brokerbench.servers import Guardian
with Guardian() as guardian:
    process = guardian.spawn(["sleep", "3600"])
    fork = os.fork()  # as multiprocessing does: it holds a copy of our socket to the guardian
    if fork:
        print(guardian.pid, process.pid, fork, guardian.folder, flush=True)
    time.sleep(3600)
"""


def test_main_is_killed_while_a_fork_of_it_holds_its_files(until):
    with subprocess.Popen([sys.executable, "-c", FORKING], stdout=subprocess.PIPE, text=True) as popen:
        *numbers, folder = popen.stdout.readline().split()
        guardian, process, fork = map(int, numbers)
        try:
            popen.kill()
            until(lambda: not _lives(guardian) and not _lives(process), "guardian and process are gone", GONE_S)
            assert not Path(folder).exists()
            assert _lives(fork)  # not the guardian's: it was not asked to start it
        finally:
            os.kill(fork, signal.SIGKILL)


def test_a_guardian_that_is_lost_says_so(until):
    with Guardian() as guardian:
        stranger = os.posix_spawn(sys.executable, [sys.executable, "-c", "import time; time.sleep(3600)"], os.environ)
        try:
            ours = guardian.spawn(["sleep", "3600"])
            folder = guardian.folder
            assert not guardian.lost()
            os.kill(guardian.pid, signal.SIGKILL)
            until(guardian.lost, "the loss is noticed")
            until(lambda: not ours.alive(), "its process is ended")
            assert ours.returncode == -signal.SIGKILL
            assert not _lives(ours.pid)
            assert ours.pids() == []
            until(lambda: not folder.exists(), "the folder is removed")
            with pytest.raises(GuardianLost, match=r"was killed .*start the run again"):
                guardian.spawn(["true"])
            ours.stop(5)  # says nothing: it is gone, as was asked
            assert _lives(stranger)  # a child of main's that never was the guardian's
        finally:
            os.kill(stranger, signal.SIGKILL)
            os.waitpid(stranger, 0)


def test_a_closed_guardian_says_so():
    with Guardian() as guardian:
        pass
    assert not guardian.lost()
    assert not guardian.folder.exists()
    with pytest.raises(GuardianLost, match="was closed"):
        guardian.spawn(["true"])


def test_an_error_in_the_block_leaves_nothing():
    class OnPurposeError(Exception):
        pass

    guardian = Guardian()
    processes = []

    def block() -> None:
        with guardian:
            processes.append(guardian.spawn(["sleep", "3600"]))
            raise OnPurposeError

    with pytest.raises(OnPurposeError):
        block()
    [process] = processes
    assert not _lives(process.pid)
    assert process.returncode == -signal.SIGKILL
    assert not guardian.folder.exists()
