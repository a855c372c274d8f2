"""A client library that costs 250 us of CPU for each message it sends: whoever uses it is its own limit."""

import time
from collections.abc import Sequence
from typing import Any

from brokerbench.contract import Batch, Confirms, Connection, Event, Producer, Session
from brokerbench_drivers.simulated.driver import SimulatedDriver

__all__ = ["DRIVER", "REFERENCE"]

REFERENCE = f"{__name__}:DRIVER"
_COST_NS = 250_000


class _Burning:
    def __init__(self, producer: Producer) -> None:
        self._producer = producer

    def room(self) -> int:
        return self._producer.room()

    def send(self, batch: Batch) -> int:
        took = self._producer.send(batch)
        end_ns = time.thread_time_ns() + took * _COST_NS
        while time.thread_time_ns() < end_ns:
            pass
        return took

    def confirms(self, timeout_s: float) -> Confirms:
        return self._producer.confirms(timeout_s)

    def close(self) -> None:
        self._producer.close()


class _Connection:
    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def producer(self, lanes: int = 1) -> Producer:
        return _Burning(self._connection.producer(lanes))

    def consumer(self, lanes: int = 1) -> Any:
        return self._connection.consumer(lanes)

    def events(self) -> Sequence[Event]:
        return self._connection.events()

    def close(self) -> None:
        self._connection.close()


class BurningDriver(SimulatedDriver):
    def connect(self, session: Session) -> Connection:
        return _Connection(super().connect(session))


DRIVER = BurningDriver()
