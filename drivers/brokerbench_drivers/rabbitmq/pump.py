"""pika's I/O loop, moved only from inside our own calls.

pika's loops run until they are stopped, and epoll rounds a wait up to whole milliseconds; the engine calls with
0.5 ms and less. `Pump` has the interface that pika asks of a loop (`AbstractSelectorIOLoop`) and waits in
select(2), in microseconds. select takes descriptors below 1024: a child process holds a handful.
"""

import heapq
import select
import time
from collections import deque
from collections.abc import Callable
from itertools import count

__all__ = ["Pump"]

Handler = Callable[[int, int], None]


class _Timer:
    __slots__ = ("callback",)

    def __init__(self, callback: Callable[[], object]) -> None:
        self.callback: Callable[[], object] | None = callback


class Pump:
    """One thread; not reentrant."""

    READ = 1
    WRITE = 4
    ERROR = 8

    def __init__(self) -> None:
        self._handlers: dict[int, Handler] = {}
        self._read: list[int] = []
        self._write: list[int] = []
        self._timers: list[tuple[float, int, _Timer]] = []
        self._order = count()
        self._soon: deque[Callable[[], object]] = deque()  # pika's address lookup appends from a thread of its own

    # What pika calls.

    def add_handler(self, fd: int, handler: Handler, events: int) -> None:
        self._handlers[fd] = handler
        self.update_handler(fd, events)

    def update_handler(self, fd: int, events: int) -> None:
        for watched, bit in ((self._read, self.READ), (self._write, self.WRITE)):
            if events & bit:
                if fd not in watched:
                    watched.append(fd)
            elif fd in watched:
                watched.remove(fd)

    def remove_handler(self, fd: int) -> None:
        self.update_handler(fd, 0)
        del self._handlers[fd]

    def call_later(self, delay: float, callback: Callable[[], object]) -> _Timer:
        timer = _Timer(callback)
        heapq.heappush(self._timers, (time.monotonic() + delay, next(self._order), timer))
        return timer

    def remove_timeout(self, timeout_handle: _Timer) -> None:
        timeout_handle.callback = None

    def add_callback(self, callback: Callable[[], object]) -> None:
        self._soon.append(callback)

    def start(self) -> None:
        raise RuntimeError("a Pump runs only inside step(); nothing may block in start()")

    def stop(self) -> None:
        """Nothing runs between two steps."""

    def close(self) -> None:
        self._timers.clear()
        self._soon.clear()

    # What we call.

    @property
    def writing(self) -> bool:
        """Output is waiting: the socket took less than there is."""
        return bool(self._write)

    def flush(self) -> None:
        """Hand what is waiting to the socket, as much as it takes."""
        for fd in tuple(self._write):
            self._handlers[fd](fd, self.WRITE)

    def step(self, timeout_s: float) -> None:
        """One round: what is due, then input and output; waits for them up to `timeout_s`."""
        self._run_due()
        wait_s = 0.0 if self._soon else timeout_s
        if self._timers:
            wait_s = min(wait_s, max(0.0, self._timers[0][0] - time.monotonic()))
        readable, writable, broken = select.select(self._read, self._write, self._write, wait_s)
        if readable or writable or broken:
            self._dispatch(readable, [*writable, *broken])
            self._run_soon()

    def until(self, done: Callable[[], object], timeout_s: float, slice_s: float = 1.0) -> bool:
        """Step until `done`; false when time is up first. `slice_s` bounds a step where another thread may add work."""
        deadline = time.monotonic() + timeout_s
        left = timeout_s
        while True:
            self.step(max(0.0, min(left, slice_s)))
            if done():
                return True
            left = deadline - time.monotonic()
            if left <= 0:
                return False

    def _dispatch(self, readable: list[int], writable: list[int]) -> None:
        ready: dict[int, int] = dict.fromkeys(readable, self.READ)
        for fd in writable:
            ready[fd] = ready.get(fd, 0) | self.WRITE
        for fd, events in ready.items():
            handler = self._handlers.get(fd)  # one handler may remove another
            if handler is not None:
                handler(fd, events)

    def _run_soon(self) -> None:
        for _ in range(len(self._soon)):
            self._soon.popleft()()

    def _run_due(self) -> None:
        self._run_soon()
        while self._timers and (self._timers[0][2].callback is None or self._timers[0][0] <= time.monotonic()):
            callback = heapq.heappop(self._timers)[2].callback
            if callback is not None:
                callback()
