"""Publishing with rstream, in bursts on its loop; publishing ids are the messages' ordinals."""

from typing import Any

from rstream import schema

from brokerbench.contract import NO_CONFIRMS, Confirms, Session
from brokerbench.inbox import Mailbox
from brokerbench_drivers._bursts import BurstProducer
from brokerbench_drivers._ranges import confirms_of

from .rstream_link import FRAME_MAX, RstreamLink

__all__ = ["RstreamProducer"]

PUBLISHER = 0  # one a connection
FRAME_BYTES, MESSAGE_BYTES = 13, 12  # of a publish frame, and of each message in it, beside the payload
FRAME_MESSAGES = 1000
MOST = 8192

Answer = tuple[list[int], list[int]]  # confirmed, refused


class RstreamProducer(BurstProducer[RstreamLink]):
    """The broker always confirms. Without `confirms` nobody waits for it: a message has left once it is written."""

    def __init__(self, link: RstreamLink, session: Session) -> None:
        super().__init__(link, session)
        self._confirms: bool = session.settings.confirms
        self._answers: Mailbox[Answer] = Mailbox()
        link.on_lost(self._answers.fail)
        stream = session.endpoints.extra["routing_key"]
        link.ask(self._declare(stream), f"a publisher of {stream!r}")

    async def _declare(self, stream: str) -> None:
        client = self._link.client
        client.add_handler(schema.PublishConfirm, self._on_confirm)
        client.add_handler(schema.PublishError, self._on_error)
        await client.declare_publisher(stream, None, PUBLISHER)

    def room(self) -> int:
        return super().room() if self._link.usable else 0

    async def _burst(self, payloads: list[bytes], first: int) -> None:
        messages: list[schema.Message] = []
        size = FRAME_BYTES
        for ordinal, payload in enumerate(payloads, first):
            size += MESSAGE_BYTES + len(payload)
            if size > FRAME_MAX or len(messages) == FRAME_MESSAGES:
                await self._write(messages)
                messages, size = [], FRAME_BYTES + MESSAGE_BYTES + len(payload)
            messages.append(schema.Message(ordinal, None, payload))
        await self._write(messages)

    async def _write(self, messages: list[schema.Message]) -> None:
        await self._link.client.send_publish_frame(schema.Publish(PUBLISHER, messages))
        if not self._confirms:
            self._left += len(messages)
            self._answers.post(([], []))  # there is room again

    def _on_confirm(self, frame: Any) -> None:
        if self._confirms:
            self._answers.post((frame.publishing_ids, []))

    def _on_error(self, frame: Any) -> None:
        if self._confirms:
            self._answers.post(([], [each.publishing_id for each in frame.errors]))

    def confirms(self, timeout_s: float) -> Confirms:
        answers = self._answers.take(timeout_s, MOST)
        if not self._confirms or not answers:
            return NO_CONFIRMS
        confirmed = [ordinal for some, _ in answers for ordinal in some]
        refused = [ordinal for _, some in answers for ordinal in some]
        self._left += len(confirmed) + len(refused)
        return confirms_of(confirmed, refused)

    async def _flush(self) -> None:
        """The broker takes what was published before it answers this."""
        await self._pump.drained()
        await self._link.client.delete_publisher(PUBLISHER)
