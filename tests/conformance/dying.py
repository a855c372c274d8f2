"""A consumer in a process of its own, that takes messages, settles none and is killed."""

import multiprocessing
from multiprocessing.connection import Connection
from types import TracebackType

import brokerbench_drivers
from brokerbench.contract import Session

__all__ = ["Holder"]

_WAIT_S = 60


def _hold(driver: str, session: Session, count: int, pipe: Connection) -> None:
    consumer = brokerbench_drivers.load(driver).connect(session).consumer()
    held = 0
    while held < count:
        held += consumer.receive(0.1).count
    pipe.send(held)
    while True:
        consumer.receive(0.1)


class Holder:
    def __init__(self, driver: str, session: Session, count: int) -> None:
        method = multiprocessing.get_context("spawn")
        self._pipe, theirs = method.Pipe()
        self._process = method.Process(target=_hold, args=(driver, session, count, theirs), daemon=True)

    def __enter__(self) -> "Holder":
        self._process.start()
        return self

    def wait_until_it_holds(self) -> None:
        assert self._pipe.poll(_WAIT_S), "the other process did not get the messages"
        self._pipe.recv()

    def kill(self) -> None:
        """SIGKILL: no goodbye is said to the broker."""
        self._process.kill()
        self._process.join()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.kill()
        self._pipe.close()
