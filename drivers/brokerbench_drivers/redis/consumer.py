"""What consumers of streams and lists share: commands go out, replies are told apart by the order they come in.

A blocked connection does nothing else, so a read blocks for BLOCK_S at most: acknowledgements sent meanwhile wait no
longer than that, and so does `close`.
"""

import os
import time
from collections import deque
from collections.abc import Sequence
from typing import Any

import hiredis
import numpy as np
from numpy.typing import NDArray

from brokerbench.contract import NO_DELIVERIES, ConnectionLost, Deliveries, Session, Settle

from .link import Link

__all__ = ["BLOCK_S", "Command", "RedisConsumer"]

BLOCK_S = 0.1
_CLOSE_S = 5.0
_MOST = 4096  # messages a read asks for where nothing is settled

Command = tuple[str | bytes | int | float, ...]


class RedisConsumer:
    """One read is open at a time; `_ask` opens it, `_came` gets its replies."""

    def __init__(self, link: Link, session: Session) -> None:
        assert session.group is not None
        self._link = link
        self._key = session.endpoints.destination
        self._name = f"{session.index}-{os.getpid()}-{id(self):x}"
        self._noack: bool = session.settings.noack
        self._prefetch = _MOST if self._noack else session.prefetch
        self._claim_after_s: float = session.settings.claim_after_s
        self._unsettled = 0
        self._reading = 0  # replies of the open read that have not come
        self._awaited: deque[str] = deque()  # the verb of each command not answered, "" where its reply says nothing
        self._payloads: list[bytes] = []
        self._tokens: list[bytes] = []
        self._closed = False

    def receive(self, timeout_s: float) -> Deliveries:
        end = time.monotonic() + timeout_s
        left_s = timeout_s
        while True:
            if not self._reading:
                self._ask(min(left_s, BLOCK_S))
            self._hear(left_s)
            if self._payloads:
                return self._deliver()
            left_s = end - time.monotonic()
            if left_s <= 0:
                return NO_DELIVERIES

    def settle(self, tokens: Any, how: Settle) -> None:
        self._link.check()
        if tokens is None or not len(tokens):
            return
        self._unsettled -= len(tokens)
        if how is Settle.REQUEUE:
            self._requeue(tokens)
        else:  # a rejected message is settled too: there are no dead letters
            self._accept(tokens)

    def close(self) -> None:
        if self._closed:
            return
        self._closed = True
        try:
            self._drain()
            self._leave(self._payloads, self._tokens)
            self._drain()
        except ConnectionLost:
            pass  # what was unsettled comes again as it does after a crash

    def _room(self) -> int:
        return self._prefetch - self._unsettled

    def _take(self, payloads: Sequence[bytes], tokens: Sequence[bytes]) -> None:
        self._payloads += payloads
        if not self._noack:
            self._tokens += tokens
            self._unsettled += len(tokens)

    def _read(self, commands: Sequence[Command]) -> None:
        self._reading += len(commands)
        self._send(commands, [str(command[0]) for command in commands])

    def _tell(self, commands: Sequence[Command]) -> None:
        self._send(commands, [""] * len(commands))

    def _send(self, commands: Sequence[Command], verbs: list[str]) -> None:
        self._awaited += verbs
        self._link.write(b"".join(map(hiredis.pack_command, commands)))

    def _hear(self, timeout_s: float) -> None:
        for reply in self._link.replies(timeout_s):
            if isinstance(reply, Exception):
                self._link.fail(str(reply))
                self._link.check()
            if verb := self._awaited.popleft():
                self._reading -= 1
                self._came(verb, reply)

    def _deliver(self) -> Deliveries:
        payloads, tokens = self._payloads, self._tokens
        self._payloads, self._tokens = [], []
        return Deliveries(
            len(payloads),
            payloads=payloads,
            tokens=None if self._noack else tokens,
            redelivered=self._redelivered(len(payloads)),
        )

    def _drain(self) -> None:
        """All that was asked is answered, within a bounded time."""
        end = time.monotonic() + _CLOSE_S
        while self._link.usable and self._awaited and time.monotonic() < end:
            self._hear(BLOCK_S)

    def _ask(self, block_s: float) -> None:
        """Open a read, of up to `_room` messages; `block_s` 0: of what is there."""
        raise NotImplementedError

    def _came(self, verb: str, reply: Any) -> None:
        raise NotImplementedError

    def _accept(self, tokens: Sequence[bytes]) -> None:
        raise NotImplementedError

    def _requeue(self, tokens: Sequence[bytes]) -> None:
        raise NotImplementedError

    def _leave(self, payloads: Sequence[bytes], tokens: Sequence[bytes]) -> None:
        """The last words; these came when nobody wanted them any more."""
        raise NotImplementedError

    def _redelivered(self, count: int) -> NDArray[np.bool_] | None:
        return None
