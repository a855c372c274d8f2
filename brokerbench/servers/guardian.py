"""The guardian: a small process that starts and owns every child and server, and kills all when main is gone.

    python -m brokerbench.servers.guardian FD PIDFD RUN FOLDER

FD is a stream socket to the main process, PIDFD its pidfd; either ending means that main is gone. Lines of JSON:
    main:     {"ask": 1, "do": "spawn", "mark", "argv", "env", "cwd", "out": path or null, "fds": how many come along}
              {"ask": 2, "do": "stop", "mark", "grace_s", "seen": [[pid, start]]}     {"ask": 3, "do": "end"}
    guardian: {"ask": 1, "pid"} or {"ask": 1, "errno", "error"}; {"ask": 2, "left": [pids]}; {"exit": mark, "code"}
One thread, standard library only. As a subreaper it inherits daemons, so when it has no child left, nothing is left.
"""

import contextlib
import json
import os
import select
import signal
import socket
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from .proctree import Census, become_subreaper, die_with_parent, living, send
from .roster import Roster, remove_folder

__all__ = ["Keeper", "main"]

TICK_S = 0.01  # while something is being stopped
STUBBORN_S = 20.0  # after SIGKILL: then it hangs in the kernel, and the asker is told
LAST_S = 30.0  # when everything must end and nobody is left to ask


@dataclass
class _Stop:
    """One request to stop, carried on at every tick so that several go on side by side."""

    ask: int
    mark: str
    kill_at: float
    told: set[tuple[int, int]] = field(default_factory=set)
    empty: int = 0


class Keeper:
    """Owns the processes: starts, reaps, stops."""

    def __init__(self, roster: Roster) -> None:
        self._roster = roster
        self._census = Census(os.getpid())
        self._running: dict[int, dict[str, Any]] = {}  # pid of a root -> its entry in the list
        self._stops: list[_Stop] = []

    @property
    def busy(self) -> bool:
        return bool(self._stops)

    def spawn(self, request: dict[str, Any], fds: list[int]) -> dict[str, Any]:
        """Start one process, leader of a session of its own. The fds are closed here: only the child holds them."""
        argv = [_with_fds(word, fds) for word in request["argv"]]
        me = os.getpid()
        out = None
        try:
            if request["out"] is not None:
                out = os.open(request["out"], os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o644)
            child = subprocess.Popen(
                argv,
                env=request["env"],
                cwd=request["cwd"],
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=out if out is None else subprocess.STDOUT,
                pass_fds=fds,
                start_new_session=True,
                preexec_fn=lambda: die_with_parent(me),  # noqa: PLW1509  # this process has one thread
            )
        except (OSError, ValueError, subprocess.SubprocessError) as error:
            return {
                "errno": getattr(error, "errno", None) or 0,
                "error": getattr(error, "strerror", None) or str(error),
            }
        finally:
            for fd in fds if out is None else [*fds, out]:
                os.close(fd)
        child.returncode = 0  # `reap` does the waiting, for orphans too; subprocess must not
        proc = living(child.pid)
        self._census.add(request["mark"], child.pid)
        entry = {"pid": child.pid, "start": proc.start if proc else 0, "argv0": argv[0], "marker": request["mark"]}
        self._running[child.pid] = entry
        self._roster.write(list(self._running.values()))
        return {"pid": child.pid}

    def reap(self) -> tuple[list[dict[str, Any]], bool]:
        """Collect who ended: news for main, and whether any child is left at all."""
        news: list[dict[str, Any]] = []
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                pid, status = -1, 0
            if pid <= 0:
                break
            entry = self._running.pop(pid, None)
            if entry:
                news.append({"exit": entry["marker"], "code": os.waitstatus_to_exitcode(status)})
        if news:
            self._roster.write(list(self._running.values()))
        return news, pid == 0

    def stop(self, ask: int, mark: str, grace_s: float, seen: list[list[int]]) -> None:
        """`seen`: what main saw of it, which may have shed its marks since."""
        self._census.learn(mark, [(pid, start) for pid, start in seen])
        self._stops.append(_Stop(ask, mark, time.monotonic() + grace_s))
        if grace_s > 0:
            for entry in self._running.values():
                if entry["marker"] == mark:
                    with contextlib.suppress(PermissionError):  # it changed its user
                        os.kill(entry["pid"], signal.SIGTERM)  # not reaped yet, so the pid is still its own

    def tick(self) -> list[dict[str, Any]]:
        """Carry every stop one step on; the answers of those that are done."""
        if not self._stops:
            return []
        running = {entry["marker"] for entry in self._running.values()}
        now = time.monotonic()
        if all(stop.mark in running and now < stop.kill_at for stop in self._stops):
            return []  # within their grace: nothing to look at
        found = self._census.take()
        answers: list[dict[str, Any]] = []
        for stop in list(self._stops):
            if stop.mark in running and now < stop.kill_at:
                continue
            members = found.get(stop.mark, [])
            if members and now < stop.kill_at:
                # The root is gone in time; what it left behind (epmd, a JVM below a shell) has the rest of the grace.
                for proc in members:
                    if (proc.pid, proc.start) not in stop.told:
                        stop.told.add((proc.pid, proc.start))
                        send(proc, signal.SIGTERM)
            for proc in members if now >= stop.kill_at else []:
                send(proc, signal.SIGKILL)
            # One look may miss a process that was forked while it was taken.
            stop.empty = 0 if members or stop.mark in running else stop.empty + 1
            if stop.empty >= 2 or now > stop.kill_at + STUBBORN_S:
                self._stops.remove(stop)
                answers.append({"ask": stop.ask, "left": [proc.pid for proc in members]})
        return answers

    def end(self) -> bool:
        """Kill everything below us. True when the kernel says that we have no child left."""
        deadline = time.monotonic() + LAST_S
        while time.monotonic() < deadline:
            for procs in self._census.take().values():
                for proc in procs:
                    send(proc, signal.SIGKILL)
            if not self.reap()[1]:
                return True
            signal.sigtimedwait([signal.SIGCHLD], TICK_S)
        return False


def _with_fds(word: str, fds: list[int]) -> str:
    for index, fd in enumerate(fds):
        word = word.replace("{fd%d}" % index, str(fd))  # noqa: UP031  # braces are the text here
    return word


class _Line:
    """The socket to main: whole lines in, whole lines out, never waiting."""

    def __init__(self, sock: socket.socket) -> None:
        self._sock = sock
        self._in = b""
        self._out = b""
        self._fds: list[int] = []
        sock.setblocking(False)

    @property
    def unsent(self) -> bool:
        return bool(self._out)

    def read(self) -> list[tuple[dict[str, Any], list[int]]] | None:
        """Requests with the fds that came along; None when main is gone."""
        try:
            data, fds, _flags, _address = socket.recv_fds(self._sock, 1 << 16, 64, socket.MSG_CMSG_CLOEXEC)
        except BlockingIOError:
            return []
        except OSError:
            return None
        if not data:
            return None
        self._fds += fds  # they arrive with the first byte of their request, so in its order
        *lines, self._in = (self._in + data).split(b"\n")
        requests = []
        for line in lines:
            request = json.loads(line)
            count = request.get("fds", 0)
            requests.append((request, self._fds[:count]))
            del self._fds[:count]
        return requests

    def write(self, message: dict[str, Any]) -> None:
        self._out += json.dumps(message).encode() + b"\n"
        self.flush()

    def flush(self) -> None:
        with contextlib.suppress(BlockingIOError):  # main is stopped (Ctrl-Z): later
            while self._out:
                try:
                    self._out = self._out[self._sock.send(self._out) :]
                except (BrokenPipeError, ConnectionResetError):
                    self._out = b""  # main is gone: the next read says so


def _listen() -> int:
    """Signals wake the loop. SIGTERM ends us; a terminal's signals are main's business."""
    wake, told = socket.socketpair()
    for end in (wake, told):
        end.setblocking(False)
    for signum in (signal.SIGCHLD, signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGQUIT):
        signal.signal(signum, lambda _signum, _frame: None)  # a handler, not SIG_IGN: children get the default back
    signal.set_wakeup_fd(told.detach(), warn_on_full_buffer=False)
    return wake.detach()


def _serve(line: _Line, fd: int, main_pidfd: int, keeper: Keeper) -> int | None:
    """Until main ends, or asks for the end, or SIGTERM. Returns the number of the request to end, if there was one."""
    wake = _listen()
    poll = select.poll()  # not select: main may have given us a number above 1023
    for source in (fd, wake, main_pidfd):
        if source >= 0:
            poll.register(source, select.POLLIN)
    line.write({"ready": os.getpid()})
    while True:
        poll.modify(fd, select.POLLIN | (select.POLLOUT if line.unsent else 0))
        ready = dict(poll.poll(TICK_S * 1000 if keeper.busy else None))
        line.flush()
        if wake in ready and signal.SIGTERM in os.read(wake, 4096):
            return None
        requests = line.read() if fd in ready else []
        if requests is None or main_pidfd in ready:
            return None
        for request, fds in requests:
            if request["do"] == "spawn":
                line.write({"ask": request["ask"], **keeper.spawn(request, fds)})
            elif request["do"] == "stop":
                keeper.stop(request["ask"], request["mark"], request["grace_s"], request["seen"])
            else:
                return int(request["ask"])
        for message in [*keeper.reap()[0], *keeper.tick()]:
            line.write(message)


def main(fd: int, main_pidfd: int, run: str, folder: Path) -> int:
    os.set_inheritable(fd, False)
    if main_pidfd >= 0:
        os.set_inheritable(main_pidfd, False)
    signal.pthread_sigmask(signal.SIG_SETMASK, [])  # whatever the thread that started us had blocked
    os.chdir("/")
    become_subreaper()
    keeper = Keeper(Roster(folder, run, os.getppid(), os.getpid()))
    line = _Line(socket.socket(fileno=fd))
    try:
        asked = _serve(line, fd, main_pidfd, keeper)
    finally:
        signal.set_wakeup_fd(-1)
        signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGCHLD, signal.SIGTERM])
        clean = keeper.end() and remove_folder(folder)
    if asked is not None:
        line.write({"ask": asked})
    return 0 if clean else 1


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]), int(sys.argv[2]), sys.argv[3], Path(sys.argv[4])))
