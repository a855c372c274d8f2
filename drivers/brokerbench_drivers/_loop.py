"""For client libraries that live on an asyncio loop, while the engine calls from its own thread: one hop between them
for each batch.
"""

import asyncio
import threading
from collections import deque
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, TypeVar

__all__ = ["LoopThread", "Pump"]

T = TypeVar("T")
Burst = Callable[[], Awaitable[None]]


class LoopThread:
    """An asyncio loop in a daemon thread."""

    def __init__(self, name: str) -> None:
        self.loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self.loop.run_forever, name=name, daemon=True)
        self._thread.start()

    def run(self, work: Coroutine[Any, Any, T], timeout_s: float) -> T:
        """Run to the end on the loop. Raises TimeoutError, having cancelled it."""

        async def bounded() -> T:
            async with asyncio.timeout(timeout_s):
                return await work

        return asyncio.run_coroutine_threadsafe(bounded(), self.loop).result()

    def call(self, function: Callable[..., object], *args: Any) -> None:
        self.loop.call_soon_threadsafe(function, *args)

    def close(self) -> None:
        """End every task, then the loop, then the thread."""
        if self.loop.is_closed():
            return

        async def cancel_all() -> None:
            tasks = asyncio.all_tasks() - {asyncio.current_task()}
            for task in tasks:
                task.cancel()
            await asyncio.wait(tasks, timeout=1) if tasks else None

        self.run(cancel_all(), 5)
        self.call(self.loop.stop)
        self._thread.join()
        self.loop.close()


class Pump:
    """Runs bursts of publishing one after the other: two tasks would mix their messages where the client waits."""

    def __init__(self, thread: LoopThread, failed: Callable[[Exception], None]) -> None:
        self._thread = thread
        self._failed = failed
        self._bursts: deque[Burst] = deque()
        self._task: asyncio.Task[None] | None = None

    def offer(self, burst: Burst) -> None:
        """From the engine's thread."""
        self._thread.call(self._start, burst)

    def _start(self, burst: Burst) -> None:
        self._bursts.append(burst)
        if self._task is None or self._task.done():
            self._task = self._thread.loop.create_task(self._run())

    async def _run(self) -> None:
        try:
            while self._bursts:
                await self._bursts.popleft()()
        except Exception as error:  # noqa: BLE001 - whatever it is, the engine hears of it and stops using us
            self._bursts.clear()
            self._failed(error)

    async def drained(self) -> None:
        """On the loop: returns when all that was offered has been published."""
        if self._task is not None:
            await asyncio.wait({self._task})
