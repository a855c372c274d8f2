"""Receiving: stomp.py's thread puts each MESSAGE into an Inbox; acknowledgements leave as one block."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from brokerbench.contract import Deliveries, Session, Settle
from brokerbench.inbox import Inbox

from .link import Link
from .names import subscribed
from .window import window_headers

__all__ = ["StompConsumer"]

_ACKS = {"individual": "client-individual", "cumulative": "client", "auto": "auto"}


class StompConsumer:
    def __init__(self, link: Link, session: Session) -> None:
        assert session.group is not None
        settings = session.settings
        self._link = link
        self._inbox = Inbox()
        self._ack: str = settings.ack
        self._flagged = settings.product == "classic"  # Artemis does not flag every one
        self._settled = _Settled()
        link.on_frame = self._on_frame
        link.on_lost(self._inbox.fail)
        destination = subscribed(session.endpoints, settings.product, session.group)
        link.subscribe(destination, _ACKS[self._ack], window_headers(session))

    def _on_frame(self, frame: Any) -> None:
        headers = frame.headers
        self._inbox.put(frame.body, (headers.get("ack"), headers.get("redelivered") == "true"))

    def receive(self, timeout_s: float) -> Deliveries:
        self._link.behind()
        deliveries = self._inbox.receive(timeout_s)
        if self._ack == "auto":
            deliveries.tokens = None
        elif deliveries.count:
            ids, again = zip(*deliveries.tokens, strict=True)
            deliveries.tokens = ids if self._ack == "individual" else self._settled.numbered(ids)
            deliveries.redelivered = np.array(again, dtype=np.bool_) if self._flagged else None
        return deliveries

    def settle(self, tokens: Any, how: Settle) -> None:
        self._link.check()
        if tokens is None or len(tokens) == 0:
            return
        if how is Settle.REQUEUE or (how is Settle.REJECT and self._ack != "individual"):
            raise NotImplementedError(
                f"ActiveMQ's STOMP with ack: {self._ack} has no {how.value}: what is not accepted comes again when its"
                " consumer leaves"
            )
        ids = tokens if self._ack == "individual" else self._settled.up_to(tokens)
        if ids:
            self._link.put(_block("NACK" if how is Settle.REJECT else "ACK", ids))

    def close(self) -> None:
        self._link.close()


class _Settled:
    """A cumulative ACK covers all before it, so it names the last message before which all are settled."""

    def __init__(self) -> None:
        self._ids: dict[int, str] = {}
        self._ahead: set[int] = set()
        self._next = self._low = 0

    def numbered(self, ids: Sequence[str]) -> range:
        first, self._next = self._next, self._next + len(ids)
        numbers = range(first, self._next)
        self._ids.update(zip(numbers, ids, strict=True))
        return numbers

    def up_to(self, numbers: Sequence[int]) -> Sequence[str]:
        self._ahead.update(numbers)
        named = ""
        while self._low in self._ahead:
            self._ahead.discard(self._low)
            named = self._ids.pop(self._low)
            self._low += 1
        return (named,) if named else ()


def _block(verb: str, ids: Sequence[str]) -> bytes:
    """One frame for each id; Classic's ids have colons, which STOMP 1.2 escapes."""
    between = f"\n\n\0{verb}\nid:"
    return (between[3:] + "\0".join(ids).replace(":", "\\c").replace("\0", between) + "\n\n\0").encode()
