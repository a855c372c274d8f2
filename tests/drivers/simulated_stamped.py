"""Messages as the engine stamps them, and a broker that is driven through a script of arrivals."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from brokerbench import stamp
from brokerbench_drivers.simulated.model import SimulatedBroker
from brokerbench_drivers.simulated.settings import Settings

__all__ = ["MS", "TAG", "S", "broker", "canary", "drained", "message", "play", "sequences"]

MS, S = 1_000_000, 1_000_000_000
TAG = 77


def message(sequence: int, intended_ns: int = 0, producer: int = 0, size: int = 64, tag: int = TAG) -> bytes:
    row = np.arange(size, dtype=np.uint8).reshape(1, size)
    head = stamp.head(tag, producer)
    stamp.write(row, head, np.array([sequence], np.uint64), np.array([intended_ns], np.uint64))
    return row.tobytes()


def canary() -> bytes:
    return message(0, tag=TAG | stamp.CANARY)


def broker(groups: Sequence[str] = ("g",), **settings: Any) -> SimulatedBroker:
    """`settings` as a scenario file has them."""
    return SimulatedBroker(Settings.model_validate(settings), groups, seed=1)


def drained(it: SimulatedBroker, group: str = "g") -> list[tuple[int, int]]:
    """Let everything happen; a consumer that always waits takes each message as it departs: (sequence, at ns)."""
    taken = []
    while (at := it.next_ns()) is not None:
        it.advance(at)
        taken += [(sequence, at) for sequence in sequences(it, group, at)]
    return taken


def play(it: SimulatedBroker, arrivals_ns: Sequence[int], group: str = "g") -> Mapping[int, int]:
    """One message at each of these times, numbered as they come; sequence -> when it departed."""
    connection = it.attach()
    for sequence, at in enumerate(arrivals_ns):
        it.publish(at, connection, [message(sequence, at)])
    drained(it, group)
    rows = it.account.rows[0]
    departures = dict(zip(rows.sequence, rows.departure_ns[group], strict=True))
    return {sequence: at for sequence, at in departures.items() if at >= 0}


def sequences(it: SimulatedBroker, group: str = "g", at_ns: int = 0) -> list[int]:
    """Of what is ready, in the order taken."""
    taken = it.take_deliveries(group, 1 << 20, at_ns)
    return [int.from_bytes(payload[:4], "little") for payload, _ in taken]
