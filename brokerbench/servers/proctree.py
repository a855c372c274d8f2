"""Finds the processes that are ours, daemons that left their tree included, and never signals a stranger.

Two things tell whose a process is: it descends from a subreaper of ours (the guardian, or the main process after the
guardian died), and its environment carries our marks. Standard library only: the guardian must stay small.
"""

import ctypes
import os
import signal
from collections.abc import Iterable
from dataclasses import dataclass

__all__ = [
    "PROCESS",
    "RUN",
    "Census",
    "Proc",
    "become_subreaper",
    "die_with_parent",
    "living",
    "mark_of",
    "marked",
    "pidfd",
    "send",
]

RUN = "BROKERBENCH_RUN"  # one for each guardian
PROCESS = "BROKERBENCH_PROCESS"  # one for each process that was asked for; its descendants inherit it
STRAY = "stray"  # the owner of what is ours without a mark

_PR_SET_PDEATHSIG = 1
_PR_SET_CHILD_SUBREAPER = 36
_libc = ctypes.CDLL(None, use_errno=True)


@dataclass(frozen=True, slots=True)
class Proc:
    """One process. Pid and start (clock ticks since boot) together never name a second one until the next boot."""

    pid: int
    start: int
    parent: int
    session: int
    living: bool  # not a zombie


def become_subreaper(on: bool = True) -> None:
    """Orphans among our descendants become our children instead of init's."""
    if _libc.prctl(_PR_SET_CHILD_SUBREAPER, int(on), 0, 0, 0):
        raise OSError(ctypes.get_errno(), "cannot become the subreaper of our processes (needs Linux 3.4 or newer)")


def die_with_parent(parent: int) -> None:
    """For a fresh fork, before exec: killed when `parent` ends, at once if it already has."""
    _libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    if os.getppid() != parent:
        os._exit(1)


def living(pid: int) -> Proc | None:
    """The process with this pid now; None where there is none. A zombie is there, but not living."""
    try:
        file = os.open(f"/proc/{pid}/stat", os.O_RDONLY | os.O_CLOEXEC)  # half the time of `open`: there are many
        try:
            fields = os.read(file, 4096).rpartition(b")")[2].split()
        finally:
            os.close(file)
    except OSError:
        return None
    if len(fields) < 20:
        return None
    # The state is the first thread's: a process whose first thread has ended lives on in the others.
    alive = fields[0] not in (b"Z", b"X") or int(fields[17]) > 1
    return Proc(pid, int(fields[19]), int(fields[1]), int(fields[3]), alive)


def mark_of(pid: int, name: str) -> str:
    """The value of one variable in the environment the process was started with; empty where it cannot be read."""
    try:
        with open(f"/proc/{pid}/environ", "rb") as file:
            content = file.read()
    except OSError:
        return ""
    head = name.encode() + b"="
    return next((part[len(head) :].decode() for part in content.split(b"\0") if part.startswith(head)), "")


def _table() -> dict[int, Proc]:
    found = (living(int(name)) for name in os.listdir("/proc") if name.isdigit())
    return {proc.pid: proc for proc in found if proc}


def marked(run: str) -> list[Proc]:
    """Every living process on the machine that carries the mark of this run, wherever it went."""
    return [proc for proc in _table().values() if proc.living and mark_of(proc.pid, RUN) == run]


def pidfd(pid: int) -> int | None:
    """A handle of the process; None if it is gone, or where the kernel or a container's filter has none to give."""
    try:
        return os.pidfd_open(pid)
    except OSError:
        return None


def send(proc: Proc, signum: int) -> None:
    """Signal this very process; nothing happens if it is gone, even if its pid is in use again."""
    handle = pidfd(proc.pid)
    try:
        now = living(proc.pid)  # the handle is held: what is checked is what is signalled
        if not now or now.start != proc.start:
            return
        if handle is None:
            os.kill(proc.pid, signum)
        else:
            signal.pidfd_send_signal(handle, signum)
    except (ProcessLookupError, PermissionError):
        pass  # it ended meanwhile, or changed its user
    finally:
        if handle is not None:
            os.close(handle)


class Census:
    """Says which living descendants of `top` belong to which mark.

    In this order: what was seen before, the mark in the environment, the session of the marked root, the parent's.
    """

    def __init__(self, top: int) -> None:
        self._top = top
        self._roots: dict[int, str] = {}  # each root leads a session of its own
        self._known: dict[tuple[int, int], str] = {}

    def move(self, top: int) -> None:
        """Look below another process from now on. What was seen so far stays ours, even if it had no mark."""
        self._top = top
        self._known = {who: owner or STRAY for who, owner in self._known.items()}

    def add(self, mark: str, root: int) -> None:
        self._roots[root] = mark

    def learn(self, mark: str, seen: Iterable[tuple[int, int]]) -> None:
        """What another census knows: (pid, start) of processes of this mark."""
        self._known.update((who, mark) for who in seen)

    def take(self) -> dict[str, list[Proc]]:
        """Living processes for each mark; those of no mark are under the empty one."""
        children: dict[int, list[Proc]] = {}
        for proc in _table().values():
            children.setdefault(proc.parent, []).append(proc)
        marks = set(self._roots.values())
        known: dict[tuple[int, int], str] = {}
        found: dict[str, list[Proc]] = {}
        open_ends = [(proc, "") for proc in children.get(self._top, [])]
        while open_ends:
            proc, parents = open_ends.pop()
            owner = self._known.get((proc.pid, proc.start)) or self._owner(proc, marks) or parents
            known[proc.pid, proc.start] = owner
            if proc.living:
                found.setdefault(owner, []).append(proc)
            open_ends += [(child, owner) for child in children.get(proc.pid, [])]
        self._known = known
        return found

    def _owner(self, proc: Proc, marks: set[str]) -> str:
        mark = mark_of(proc.pid, PROCESS)
        return mark if mark in marks else self._roots.get(proc.session, "")
