"""No broker: a ring in shared memory between one producer's and one consumer's process.

What it reaches is the generator's own ceiling: stamps, histograms and ledger with nothing in between.
"""

import mmap
import os
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NoReturn

import numpy as np

from brokerbench.contract import (
    NO_CONFIRMS,
    NO_DELIVERIES,
    Batch,
    CannotPromise,
    Confirms,
    Counters,
    Deliveries,
    Destination,
    Endpoints,
    Event,
    Feature,
    Session,
    Settle,
    StandIn,
)
from brokerbench.model import Delivery, Frozen, Guarantee, Promise, PromisePoint, Scenario, ServerKind, Survives
from brokerbench.servers import Library, ServerHost, ServerRecipe

__all__ = ["DRIVER", "NullDriver", "Settings"]

_HEAD_AT, _TAIL_AT, _DATA_AT = 0, 128, 4096  # counters on cache lines of their own, data on a page of its own
_RING_BYTES = 8 * 2**20
_POLL_S = 50e-6  # nothing wakes the other side of shared memory, so it looks again this often
_MOST = 4096  # messages in one receive


class Settings(Frozen):
    """Nothing to set."""


class _Ring:
    """`slots` messages of `size` bytes; head and tail only grow. One writer, one reader, each its own counter."""

    def __init__(self, path: str, size: int) -> None:
        self.slots = _RING_BYTES // size
        length = _DATA_AT + self.slots * size
        with open(path, "r+b") as file:
            if os.fstat(file.fileno()).st_size < length:
                file.truncate(length)
            self._map = mmap.mmap(file.fileno(), length)
        counters = np.frombuffer(self._map, np.uint64, _DATA_AT // 8)
        self.head, self.tail = counters[_HEAD_AT // 8 : _HEAD_AT // 8 + 1], counters[_TAIL_AT // 8 : _TAIL_AT // 8 + 1]
        self.rows = np.frombuffer(self._map, np.uint8, self.slots * size, _DATA_AT).reshape(self.slots, size)


class _Producer:
    def __init__(self, ring: _Ring) -> None:
        self._ring = ring
        self._head = int(ring.head[0])

    def room(self) -> int:
        return self._ring.slots - (self._head - int(self._ring.tail[0]))

    def send(self, batch: Batch) -> int:
        ring = self._ring
        count = min(batch.count, self.room())
        size = batch.size_bytes
        block = np.frombuffer(batch.buffer, np.uint8, count * size).reshape(count, size)
        at = self._head % ring.slots
        fits = min(count, ring.slots - at)
        ring.rows[at : at + fits] = block[:fits]
        ring.rows[: count - fits] = block[fits:]
        self._head += count
        ring.head[0] = self._head  # published after the data: x86-64 and the interpreter keep that order
        return count

    def confirms(self, timeout_s: float) -> Confirms:
        if timeout_s > 0:
            time.sleep(min(timeout_s, _POLL_S * 10) if self.room() else _POLL_S)
        return NO_CONFIRMS

    def close(self) -> None:
        pass


class _Consumer:
    def __init__(self, ring: _Ring, size: int) -> None:
        self._ring, self._size = ring, size
        self._tail = int(ring.tail[0])

    def receive(self, timeout_s: float) -> Deliveries:
        ring = self._ring
        ring.tail[0] = self._tail  # what the last call gave has been looked at: its slots are free
        waited = 0.0
        while (there := int(ring.head[0]) - self._tail) == 0:
            if waited >= timeout_s:
                return NO_DELIVERIES
            time.sleep(_POLL_S)
            waited += _POLL_S
        at = self._tail % ring.slots
        count = min(there, ring.slots - at, _MOST)
        self._tail += count
        return Deliveries(count, buffer=ring.rows[at : at + count].reshape(-1), size_bytes=self._size)

    def settle(self, tokens: Any, how: Settle) -> None:
        raise NotImplementedError("nothing is settled here: Feature.SETTLE is not declared")

    def close(self) -> None:
        self._ring.tail[0] = self._tail


class _Connection:
    def __init__(self, session: Session) -> None:
        self._ring = _Ring(session.endpoints.extra["ring"], session.size_bytes)
        self._size = session.size_bytes

    def producer(self, lanes: int = 1) -> _Producer:
        return _Producer(self._ring)

    def consumer(self, lanes: int = 1) -> _Consumer:
        return _Consumer(self._ring, self._size)

    def events(self) -> Sequence[Event]:
        return ()

    def close(self) -> None:
        pass


class _Admin:
    def declare(self, destination: Destination) -> Endpoints:
        shared = Path("/dev/shm") if os.access("/dev/shm", os.W_OK) else Path(tempfile.gettempdir())
        handle, path = tempfile.mkstemp(prefix="brokerbench-ring-", dir=shared)
        os.close(handle)
        groups = dict.fromkeys(destination.groups, destination.name)
        return Endpoints(address={}, destination=destination.name, groups=groups, extra={"ring": path})

    def facts(self, endpoints: Endpoints) -> Mapping[str, str]:
        return {"version": "1", "ring": f"{_RING_BYTES // 2**20} MiB of shared memory"}

    def counters(self, endpoints: Endpoints) -> Counters:
        return Counters()

    def delete(self, endpoints: Endpoints) -> None:
        Path(endpoints.extra["ring"]).unlink(missing_ok=True)

    def busy(self) -> str:
        return ""

    def close(self) -> None:
        pass


class NullDriver:
    name = "null"
    title = "null (shared memory)"
    extra = ""
    Settings = Settings
    clients: Mapping[str, str] = {"ring": "numpy"}
    fast_clients: frozenset[str] = frozenset({"ring"})
    servers: Mapping[ServerKind, ServerRecipe] = {ServerKind.EMBEDDED: Library("shared memory, no server")}

    def features(self, settings: Any) -> frozenset[Feature]:
        return frozenset({Feature.ORDER})

    def promise(self, settings: Any, delivery: Delivery, scenario: Scenario, nodes: int = 1) -> Promise:
        topology = scenario.topology
        if topology.producers != 1 or [g.consumers for g in topology.groups.values()] != [1]:
            raise CannotPromise("null is one ring: one producer, one group with one consumer")
        if delivery.guarantee is not Guarantee.AT_MOST_ONCE or delivery.survives is not Survives.NOTHING:
            raise CannotPromise("null confirms nothing: guarantee: at-most-once, survives: nothing")
        if scenario.message.equal_bytes is None:
            raise CannotPromise("null is a ring of slots of one size: use one size, like size: 1KiB")
        notes = ("1 producer -> 1 consumer over a ring in shared memory",)
        return Promise(Guarantee.AT_MOST_ONCE, Survives.NOTHING, PromisePoint.HANDED_OVER, {}, notes)

    def address(self, url: str) -> Mapping[str, Any]:
        raise ValueError("null has no server, so it takes no url")

    def admin(self, address: Mapping[str, Any], settings: Any) -> _Admin:
        return _Admin()

    def connect(self, session: Session) -> _Connection:
        return _Connection(session)

    def stand_in(self, client: str, settings: Any) -> StandIn | None:
        return _StandIn()


class _StandIn:
    def start(self, host: ServerHost, destination: Destination, canned: Path, size_bytes: int) -> Endpoints:
        path = host.folder / "ring"
        drains = destination.producers > 0
        argv = [sys.executable, "-P", "-m", __name__, str(path), str(size_bytes), "" if drains else str(canned)]
        process = host.spawn(argv, log="stand-in.log")
        host.wait_until(path.exists, process, 20, "the stand-in")
        groups = dict.fromkeys(destination.groups, destination.name)
        return Endpoints(address={}, destination=destination.name, groups=groups, extra={"ring": str(path)})


def _stand_in(path: str, size: int, canned: str) -> NoReturn:
    """The other side of a ring, moving its counter alone: what it empties it does not read, what it fills stays."""
    memory = f"/proc/{os.getpid()}/fd/{os.memfd_create('ring')}"  # gone with us, whatever happens
    ring = _Ring(memory, size)
    if canned:
        rows = np.fromfile(canned, np.uint8).reshape(-1, size)
        ring.rows[:] = rows[np.arange(ring.slots) % len(rows)]
    os.symlink(memory, path)
    while True:
        if canned:
            ring.head[0] = int(ring.tail[0]) + ring.slots
        else:
            ring.tail[0] = ring.head[0]
        time.sleep(10 * _POLL_S)  # a small part of what the ring holds, at any rate


DRIVER = NullDriver()

if __name__ == "__main__":
    _stand_in(sys.argv[1], int(sys.argv[2]), sys.argv[3])
