"""Publishing with amqpstorm: its frames, a batch of them at one write; confirms are read as they come."""

from typing import Any

from pamqp.commands import Basic
from pamqp.header import ContentHeader

from brokerbench.contract import NO_CONFIRMS, Confirms, Fate, Session
from brokerbench.inbox import Mailbox

from .publishing import Publishing
from .storm_content import Content
from .storm_link import StormLink

__all__ = ["StormProducer"]

FATES = {"Basic.Ack": Fate.CONFIRMED, "Basic.Nack": Fate.REFUSED}
CONTENT = frozenset({"ContentHeader", "ContentBody"})
MOST = 8192

Answer = tuple[int, bool, Fate] | bytes  # a tag with `multiple`, or the body of a message that came back


class StormProducer(Publishing):
    def __init__(self, link: StormLink, session: Session) -> None:
        super().__init__(session)
        self._link = link
        self._answered: Mailbox[Answer] = Mailbox()
        self._returned = Content()
        self._publishing = link.ask(
            lambda: Basic.Publish(exchange=self._exchange, routing_key=self._key, mandatory=self._confirms),
            f"publishing to {self._exchange!r}",
        )
        self._properties = Basic.Properties(delivery_mode=self._delivery_mode, headers=self._headers)
        self._channel = link.channel(self._answered, self._on_frame)
        if self._confirms:
            link.ask(self._channel.confirm_deliveries, "confirms")

    def confirms(self, timeout_s: float) -> Confirms:
        self._link.amqp.flush()
        for answer in self._answered.take(timeout_s, MOST):
            if isinstance(answer, bytes):
                self._answers.returned(answer)
            else:
                self._answers.answer(*answer)
        if not self._answers.ranges:
            self._check()
            return NO_CONFIRMS
        return Confirms.of(self._answers.take())

    def close(self) -> None:
        self._link.end(self._channel)

    def _halted(self) -> bool:
        return self._link.blocked or self._link.lost is not None

    def _check(self) -> None:
        self._link.check(self._channel)

    def _write(self) -> bool:
        return self._link.amqp.flush()

    def _publish(self, payloads: list[bytes]) -> int:
        frames: list[Any] = []
        split = self._channel.basic._create_content_body
        for payload in payloads:
            frames += (self._publishing, ContentHeader(body_size=len(payload), properties=self._properties))
            frames += split(payload)
        self._link.tell(lambda: self._channel.write_frames(frames))
        return 0 if self._link.lost else len(payloads)

    def _on_frame(self, frame: Any) -> bool:
        """On amqpstorm's reading thread."""
        name = frame.name
        if (fate := FATES.get(name)) is not None:
            self._answered.post((frame.delivery_tag, frame.multiple, fate))
        elif name == "Basic.Return":
            self._returned.begin(frame)
        elif name in CONTENT:
            if (whole := self._returned.add(frame)) is not None:
                self._answered.post(whole[1])
        else:
            return False
        return True
