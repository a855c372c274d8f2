"""Child processes: how one is started, and some that were started before their trial is there.

Starting Python and reading the libraries takes a child half a second or more of CPU. In the moment between two trials,
while counters are read back and figures are made, a CPU is idle: the next trial's children start then and wait.
"""

import socket
import sys
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from brokerbench.servers import Guardian, Process

from .channel import Channel, ChannelClosed

__all__ = ["Standby", "launch", "tell_spec"]

# The arrays here are small; a thread pool for them would only take the brokers' CPU.
_ENV = dict.fromkeys(("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"), "1")


def launch(guardian: Guardian, log: Path) -> tuple[Process, Channel]:
    """A child that waits for its spec; what it prints until then goes to `log`."""
    ours, theirs = socket.socketpair()
    with theirs:
        process = guardian.spawn(
            [sys.executable, "-P", "-m", "brokerbench.engine.child", "{fd0}"],
            env={**_ENV, "PYTHONUNBUFFERED": "1"},
            stdout=log,
            pass_fds=(theirs.fileno(),),
        )
    return process, Channel(ours)


def tell_spec(channel: Channel, log: Path, spec: Mapping[str, Any]) -> None:
    """What the child prints from now on goes to `log`, wherever it went before."""
    channel.send({"log": str(log.absolute()), "spec": dict(spec)})


class Standby:
    """`count` children at most: as many as the smallest trial of the run takes, so that none of them is left to start
    or to sit about while another trial is measured."""

    def __init__(self, guardian: Guardian, count: int) -> None:
        self._guardian, self._count = guardian, count
        self._waiting: list[tuple[Process, Channel]] = []

    def fill(self) -> None:
        """To be called while nothing is measured. Raises GuardianLost."""
        with suppress(OSError):  # whoever cannot be started now is started by the trial, which says why it cannot
            while len(self._waiting) < self._count:
                self._waiting.append(launch(self._guardian, self._guardian.folder / "standby.log"))

    def take(self) -> tuple[Process, Channel] | None:
        """One that lives; None where there is none."""
        while self._waiting:
            process, channel = self._waiting.pop(0)
            try:
                channel.poll()  # it says nothing; of a dead one the channel is closed before anybody is told
            except ChannelClosed:
                channel.close()
            else:
                return process, channel
        return None

    def close(self) -> None:
        """A child whose channel is closed ends by itself."""
        while self._waiting:
            self._waiting.pop()[1].close()
