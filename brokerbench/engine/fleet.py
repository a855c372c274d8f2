"""The children of one trial, behind a small interface: start them, say something to them, hear what they report."""

import select
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Protocol, Self

from brokerbench.servers import Guardian

from .channel import Channel, ChannelClosed, Line
from .clock import Clock, WallClock
from .spec import ChildSpec
from .standby import Standby, launch, tell_spec

__all__ = ["Child", "ChildProcess", "Fleet", "LocalFleet", "TrialFailed"]


class TrialFailed(Exception):
    """This trial cannot give a result; the run goes on with the next one."""


class ChildProcess(Protocol):
    """What the fleet needs of a process."""

    @property
    def pid(self) -> int: ...

    @property
    def returncode(self) -> int | None: ...

    def alive(self) -> bool: ...

    def wait(self, timeout_s: float) -> Any: ...

    def stop(self, grace_s: float) -> None: ...


class Child:
    """One load process and all that it has said so far."""

    def __init__(self, spec: ChildSpec, process: ChildProcess, channel: Line) -> None:
        self.spec, self.process, self.channel = spec, process, channel
        self.ready = False
        self.canaries: dict[str, int] = {}
        self.intervals: list[dict[str, Any]] = []
        self.synced: dict[str, Any] | None = None
        self.done: dict[str, Any] | None = None
        self.events: list[dict[str, Any]] = []
        self.closed = False
        self.away = False

    def hear(self, message: dict[str, Any], now_ns: int) -> None:
        match message["say"]:
            case "ready":
                self.ready = True
            case "left" | "came":
                self.away = message["say"] == "left"
            case "canaries":
                self.canaries = message["seen"]
            case "interval":
                self.intervals.append(message)
            case "synced":
                self.synced = message
            case "event":
                self.events.append({"at_ns": now_ns, **message})
            case "done":
                self.done = message
            case "failed":
                raise TrialFailed(f"{self.spec.name}: {message['text']}")


class Fleet:
    """Context manager: no child outlives it. `beat` is called at every turn of `until`, for the monitor and Ctrl-C."""

    def __init__(self, logs: Path, beat: Callable[[], None], clock: Clock) -> None:
        self._logs, self._beat, self._clock = logs, beat, clock
        self.children: list[Child] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        raise NotImplementedError

    def start(self, spec: ChildSpec) -> Child:
        raise NotImplementedError

    def _listen(self, timeout_s: float) -> None:
        """Hear whoever says something within `timeout_s`."""
        raise NotImplementedError

    def of(self, role: str) -> list[Child]:
        return [child for child in self.children if child.spec.role == role]

    def tell(self, children: Sequence[Child], **order: Any) -> None:
        for child in children:
            try:
                child.channel.send(order)
            except ChannelClosed as gone:
                if child.done is None:
                    raise TrialFailed(f"{child.spec.name}: {self._ended(child)}") from gone
                child.closed = True  # it has said all it had to say

    def until(self, holds: Callable[[], bool], timeout_s: float) -> bool:
        """Listen until `holds()`; False when time is up. Raises TrialFailed when a child fails or dies."""
        deadline = self._clock.now_ns() + int(timeout_s * 1e9)
        while not holds():
            left = deadline - self._clock.now_ns()
            if left <= 0:
                return False
            self._listen(min(left / 1e9, 0.05))
            self._beat()
        return True

    def _hear(self, child: Child) -> None:
        try:
            for message in child.channel.poll():
                child.hear(message, self._clock.now_ns())
        except ChannelClosed as gone:
            child.closed = True
            if child.done is None:
                raise TrialFailed(f"{child.spec.name}: {self._ended(child)}") from gone

    def _ended(self, child: Child) -> str:
        child.process.wait(20)  # it has ended; its status comes by way of the guardian
        tail = self._logs / f"{child.spec.name}.log"
        lines = tail.read_text(errors="replace").strip().splitlines() if tail.exists() else []
        last = f": {lines[-1]}" if lines else ""
        return f"the process ended (exit status {child.process.returncode}){last}"


class LocalFleet(Fleet):
    """Each child is a process on this machine, owned by the guardian; one that stands by is taken first."""

    def __init__(
        self, guardian: Guardian, logs: Path, beat: Callable[[], None], *, standby: Standby | None = None
    ) -> None:
        super().__init__(logs, beat, WallClock())
        self._guardian, self._standby = guardian, standby
        self._by_channel: dict[Channel, Child] = {}

    def __exit__(self, *_: object) -> None:
        for child in self.children:
            child.channel.close()
        deadline = time.monotonic() + 5
        for child in self.children:
            while child.process.alive() and time.monotonic() < deadline:
                time.sleep(0.01)
            if child.process.alive():
                child.process.stop(0.5)

    def start(self, spec: ChildSpec) -> Child:
        log = self._logs / f"{spec.name}.log"
        waiting = self._standby.take() if self._standby else None
        process, channel = waiting or launch(self._guardian, log)
        child = self._by_channel[channel] = Child(spec, process, channel)
        self.children.append(child)
        try:
            tell_spec(channel, log, spec.as_json())
        except ChannelClosed as gone:
            raise TrialFailed(f"{spec.name}: {self._ended(child)}") from gone
        return child

    def _listen(self, timeout_s: float) -> None:
        open_ones = [channel for channel, child in self._by_channel.items() if not child.closed]
        if not open_ones:
            time.sleep(timeout_s)
            return
        for channel in select.select(open_ones, [], [], timeout_s)[0]:
            self._hear(self._by_channel[channel])
