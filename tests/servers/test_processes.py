"""Starting, watching and stopping one process."""

import json
import os
import signal
import socket
import sys
import threading
from pathlib import Path

import pytest

from brokerbench.servers import proctree

PYTHON = [sys.executable, "-c"]


def _lives(pid: int) -> bool:
    proc = proctree.living(pid)
    return proc is not None and proc.living


def test_output_and_errors_are_appended_to_the_file(guardian, tmp_path: Path):
    out = tmp_path / "out.log"
    for word in ("one", "two"):
        process = guardian.spawn(["sh", "-c", f"echo {word}; echo {word} went wrong >&2"], stdout=out)
        assert process.wait(20)
        assert process.returncode == 0
    assert out.read_text().splitlines() == ["one", "one went wrong", "two", "two went wrong"]


def test_environment_is_added_and_folder_is_kept(guardian, tmp_path: Path, monkeypatch):
    monkeypatch.setenv("BB_TEST_OURS", "ours")
    out = tmp_path / "out.log"
    program = "import os; print(os.getcwd(), os.environ['BB_TEST_OURS'], os.environ['BB_TEST_MORE'], sep='|')"
    assert guardian.spawn([*PYTHON, program], env={"BB_TEST_MORE": "ünï"}, cwd=tmp_path, stdout=out).wait(20)
    assert out.read_text() == f"{tmp_path}|ours|ünï\n"


def test_status_is_as_in_subprocess(guardian):
    failed = guardian.spawn(["sh", "-c", "exit 3"])
    killed = guardian.spawn(["sh", "-c", "kill -9 $$"])
    running = guardian.spawn(["sleep", "3600"])
    assert failed.wait(20)
    assert killed.wait(20)
    assert (failed.returncode, killed.returncode) == (3, -signal.SIGKILL)
    assert (failed.alive(), running.alive()) == (False, True)
    assert running.returncode is None
    assert not running.wait(0)


@pytest.mark.parametrize(
    ("argv", "error"), [(["no-such-command-of-ours"], FileNotFoundError), (["/"], PermissionError), (["a\0b"], OSError)]
)
def test_what_cannot_start_says_why(guardian, argv, error):
    with pytest.raises(error):
        guardian.spawn(argv)
    assert guardian.spawn(["true"]).wait(20)  # and the guardian goes on


def test_a_folder_that_is_not_there_says_why(guardian, tmp_path: Path):
    with pytest.raises(FileNotFoundError):
        guardian.spawn(["true"], cwd=tmp_path / "nowhere")


def test_stop_asks_first(guardian, tmp_path: Path, until):
    out = tmp_path / "out.log"
    script = "trap 'echo asked; exit 0' TERM; echo ready; while :; do sleep 0.01; done"
    process = guardian.spawn(["sh", "-c", script], stdout=out)
    until(lambda: "ready" in out.read_text(), "it is ready")
    process.stop(60)
    assert out.read_text().splitlines() == ["ready", "asked"]
    assert process.returncode == 0
    assert process.pids() == []


def test_kill_does_not_ask(guardian, tmp_path: Path, until):
    out = tmp_path / "out.log"
    script = "trap 'echo asked; exit 0' TERM; echo ready; while :; do sleep 0.01; done"
    process = guardian.spawn(["sh", "-c", script], stdout=out)
    until(lambda: "ready" in out.read_text(), "it is ready")
    process.kill()
    assert out.read_text().splitlines() == ["ready"]
    assert process.returncode == -signal.SIGKILL


def test_a_stubborn_process_is_killed_after_its_grace(guardian, tmp_path: Path, until):
    out = tmp_path / "out.log"
    process = guardian.spawn(["sh", "-c", "trap '' TERM; echo ready; while :; do sleep 0.01; done"], stdout=out)
    until(lambda: "ready" in out.read_text(), "it is ready")
    process.stop(0.1)
    assert process.returncode == -signal.SIGKILL


def test_what_the_root_leaves_behind_is_asked_too(guardian, tmp_path: Path, until):
    out = tmp_path / "out.log"
    program = "trap 'echo saved; exit' TERM; echo ready; while :; do sleep 0.01; done"
    process = guardian.spawn(["sh", "-c", 'sh -c "$0" & sleep 3600', program], stdout=out)  # it forwards nothing
    until(lambda: "ready" in out.read_text(), "it is ready")
    process.stop(60)
    assert "saved" in out.read_text().splitlines()  # killed at once, it could not have said so


def test_pids_and_stop_reach_daemons_of_this_process_only(guardian, tmp_path: Path, daemon, until):
    told = [tmp_path / "a", tmp_path / "b"]
    first, second = [guardian.spawn([*PYTHON, daemon, str(path)]) for path in told]
    until(lambda: all(path.exists() for path in told), "both daemons run")
    pids = [int(path.read_text().split()[0]) for path in told]
    assert first.wait(20)  # the root itself has gone
    assert second.wait(20)
    expected = {first: [pids[0]], second: [pids[1]]}
    until(lambda: guardian.pids() == expected, "the processes between them and the roots are gone")
    assert (first.pids(), second.pids()) == ([pids[0]], [pids[1]])
    first.stop(0.1)
    assert (_lives(pids[0]), _lives(pids[1])) == (False, True)
    assert first.pids() == []
    second.kill()
    assert not _lives(pids[1])


def test_a_process_that_sheds_every_mark_is_still_known_if_it_was_seen(guardian, tmp_path: Path, until):
    waiting, go, free = tmp_path / "waiting", tmp_path / "go", tmp_path / "free"
    program = (
        "import os, pathlib, sys, time\n"
        "waiting, go, free = map(pathlib.Path, sys.argv[1:])\n"
        "waiting.write_text(str(os.getpid()))\n"
        "while not go.exists(): time.sleep(0.01)\n"
        "os.setsid(); free.touch()\n"
        "while True: time.sleep(3600)"
    )
    words = [str(waiting), str(go), str(free)]
    process = guardian.spawn(["sh", "-c", 'env -i "$@" & wait', "sh", *PYTHON, program, *words])
    until(lambda: waiting.exists() and waiting.read_text(), "the program without our environment runs")
    pid = int(waiting.read_text())
    assert pid in process.pids()
    go.touch()
    until(free.exists, "it left the session")
    os.kill(process.pid, signal.SIGKILL)
    assert process.wait(20)  # and its parent is gone
    assert process.pids() == [pid]
    process.stop(0.1)
    assert not _lives(pid)


def test_several_are_stopped_at_the_same_time(guardian, tmp_path: Path, until):
    # Each ends only after all were asked: one after the other would run into the grace.
    script = 'trap "touch $0.asked" TERM; touch $0.ready; while [ $(ls $1/*.asked | wc -l) -lt 4 ]; do sleep 0.02; done'
    processes = [guardian.spawn(["sh", "-c", script, str(tmp_path / str(index)), str(tmp_path)]) for index in range(4)]
    until(lambda: len(list(tmp_path.glob("*.ready"))) == 4, "all are ready")
    guardian.stop_all(grace_s=60)
    assert [process.returncode for process in processes] == [0] * 4


def test_threads_may_ask_at_the_same_time(guardian):
    codes = {}

    def work(number: int) -> None:
        process = guardian.spawn(["sh", "-c", f"exit {number}"])
        process.wait(20)
        codes[number] = process.returncode
        process.stop(1)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert codes == {number: number for number in range(16)}


def test_fds_are_handed_over_and_their_end_is_seen(guardian):
    ours, theirs = socket.socketpair()
    with ours:
        ours.settimeout(20)
        program = (
            "import socket, sys; s = socket.socket(fileno=int(sys.argv[1])); s.sendall(s.recv(9).upper()); s.recv(9)"
        )
        with theirs:
            process = guardian.spawn([*PYTHON, program, "{fd0}"], pass_fds=[theirs.fileno()])
        ours.sendall(b"hello")
        assert ours.recv(9) == b"HELLO"
        os.kill(process.pid, signal.SIGKILL)
        assert ours.recv(9) == b""  # nobody else, the guardian neither, holds the other end


def test_our_end_closes_and_the_child_sees_it(guardian, tmp_path: Path):
    out = tmp_path / "out.log"
    pairs = [socket.socketpair() for _ in range(2)]
    program = (
        "import socket, sys\n"
        "for word in sys.argv[1:]:\n"
        "    print(socket.socket(fileno=int(word.partition('=')[2])).makefile().read())"
    )
    process = guardian.spawn(
        [*PYTHON, program, "a={fd0}", "b={fd1}"], pass_fds=[theirs.fileno() for _, theirs in pairs], stdout=out
    )
    for (ours, theirs), word in zip(pairs, ("first", "second"), strict=True):
        theirs.close()
        ours.sendall(word.encode())
        ours.close()
    assert process.wait(20)  # it read to the end of both
    assert out.read_text().splitlines() == ["first", "second"]


def test_a_child_gets_no_fd_that_it_was_not_given(guardian, tmp_path: Path):
    out = tmp_path / "out.log"
    assert guardian.spawn(
        [*PYTHON, "import os; print(sorted(map(int, os.listdir('/proc/self/fd'))))"], stdout=out
    ).wait(20)
    assert json.loads(out.read_text()) == [0, 1, 2, 3]  # 3 is the listing itself


def test_a_child_has_default_signals_and_a_session_of_its_own(guardian, tmp_path: Path):
    out = tmp_path / "out.log"
    program = (
        "import os, signal\n"
        "print(os.getsid(0) == os.getpid(), [s.name for s in (signal.SIGTERM, signal.SIGHUP, signal.SIGCHLD)"
        " if signal.getsignal(s) is not signal.SIG_DFL], signal.pthread_sigmask(signal.SIG_BLOCK, []))"
    )
    assert guardian.spawn([*PYTHON, program], stdout=out).wait(20)
    assert out.read_text() == "True [] set()\n"


def test_more_fds_than_fit_are_refused(guardian):
    with pytest.raises(ValueError, match="at most 64"):
        guardian.spawn(["true"], pass_fds=[0] * 65)


def test_the_list_on_disk_names_what_runs(guardian, until):
    process = guardian.spawn(["sleep", "3600"])
    told = json.loads((guardian.folder / "processes.json").read_text())
    proc = proctree.living(process.pid)
    assert [(entry["pid"], entry["start"], entry["argv0"]) for entry in told["processes"]] == [
        (process.pid, proc.start, "sleep")
    ]
    assert told["main"]["pid"] == os.getpid()
    assert told["guardian"]["pid"] == guardian.pid
    process.kill()
    assert json.loads((guardian.folder / "processes.json").read_text())["processes"] == []


def test_a_signal_never_hits_a_pid_used_again(guardian):
    process = guardian.spawn(["sleep", "3600"])
    proc = proctree.living(process.pid)
    before = proctree.Proc(proc.pid, proc.start - 1, proc.parent, proc.session, True)
    proctree.send(before, signal.SIGKILL)
    proctree.send(proc, signal.SIGTERM)
    assert process.wait(20)
    assert process.returncode == -signal.SIGTERM  # the first one did not reach it
