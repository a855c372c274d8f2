"""The simulated broker as a process of its own: the model driven by CLOCK_MONOTONIC, on a port of 127.0.0.1.

`python -m brokerbench_drivers.simulated.server --port 4100 --accounts DIR`
"""

import argparse
import ctypes
import gc
import selectors
import signal
import socket
import sys
import time
from collections import deque
from collections.abc import Callable
from functools import partial
from pathlib import Path

from brokerbench.contract import ConnectionLost

from .desk import Desk
from .destinations import Destinations
from .model import SimulatedBroker
from .peers import Peer
from .protocol import Wire

__all__ = ["main"]

_SPIN_NS = 100_000  # a sleep ends some 50 µs late, so the last moments before something is due are spent awake
_PR_SET_TIMERSLACK = 29  # prctl(2): by how much the kernel may lengthen our sleeps, 50 µs unless told
_IDLE_S = 1.0
_MOST = 512  # messages of one frame


class _Server:
    def __init__(self, listener: socket.socket, accounts: Path) -> None:
        self._listener = listener
        self._destinations = Destinations()
        self._desk = Desk(self._destinations, accounts)
        # select() is told its time in microseconds, epoll in milliseconds; there are few connections.
        self._selector = selectors.SelectSelector()
        self._selector.register(listener, selectors.EVENT_READ)
        self._peers: deque[Peer] = deque()

    def run(self) -> None:
        while True:
            self._listen(self._destinations.next_ns())
            self._destinations.advance(time.monotonic_ns())
            for peer in list(self._peers):
                self._or_drop(peer, peer.confirm)
            self._deliver()

    def _listen(self, due: int | None) -> None:
        events = self._events(due)
        for key, mask in events:
            if key.data is None:
                self._meet()
                continue
            if mask & selectors.EVENT_WRITE:
                self._or_drop(key.data, key.data.wire.flush)
            if mask & selectors.EVENT_READ:
                self._or_drop(key.data, key.data.hear)

    def _events(self, due: int | None) -> list[tuple[selectors.SelectorKey, int]]:
        """Until something comes in, or it is `due`."""
        select, clock = self._selector.select, time.monotonic_ns
        if due is None:
            return select(_IDLE_S)
        events = select(max(0, due - clock() - _SPIN_NS) / 1e9)
        awake = now = clock()
        while not events and now < due:
            events = select(0)
            now = clock()
        self._desk.spin_ns += now - awake
        return events

    def _meet(self) -> None:
        peer = Peer(Wire(self._listener.accept()[0]), self._destinations, self._desk)
        self._peers.append(peer)
        self._selector.register(peer.wire, selectors.EVENT_READ, peer)

    def _deliver(self) -> None:
        """Consumers of a group share what is ready, and take turns at being the first."""
        takers: dict[tuple[SimulatedBroker, str], list[Peer]] = {}
        for peer in self._peers:
            if peer.takes_from is not None:
                takers.setdefault(peer.takes_from, []).append(peer)
        for (broker, group), peers in takers.items():
            while broker.ready(group) and (free := [peer for peer in peers if self._may_take(peer)]):
                share = min(_MOST, -(-broker.ready(group) // len(free)))
                for peer in free:
                    if broker.ready(group):
                        self._or_drop(peer, partial(peer.deliver, share))
        self._peers.rotate()

    def _may_take(self, peer: Peer) -> bool:
        return peer in self._peers and not peer.wire.behind

    def _or_drop(self, peer: Peer, work: Callable[[], None]) -> None:
        """What a connection is due, unless it is gone; what its socket did not take now goes out when it can."""
        if peer not in self._peers:
            return
        try:
            work()
        except ConnectionLost:
            self._selector.unregister(peer.wire)
            self._peers.remove(peer)
            peer.leave()
            peer.wire.close()
            return
        wanted = selectors.EVENT_READ | (selectors.EVENT_WRITE if peer.wire.behind else 0)
        if self._selector.get_key(peer.wire).events != wanted:
            self._selector.modify(peer.wire, wanted, peer)


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="brokerbench_drivers.simulated.server", description=__doc__)
    parser.add_argument("--port", type=int, required=True, help="of 127.0.0.1")
    parser.add_argument("--accounts", type=Path, default=Path(), help="folder for accounts that are asked for")
    options = parser.parse_args(arguments)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    with socket.create_server(("127.0.0.1", options.port), backlog=64) as listener:
        print(f"listening on 127.0.0.1:{options.port}", flush=True)
        ctypes.CDLL(None).prctl(_PR_SET_TIMERSLACK, 1, 0, 0, 0)
        gc.collect()
        gc.freeze()
        gc.disable()  # nothing here makes cycles, and a collection would be a stall that nobody asked for
        _Server(listener, options.accounts).run()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
