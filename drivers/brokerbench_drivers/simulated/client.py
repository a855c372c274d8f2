"""The client side in a child: blocks of messages straight to and from the socket."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from brokerbench.contract import (
    NO_CONFIRMS,
    NO_DELIVERIES,
    BadTarget,
    Batch,
    Confirms,
    ConnectionLost,
    Consumer,
    Deliveries,
    Event,
    Producer,
    Session,
    Settle,
)

from .link import ask, leave, reach
from .protocol import Block, Kind, Wire, block

__all__ = ["SimulatedConnection"]


class SimulatedConnection:
    def __init__(self, session: Session) -> None:
        self._session = session
        self._wires: list[Wire] = []

    def producer(self, lanes: int = 1) -> Producer:
        return SimulatedProducer(self._open(do="produce"), self._session)

    def consumer(self, lanes: int = 1) -> Consumer:
        wire = self._open(do="consume", group=self._session.group)
        return SimulatedConsumer(wire, self._session.settings.redelivered_flag)

    def events(self) -> Sequence[Event]:
        return ()

    def close(self) -> None:
        for wire in self._wires:
            leave(wire)

    def _open(self, **words: Any) -> Wire:
        endpoints = self._session.endpoints
        wire = reach(endpoints.address)
        self._wires.append(wire)
        try:
            ask(wire, destination=endpoints.destination, **words)
        except ConnectionLost as lost:
            raise BadTarget(str(lost)) from lost
        return wire


class SimulatedProducer:
    """Handed over once the socket has it; while the socket takes no more, there is no room."""

    def __init__(self, wire: Wire, session: Session) -> None:
        self._wire = wire
        self._in_flight = session.in_flight
        self._confirming = session.settings.confirms
        self._unanswered = 0
        self._lost: ConnectionLost | None = None

    def room(self) -> int:
        return 0 if self._wire.behind else self._in_flight - self._unanswered

    def send(self, batch: Batch) -> int:
        self._check()
        count = min(batch.count, self.room())
        if count <= 0:
            return 0
        offsets = batch.offsets[: count + 1]
        head = block(count, batch.size_bytes, np.diff(offsets))
        try:
            self._wire.send(Kind.MESSAGES, *head, batch.buffer[: int(offsets[-1])])
        except ConnectionLost as lost:  # part of it may be gone: told by the next call
            self._lost = lost
        if self._confirming:
            self._unanswered += count
        return count

    def confirms(self, timeout_s: float) -> Confirms:
        self._check()
        wire = self._wire
        if timeout_s > 0:
            wire.wait(timeout_s, to_send=wire.behind)
        wire.flush()
        rows = [np.frombuffer(body, "<i8").reshape(-1, 3) for kind, body in wire.frames() if kind is Kind.CONFIRMS]
        if not rows:
            return NO_CONFIRMS
        table = rows[0] if len(rows) == 1 else np.concatenate(rows)
        first, last = table[:, 0], table[:, 1]
        self._unanswered -= int((last - first + 1).sum())
        return Confirms(first, last, table[:, 2].astype(np.uint8))

    def close(self) -> None:
        leave(self._wire)

    def _check(self) -> None:
        if self._lost is not None:
            raise self._lost


class SimulatedConsumer:
    def __init__(self, wire: Wire, flagging: bool) -> None:
        self._wire = wire
        self._flagging = flagging

    def receive(self, timeout_s: float) -> Deliveries:
        wire = self._wire
        blocks = self._read()
        if not blocks and timeout_s > 0:
            wire.wait(timeout_s)
            blocks = self._read()
        return self._deliveries(blocks) if blocks else NO_DELIVERIES

    def _read(self) -> list[Block]:
        return [Block.read(body) for kind, body in self._wire.frames() if kind is Kind.MESSAGES]

    def _deliveries(self, blocks: list[Block]) -> Deliveries:
        count, size = sum(each.count for each in blocks), blocks[0].size_bytes
        flags = self._flags(blocks) if self._flagging else None
        if size and all(each.size_bytes == size for each in blocks):
            data = blocks[0].data if len(blocks) == 1 else memoryview(b"".join(each.data for each in blocks))
            return Deliveries(count, buffer=data, size_bytes=size, redelivered=flags)
        return Deliveries(count, payloads=[p for each in blocks for p in each.payloads()], redelivered=flags)

    def _flags(self, blocks: list[Block]) -> Any:
        return np.concatenate([np.zeros(b.count, np.bool_) if b.flags is None else b.flags for b in blocks])

    def settle(self, tokens: Any, how: Settle) -> None:
        raise NotImplementedError("nothing is settled here: Feature.SETTLE is not declared")

    def close(self) -> None:
        leave(self._wire)
