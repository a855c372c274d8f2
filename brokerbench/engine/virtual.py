"""A trial in virtual time: the engine's own loops, recorder and ledger, in threads of which one runs at a time.

A second costs as long as its messages take to work through, nothing waits, and nothing disturbs: what comes out is
exact and the same each time. Only a driver that lives in this process can take part (the simulated broker).
"""

import json
import select
import threading
import traceback
from collections import deque
from collections.abc import Callable
from pathlib import Path
from typing import Any

from brokerbench.contract import BadTarget, ConnectionLost, Driver

from .channel import ChannelClosed
from .clock import Clock
from .consume import run_consumer
from .fleet import Child, Fleet
from .produce import run_producer
from .spec import ChildSpec

__all__ = ["VirtualClock", "VirtualFleet"]

_START_NS = 1_000_000_000  # t0 = 0 would mean "not told yet"


class _Task:
    """A thread that takes part. It may run while it holds the baton."""

    def __init__(self) -> None:
        self.baton = threading.Semaphore(0)
        self.until_ns = 0
        self.ready: Callable[[], bool] = lambda: True


class VirtualClock:
    """Time passes only when every task waits, and then at once to whatever comes next.

    The thread that makes the clock is its first task. Implements Clock.
    """

    wake_ns = 0
    real = False

    def __init__(self) -> None:
        self._now = _START_NS
        self._sources: list[tuple[Callable[[], int | None], Callable[[int], None]]] = []
        self._running = _Task()
        self._tasks = deque([self._running])

    def now_ns(self) -> int:
        return self._now

    def sleep_s(self, seconds: float) -> None:
        self.wait(self._now + round(seconds * 1e9), lambda: False)

    def readable(self, fd: int, timeout_s: float) -> bool:
        def ready() -> bool:
            return bool(select.select([fd], [], [], 0)[0])

        self.wait(self._now + round(timeout_s * 1e9), ready)
        return ready()

    def wait(self, until_ns: int, ready: Callable[[], bool]) -> None:
        """Returns once `ready()`, or at `until_ns`."""
        if ready() or until_ns <= self._now:
            return
        me = self._running
        me.until_ns, me.ready = until_ns, ready
        self._hand_on()
        me.baton.acquire()

    def source(self, next_ns: Callable[[], int | None], advance: Callable[[int], None]) -> None:
        """Something that happens by itself: when next, and what lets it happen up to a time."""
        self._sources.append((next_ns, advance))

    def start(self, work: Callable[[], None]) -> None:
        """A new task; it runs when the others wait."""
        task = _Task()
        self._tasks.append(task)

        def run() -> None:
            task.baton.acquire()
            try:
                work()
            finally:
                self._tasks.remove(task)
                self._hand_on()

        threading.Thread(target=run, daemon=True, name="virtual").start()

    def _hand_on(self) -> None:
        task = self._runnable()
        while task is None:
            self._pass_time()
            task = self._runnable()
        self._running = task
        task.baton.release()

    def _runnable(self) -> _Task | None:
        for _ in range(len(self._tasks)):
            task = self._tasks[0]
            self._tasks.rotate(-1)  # the one that ran last is asked last
            if task.until_ns <= self._now or task.ready():
                return task
        return None

    def _pass_time(self) -> None:
        times = [task.until_ns for task in self._tasks]
        times += [at for next_ns, _ in self._sources if (at := next_ns()) is not None]
        self._now = max(self._now, min(times))
        for _, advance in self._sources:
            advance(self._now)


class _Channel:
    """One end of a channel inside this process. What is said goes through JSON all the same."""

    def __init__(self, clock: VirtualClock) -> None:
        self._clock = clock
        self._heard: deque[str] = deque()
        self._closed = False
        self.other: _Channel | None = None

    @staticmethod
    def pair(clock: VirtualClock) -> "tuple[_Channel, _Channel]":
        ours, theirs = _Channel(clock), _Channel(clock)
        ours.other, theirs.other = theirs, ours
        return ours, theirs

    def send(self, message: dict[str, Any]) -> None:
        if self.other is None or self.other._closed:
            raise ChannelClosed
        self.other._heard.append(json.dumps(message))

    def poll(self, timeout_s: float = 0.0) -> list[dict[str, Any]]:
        if timeout_s:
            self._clock.wait(self._clock.now_ns() + round(timeout_s * 1e9), self.readable)
        if not self._heard and self.other is not None and self.other._closed:
            raise ChannelClosed
        messages = [json.loads(text) for text in self._heard]
        self._heard.clear()
        return messages

    def readable(self) -> bool:
        return bool(self._heard) or (self.other is not None and self.other._closed)

    def close(self) -> None:
        self._closed = True


class _Thread:
    """Stands where a child's process does."""

    pid = 0
    returncode = 0

    def __init__(self) -> None:
        self.ended = False

    def alive(self) -> bool:
        return not self.ended

    def wait(self, timeout_s: float) -> None:
        pass

    def stop(self, grace_s: float) -> None:
        """It ends by itself once its channel is closed."""


class VirtualFleet(Fleet):
    """Children are tasks of the clock; `driver` is the one they all use."""

    def __init__(self, clock: VirtualClock, driver: Driver, logs: Path, beat: Callable[[], None]) -> None:
        super().__init__(logs, beat, clock)
        self._virtual, self._driver = clock, driver
        self._lines: dict[_Channel, Child] = {}

    def __exit__(self, *_: object) -> None:
        for child in self.children:
            child.channel.close()
        self._virtual.wait(self._virtual.now_ns() + 60_000_000_000, lambda: not any(map(_alive, self.children)))

    def start(self, spec: ChildSpec) -> Child:
        ours, theirs = _Channel.pair(self._virtual)
        thread = _Thread()
        child = self._lines[ours] = Child(spec, thread, ours)
        self.children.append(child)
        self._virtual.start(lambda: _live(spec, self._driver, theirs, self._virtual, thread))
        return child

    def _listen(self, timeout_s: float) -> None:
        open_ones = [line for line, child in self._lines.items() if not child.closed]
        until_ns = self._virtual.now_ns() + round(timeout_s * 1e9)
        self._virtual.wait(until_ns, lambda: any(line.readable() for line in open_ones))
        for line in open_ones:
            if line.readable():
                self._hear(self._lines[line])


def _alive(child: Child) -> bool:
    return bool(child.process.alive())


def _live(spec: ChildSpec, driver: Driver, channel: _Channel, clock: Clock, thread: _Thread) -> None:
    """As brokerbench.engine.child does it in a process."""
    try:
        (run_producer if spec.role == "producer" else run_consumer)(spec, driver, channel, clock)
    except ChannelClosed:
        pass
    except (BadTarget, ConnectionLost) as error:
        channel.send({"say": "failed", "text": str(error)})
    except Exception as error:  # noqa: BLE001 - as in a process, it must reach the user as one line
        traceback.print_exc()
        channel.send({"say": "failed", "text": f"{type(error).__name__}: {error}"})
    finally:
        thread.ended = True
        channel.close()
