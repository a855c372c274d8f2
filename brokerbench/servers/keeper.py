"""The main process's side of the guardian: asks it to start and stop processes, and does its work if it dies."""

import contextlib
import itertools
import json
import os
import signal
import socket
import struct
import subprocess
import sys
import threading
import time
import uuid
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any

from .proctree import PROCESS, RUN, Census, Proc, become_subreaper, marked, pidfd, send
from .roster import Roster, new_folder, remove_folder

if TYPE_CHECKING:
    from .host import Host

__all__ = ["Guardian", "GuardianLost", "Process"]

ANSWER_S = 30.0  # the guardian answers in milliseconds; this is for a machine that hangs
MOST_FDS = 64


class GuardianLost(RuntimeError):
    """The guardian is gone, so nothing more can be started; all that it owned has been ended."""


class Process:
    """One process that the guardian started, with all that descends from it."""

    pid: int = 0
    log: Path | None = None
    parting_s: float = 0.0  # as ServerProcess has it

    def __init__(self, guardian: "Guardian", mark: str, argv: Sequence[str]) -> None:
        self._guardian = guardian
        self._mark = mark
        self._argv = argv
        self._code: int | None = None
        self._ended = threading.Event()

    def __repr__(self) -> str:
        return f"Process({self.pid}, {self._argv[0]!r}, {'alive' if self.alive() else f'ended: {self._code}'})"

    @property
    def returncode(self) -> int | None:
        """As in subprocess: None while it lives, the negative signal number if one ended it."""
        return self._code

    def alive(self) -> bool:
        """Whether the process itself lives; what it left behind is in `pids()`."""
        return not self._ended.is_set()

    def wait(self, timeout_s: float) -> bool:
        """Wait for the process itself to end; False if it still lives after `timeout_s`."""
        return self._ended.wait(timeout_s)

    def pids(self) -> Sequence[int]:
        """Every living process of the tree, daemons that left it included."""
        return self._guardian.pids().get(self, [])

    def stop(self, grace_s: float) -> None:
        """SIGTERM, wait up to `grace_s`, then SIGKILL; the whole tree, daemons included."""
        self._guardian.stop([self], grace_s)

    def kill(self) -> None:
        """SIGKILL the whole tree, daemons included; returns when it is gone."""
        self.stop(0.0)

    def _end(self, code: int) -> None:
        if self._code is None:
            self._code = code
        self._ended.set()


class _Answer:
    """Where the thread that asked waits for what the guardian says."""

    def __init__(self) -> None:
        self.told = threading.Event()
        self.message: dict[str, Any] | None = None  # None once told: the guardian is gone


class Guardian:
    """Starts the guardian on `with`; when the block ends, everything it started is gone, and `folder` too."""

    folder: Path

    def __init__(self) -> None:
        self._run = uuid.uuid4().hex
        self._lock = threading.Lock()  # over the tables and what is written to the socket
        self._numbers = itertools.count(1)
        self._answers: dict[int, _Answer] = {}
        self._processes: dict[str, Process] = {}
        self._ready = threading.Event()
        self._closing = False
        self._gone = threading.Event()  # the guardian has ended
        self._cleaned = threading.Event()  # and so has all that it owned

    def __enter__(self) -> "Guardian":
        become_subreaper()
        ours, theirs = socket.socketpair()
        # A guardian that hangs must not make us hang in turn, with the lock in our hand.
        ours.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, struct.pack("ll", int(ANSWER_S), 0))
        me = pidfd(os.getpid())
        self.folder = new_folder()
        told = (theirs.fileno(), -1 if me is None else me, self._run, self.folder)
        try:
            Roster(self.folder, self._run, os.getpid(), None).write([])
            self._popen = subprocess.Popen(
                # -P: a file of the user's called json.py is not ours to import.
                [sys.executable, "-P", "-m", "brokerbench.servers.guardian", *map(str, told)],
                stdin=subprocess.DEVNULL,
                pass_fds=[fd for fd in told[:2] if fd >= 0],
                start_new_session=True,  # a terminal's Ctrl-C is for main alone
                env={**os.environ, RUN: self._run},
            )
        except BaseException:
            ours.close()
            remove_folder(self.folder)
            raise
        finally:
            theirs.close()
            if me is not None:
                os.close(me)
        self._socket = ours
        self._census = Census(self._popen.pid)
        self._reader = threading.Thread(target=self._read, name="guardian-reader", daemon=True)
        self._reader.start()
        try:
            ready = self._ready.wait(ANSWER_S)
        except BaseException:  # Ctrl-C: the block is not entered, so it is not left either
            self._popen.kill()
            raise
        if not ready or self.lost():
            self._popen.kill()
            self._cleaned.wait(ANSWER_S)
            raise GuardianLost(
                f"the guardian did not start (exit status {self._popen.returncode}); its output says why"
            )
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with self._lock:
            parting = [process for process in self._processes.values() if process.parting_s]
        if parting:
            self.stop(parting, max(process.parting_s for process in parting))
        self._closing = True
        with contextlib.suppress(GuardianLost):
            self._ask({"do": "end"})
        if not self._gone.wait(ANSWER_S):
            self._popen.kill()  # it hangs; the reader does its work
        self._cleaned.wait(ANSWER_S)
        self._reader.join(ANSWER_S)
        self._socket.close()

    @property
    def pid(self) -> int:
        """The guardian's own."""
        return self._popen.pid

    def lost(self) -> bool:
        """Whether the guardian ended without being asked to. What it owned is being ended, or has been."""
        return self._gone.is_set() and not self._closing

    def check(self) -> None:
        """Raises GuardianLost if the guardian is gone."""
        if self._gone.is_set():
            how = "was closed" if self._closing else f"was killed (exit status {self._popen.returncode})"
            raise GuardianLost(f"the guardian {how}, and what it started was ended with it; start the run again")

    def spawn(
        self,
        argv: Sequence[str],
        *,
        env: Mapping[str, str] | None = None,
        cwd: Path | None = None,
        stdout: Path | None = None,
        pass_fds: Sequence[int] = (),
    ) -> Process:
        """Start a process. `env` is added to ours; `stdout` (errors too) is appended to, None: where ours goes.

        The child gets copies of `pass_fds`, whose numbers there replace "{fd0}", "{fd1}" ... in `argv`; the caller
        closes its own, so that the child's end is the only one. Raises OSError, GuardianLost.
        """
        if not argv or len(pass_fds) > MOST_FDS:
            raise ValueError(
                f"spawn needs a command and at most {MOST_FDS} fds, got {list(argv)!r} and {len(pass_fds)}"
            )
        mark = uuid.uuid4().hex
        process = Process(self, mark, list(argv))
        process.log = stdout
        request = {
            "do": "spawn",
            "mark": mark,
            "argv": list(argv),
            "env": {**os.environ, **(env or {}), RUN: self._run, PROCESS: mark},
            "cwd": str(cwd or Path.cwd()),
            "out": None if stdout is None else str(stdout.absolute()),
            "fds": len(pass_fds),
        }
        with self._lock:
            self._processes[mark] = process  # before it starts: its end may be told before this thread wakes
        try:
            answer = self._wait(self._ask(request, pass_fds), ANSWER_S)
        except BaseException:
            self._processes.pop(mark, None)
            raise
        if "pid" not in answer:
            self._processes.pop(mark, None)
            raise OSError(answer["errno"], answer["error"], argv[0])
        process.pid = answer["pid"]
        with self._lock:
            self._census.add(mark, process.pid)
        return process

    def host(self, name: str, logs: Path, say: Callable[[str], None] = lambda _text: None) -> "Host":
        """What a server recipe works with: a folder of its own below ours."""
        from .host import Host

        return Host(self, name, logs, say)

    def stop_all(self, grace_s: float = 5.0) -> None:
        """Stop every process, all at the same time."""
        self.stop(list(self._processes.values()), grace_s)

    def stop(self, processes: Sequence[Process], grace_s: float) -> None:
        """Stop these, all at the same time, each as `Process.stop` does."""
        try:
            found = self._look()
            asked = []
            for process in processes:
                seen = [(proc.pid, proc.start) for proc in found.get(process._mark, [])]
                asked.append(self._ask({"do": "stop", "mark": process._mark, "grace_s": grace_s, "seen": seen}))
            left = [pid for number in asked for pid in self._wait(number, grace_s + ANSWER_S)["left"]]
        except GuardianLost:
            self._cleaned.wait(ANSWER_S)  # then all of them are gone as well
            return
        if left:
            raise RuntimeError(f"asked to stop, still there after SIGKILL: pids {left}; look at them with `ps -l`")
        with self._lock:
            for process in processes:
                self._processes.pop(process._mark, None)

    def pids(self) -> Mapping[Process, Sequence[int]]:
        """The living processes of every tree, in one look: what to ask when several are watched."""
        found = self._look()
        with self._lock:
            owners = [(self._processes[mark], procs) for mark, procs in found.items() if mark in self._processes]
        return {process: sorted(proc.pid for proc in procs) for process, procs in owners}

    def _look(self) -> dict[str, list[Proc]]:
        with self._lock:
            return {} if self._gone.is_set() else self._census.take()

    def _ask(self, request: dict[str, Any], fds: Sequence[int] = ()) -> int:
        with self._lock:
            self.check()
            number = next(self._numbers)
            self._answers[number] = _Answer()
            data = json.dumps({**request, "ask": number}).encode() + b"\n"
            try:
                sent = socket.send_fds(self._socket, [data], list(fds)) if fds else 0
                self._socket.sendall(data[sent:])
            except OSError as error:
                self._popen.kill()  # half a line may be out: if it only hung, it is of no use any more
                raise GuardianLost(
                    f"the guardian (pid {self.pid}) takes nothing: {error}; start the run again"
                ) from error
        return number

    def _wait(self, number: int, timeout_s: float) -> dict[str, Any]:
        answer = self._answers[number]
        told = answer.told.wait(timeout_s)
        with self._lock:
            self._answers.pop(number, None)
        if not told:
            raise GuardianLost(f"the guardian (pid {self.pid}) does not answer; end this run and start it again")
        if answer.message is None:
            self._gone.wait(ANSWER_S)
            self.check()
        assert answer.message is not None  # told and not gone: there is a message
        return answer.message

    def _read(self) -> None:
        """A thread: answers and news, until the guardian ends."""
        with contextlib.suppress(OSError), self._socket.makefile("rb") as lines:
            for line in lines:
                self._take(json.loads(line))
        self._popen.wait()  # now its children are ours
        self._gone.set()
        try:
            if self._popen.returncode != 0 or self.folder.exists():
                self._clean_up()
        finally:
            with self._lock:
                waiting = list(self._answers.values())
                processes = list(self._processes.values())
            for process in processes:
                process._end(-signal.SIGKILL)
            self._cleaned.set()
            for answer in waiting:
                answer.told.set()
            self._ready.set()

    def _take(self, message: dict[str, Any]) -> None:
        if "exit" in message:
            with self._lock:
                process = self._processes.get(message["exit"])
            if process:
                process._end(message["code"])
        elif "ready" in message:
            self._ready.set()
        else:
            with self._lock:
                answer = self._answers.get(message["ask"])
            if answer:
                answer.message = message
                answer.told.set()

    def _clean_up(self) -> None:
        """The guardian's last work, done by main: kill what carries our mark, and nothing else; remove the folder."""
        with self._lock:
            self._census.move(os.getpid())  # the orphans came to us
        deadline = time.monotonic() + ANSWER_S
        looks_empty = 0
        ours: set[int] = set()
        while looks_empty < 2 and time.monotonic() < deadline:
            below = [proc for mark, procs in self._census.take().items() if mark for proc in procs]
            found = {proc.pid: proc for proc in [*below, *marked(self._run)]}
            for proc in found.values():
                send(proc, signal.SIGKILL)
            ours |= found.keys()
            looks_empty = 0 if found else looks_empty + 1
            time.sleep(0.005)
            for pid in list(ours):
                with contextlib.suppress(ChildProcessError):  # not our child (yet): the next round looks again
                    if os.waitpid(pid, os.WNOHANG)[0]:
                        ours.discard(pid)
        remove_folder(self.folder)
