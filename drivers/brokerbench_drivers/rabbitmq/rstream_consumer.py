"""Reading a stream with rstream: a chunk of messages for each credit, given again as the engine takes them."""

from typing import Any

from rstream import schema
from rstream.constants import OffsetType

from brokerbench.contract import Deliveries, Session, Settle
from brokerbench.inbox import Inbox

from .rstream_link import RstreamLink

__all__ = ["RstreamConsumer"]

SUBSCRIPTION = 0  # one a connection
CREDITS = 10  # chunks on their way; rstream's own default


class RstreamConsumer:
    def __init__(self, link: RstreamLink, session: Session) -> None:
        assert session.group is not None
        self._link = link
        self._inbox = Inbox()
        self._enough = session.prefetch  # messages that wait for the engine before no more is asked for
        self._stream = session.endpoints.groups[session.group]
        self._offset: str = session.settings.offset
        self._owed = 0  # credits held back
        self._closed = False
        link.on_lost(self._inbox.fail)
        link.ask(self._subscribe(), f"messages of {self._stream!r}")

    async def _subscribe(self) -> None:
        client = self._link.client
        start = schema.OffsetSpec(OffsetType.NEXT if self._offset == "next" else OffsetType.FIRST)
        await client.run_queue_listener_task(SUBSCRIPTION, self._on_chunk)
        client.add_handler(schema.Deliver, self._on_chunk, name=str(SUBSCRIPTION))
        await client.subscribe(self._stream, SUBSCRIPTION, start, CREDITS)

    async def _on_chunk(self, frame: Any) -> None:
        put = self._inbox.put
        for message in frame.get_messages():
            put(message)
        self._owed += 1
        await self._give()

    async def _give(self) -> None:
        if self._owed and len(self._inbox) < self._enough:
            owed, self._owed = self._owed, 0
            await self._link.client.credit(SUBSCRIPTION, owed)

    def receive(self, timeout_s: float) -> Deliveries:
        deliveries = self._inbox.receive(timeout_s)
        if self._owed and len(self._inbox) < self._enough:
            self._link.thread.call(self._give_soon)
        deliveries.tokens = None
        return deliveries

    def _give_soon(self) -> None:
        self._giving = self._link.thread.loop.create_task(self._give())

    def settle(self, tokens: Any, how: Settle) -> None:
        """Nothing to do: a stream forgets nothing by it."""

    def close(self) -> None:
        if not self._closed:
            self._closed = True
            if self._link.usable:
                self._link.attempt(self._link.client.unsubscribe(SUBSCRIPTION))
