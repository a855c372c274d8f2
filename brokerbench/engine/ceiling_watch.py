"""Whether a ceiling is the clients' own: what the stand-in's processes and strangers used of the CPUs meanwhile."""

import os
import time

import psutil

from brokerbench.servers import Guardian, Host

from .monitor import HostCpu, Usage

__all__ = ["Watch"]

_BUSY = 0.9  # of a core: a stand-in that used more may have been the slower side
_STRANGERS = 0.1  # of all CPUs: more of it, and the clients may have had to wait for theirs


class Watch:
    """From its making to `end`."""

    def __init__(self, guardian: Guardian, host: Host) -> None:
        self._usages = {pid: Usage() for pids in guardian.pids().values() for pid in pids}
        self._usages[os.getpid()] = Usage()
        self._stand_in = host.pids()
        self._spent()
        self._cpu, self._began = HostCpu(), time.monotonic()
        self.stand_in_busy: float | None = None  # CPUs, of its busiest process
        self.strangers: float | None = None  # CPUs, of processes that are not ours

    def end(self) -> None:
        lasted_s = time.monotonic() - self._began
        spent = self._spent()
        busy, _ = self._cpu.take()
        self.stand_in_busy = max((spent[pid] for pid in self._stand_in), default=0.0) / lasted_s
        self.strangers = max(0.0, busy - sum(spent.values()) / lasted_s)

    @property
    def disturbed(self) -> bool:
        return (self.strangers or 0.0) > _STRANGERS * (psutil.cpu_count() or 1)

    @property
    def reason(self) -> str | None:
        """Why the figure may be too low."""
        if (self.stand_in_busy or 0.0) > _BUSY:
            return "at least: the stand-in itself was busy"
        if self.disturbed:
            return f"at least: other processes used {self.strangers:.1f} CPUs meanwhile"
        return None

    def _spent(self) -> dict[int, float]:
        """CPU seconds of each process since the last call."""
        return {pid: (usage.take([pid]) or {"cpu_s": 0.0})["cpu_s"] for pid, usage in self._usages.items()}
