"""The server's side of one connection: a producer's, a consumer's, or one that administers."""

import json
import time
from collections.abc import Mapping
from typing import Any

import numpy as np

from .desk import Desk
from .destinations import Destinations
from .model import SimulatedBroker
from .protocol import Block, Kind, Wire, block

__all__ = ["Peer"]


class Peer:
    """`takes_from`: the destination and group whose messages it is given."""

    def __init__(self, wire: Wire, destinations: Destinations, desk: Desk) -> None:
        self.wire = wire
        self.takes_from: tuple[SimulatedBroker, str] | None = None
        self._destinations = destinations
        self._desk = desk
        self._sends_to: tuple[SimulatedBroker, int] | None = None

    def hear(self) -> None:
        for kind, body in self.wire.frames():
            if kind is Kind.SAY:
                self.wire.say(self._answer(json.loads(body)))
            elif self._sends_to is not None:
                broker, connection = self._sends_to
                broker.publish(time.monotonic_ns(), connection, Block.read(body).payloads())

    def confirm(self) -> None:
        if self._sends_to is None:
            return
        broker, connection = self._sends_to
        if broker.answered(connection):
            ranges = [(first, last, fate.value) for first, last, fate in broker.take_confirms(connection)]
            self.wire.send(Kind.CONFIRMS, np.array(ranges, "<i8").tobytes())

    def deliver(self, most: int) -> None:
        """Give it up to `most` of what is ready. The account has the time just before the socket gets them."""
        assert self.takes_from is not None
        broker, group = self.takes_from
        payloads, flags = zip(*broker.take_deliveries(group, most, time.monotonic_ns()), strict=True)
        lengths = [len(payload) for payload in payloads]
        equal = lengths[0] if lengths.count(lengths[0]) == len(lengths) else 0
        self.wire.send(Kind.MESSAGES, *block(len(payloads), equal, lengths, flags), b"".join(payloads))

    def leave(self) -> None:
        self.takes_from = None
        if self._sends_to is not None:
            broker, connection = self._sends_to
            self._sends_to = None
            broker.detach(connection)

    def _answer(self, words: Mapping[str, Any]) -> Mapping[str, Any]:
        match words:
            case {"do": "produce" | "consume", "destination": name} if name not in self._destinations:
                return {"error": f"the simulated broker has no destination {name}: it was not declared, or deleted"}
            case {"do": "produce", "destination": name}:
                broker = self._destinations[name]
                self._sends_to = broker, broker.attach()
            case {"do": "consume", "destination": name, "group": group}:
                self.takes_from = self._destinations[name], group
            case {"do": "leave"}:
                self.leave()
            case _:
                return self._desk.answer(words)
        return {}
