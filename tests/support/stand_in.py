"""A driver's stand-in at work in a process of its own, and the connections to it."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from brokerbench.contract import Connection, Destination, Driver, Endpoints, Fate, Producer, Session
from brokerbench.servers import Host
from tests.conformance.lab import DEADLINE_S, until, within
from tests.conformance.payloads import batch

__all__ = ["PREFETCH", "Stage", "send_all"]

PREFETCH = 50


class Stage:
    """`canned`: messages of one size, which the stand-in gives out again and again."""

    def __init__(
        self,
        host: Host,
        folder: Path,
        driver: Driver,
        client: str,
        settings: Any,
        canned: Sequence[bytes],
        in_flight: int = 200,
    ) -> None:
        self.host, self.driver, self.client, self.settings = host, driver, client, settings
        self.canned, self.size, self._in_flight = list(canned), len(canned[0]), in_flight
        self._file = folder / "canned"
        self._file.write_bytes(b"".join(canned))
        self._open: list[Connection] = []

    def start(self, destination: Destination) -> Endpoints:
        stand_in = self.driver.stand_in(self.client, self.settings)
        assert stand_in is not None
        self.endpoints = stand_in.start(self.host, destination, self._file, self.size)
        return self.endpoints

    def connect(self, group: str | None = None, index: int = 0, **changed: object) -> Connection:
        """`changed`: settings of this connection alone."""
        settings = self.settings.model_copy(update=changed)
        session = Session(self.endpoints, self.client, settings, self._in_flight, PREFETCH, self.size, index, group)
        made = self.driver.connect(session)
        self._open.append(made)
        return made

    def close(self) -> None:
        for connection in self._open:
            within(DEADLINE_S, connection.close, "Connection.close")
        self.host.close(1.0)


def send_all(producer: Producer, payloads: Sequence[bytes], count: int, *, confirming: bool = True) -> Any:
    """How often each of `count` messages was confirmed, once all were (or, where nothing confirms, once all left)."""
    answers, sent = np.zeros(count, int), 0

    def done() -> bool:
        nonlocal sent
        room = min(producer.room(), count - sent)
        if room > 0:
            sent += producer.send(batch([payloads[i % len(payloads)] for i in range(sent, sent + room)]))
        found = producer.confirms(0.001)
        for first, last, fate in zip(found.first.tolist(), found.last.tolist(), found.fate.tolist(), strict=True):
            assert fate == Fate.CONFIRMED.value
            answers[first : last + 1] += 1
        return sent == count and (bool(answers.all()) or not confirming)

    until(done, f"{count} messages sent, and confirmed where it confirms")
    assert len(producer.confirms(0.01)) == 0
    return answers
