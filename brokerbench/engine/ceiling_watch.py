"""Whether a ceiling is the clients' own: what the stand-in, strangers and the hypervisor took of the CPUs meanwhile."""

import os
import time

import psutil

from brokerbench.servers import Guardian, Host

from .monitor import HostCpu, Usage

__all__ = ["Watch"]

_BUSY = 0.9  # of a core: a stand-in that used more may have been the slower side
_OTHERS = 0.1  # of all CPUs: where strangers or the hypervisor took more, the clients may have had to wait for theirs


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
        self.steal_share: float | None = None  # of all CPU time

    def end(self) -> None:
        lasted_s = time.monotonic() - self._began
        spent = self._spent()
        host = self._cpu.take()
        self.stand_in_busy = max((spent[pid] for pid in self._stand_in), default=0.0) / lasted_s
        self.strangers = max(0.0, host.processes - sum(spent.values()) / lasted_s)
        self.steal_share = host.steal_share

    @property
    def disturbed(self) -> bool:
        return self._crowded or self._robbed

    @property
    def reason(self) -> str | None:
        """Why the figure may be too low."""
        if (self.stand_in_busy or 0.0) > _BUSY:
            return "at least: the stand-in itself was busy"
        if self._robbed:
            return f"at least: the hypervisor took {100 * (self.steal_share or 0.0):.0f} % of the CPU time meanwhile"
        if self._crowded:
            return f"at least: other processes used {self.strangers:.1f} CPUs meanwhile"
        return None

    @property
    def _crowded(self) -> bool:
        return (self.strangers or 0.0) > _OTHERS * (psutil.cpu_count() or 1)

    @property
    def _robbed(self) -> bool:
        return (self.steal_share or 0.0) > _OTHERS

    def _spent(self) -> dict[int, float]:
        """CPU seconds of each process since the last call."""
        return {pid: (usage.take([pid]) or {"cpu_s": 0.0})["cpu_s"] for pid, usage in self._usages.items()}
