"""Reading a stream in a group: XREADGROUP and XACK in blocks, XAUTOCLAIM for what dead consumers left."""

import time
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from brokerbench.contract import Session

from .consumer import RedisConsumer
from .link import Link

__all__ = ["StreamConsumer"]


class StreamConsumer(RedisConsumer):
    def __init__(self, link: Link, session: Session) -> None:
        super().__init__(link, session)
        assert session.group is not None
        self._group = session.endpoints.groups[session.group]
        self._claim_ms = int(self._claim_after_s * 1000)
        self._claim_at_s = 0.0
        self._cursor = b"0-0"  # a claim looks at some ten times as many as it may take, then goes on from there
        self._claimed = False

    def _ask(self, block_s: float) -> None:
        room = self._room()
        if room <= 0:
            return
        if not self._noack and (now := time.monotonic()) >= self._claim_at_s:
            self._claim_at_s = now + self._claim_after_s / 2
            mine = (self._key, self._group, self._name)
            self._read([("XAUTOCLAIM", *mine, self._claim_ms, self._cursor, "COUNT", room)])
            return
        block = ("BLOCK", max(1, int(block_s * 1000))) if block_s > 0 else ()  # BLOCK 0 would mean for ever
        noack = ("NOACK",) if self._noack else ()
        self._read(
            [("XREADGROUP", "GROUP", self._group, self._name, "COUNT", room, *block, *noack, "STREAMS", self._key, ">")]
        )

    def _came(self, verb: str, reply: Any) -> None:
        self._claimed = verb == "XAUTOCLAIM"
        if self._claimed:
            self._cursor = reply[0]
        entries = reply[1] if self._claimed else reply[0][1] if reply else []
        entries = [entry for entry in entries if entry is not None]  # Redis 6.2: None where a claimed one was trimmed
        self._take([fields[-1] for _, fields in entries], [token for token, _ in entries])

    def _accept(self, tokens: Sequence[bytes]) -> None:
        self._tell([("XACK", self._key, self._group, *tokens)])

    def _requeue(self, tokens: Sequence[bytes]) -> None:
        """As if they had been held for `claim_after` already: the next claim, of any consumer, takes them."""
        mine = (self._key, self._group, self._name)
        self._tell([("XCLAIM", *mine, 0, *tokens, "IDLE", self._claim_ms, "JUSTID")])
        self._claim_at_s, self._cursor = 0.0, b"0-0"

    def _leave(self, payloads: Sequence[bytes], tokens: Sequence[bytes]) -> None:
        if tokens:
            self._requeue(tokens)

    def _redelivered(self, count: int) -> NDArray[np.bool_] | None:
        """What is read with ">" was never delivered before; what is claimed was."""
        return None if self._noack else np.full(count, self._claimed)
