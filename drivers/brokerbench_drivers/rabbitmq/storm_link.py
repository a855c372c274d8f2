"""One AMQP connection of amqpstorm's: opening, channels, loss, blocked, closing."""

import logging
import select
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from typing import Any, TypeVar

from amqpstorm import AMQPError, Channel

from brokerbench.contract import BadTarget, ConnectionLost, Event
from brokerbench.inbox import Mailbox
from brokerbench_drivers._tls import context, refused

from .address import where
from .link import OURS
from .storm_io import CLOSE_S, Tap, UnwaitingConnection

__all__ = ["StormLink"]

FLUSH_SLICE_S = 0.01

T = TypeVar("T")


class StormLink:
    """Raises BadTarget where the connection cannot be opened, and ConnectionLost once it is gone."""

    def __init__(self, address: Mapping[str, Any], name: str) -> None:
        logging.getLogger("amqpstorm").setLevel(logging.CRITICAL)  # what it reports of a lost connection, we raise
        self.lost: str | None = None
        self._where = where(address)
        self._as = f"as {address['user']!r} on vhost {address['vhost']!r}"
        self._boxes: list[Mailbox[Any]] = []
        self._events: list[Event] = []
        self._was_blocked = self._closing = False
        tls = context(address["tls"]) if address.get("tls") else None
        try:
            self.amqp = UnwaitingConnection(address, f"{OURS} {name}", tls, self._on_ended)
        except (AMQPError, OSError) as error:
            why = refused(_told(error), address.get("tls"))
            raise BadTarget(f"{self._where} {self._as}: {why}") from error

    def channel(self, box: Mailbox[Any], tap: Tap) -> Channel:
        """`box` is where a tap puts what it takes; it fails when the connection ends. Raises BadTarget."""
        self._boxes.append(box)
        return self.ask(lambda: self.amqp.tapped(tap), "a channel")

    def ask(self, request: Callable[[], T], what: str) -> T:
        """Raises BadTarget with the broker's words."""
        try:
            return request()
        except (AMQPError, ValueError) as error:  # a name that RabbitMQ takes may be none for pamqp
            self.fail(_told(error))
            raise BadTarget(f"{self._where}, asked for {what}: {_told(error)}") from error

    def tell(self, request: Callable[[], object]) -> None:
        """What no answer comes to. A connection lost here is told by the next `check`."""
        try:
            request()
        except AMQPError as error:
            self.fail(_told(error))

    @property
    def blocked(self) -> bool:
        now = bool(self.amqp.is_blocked)
        if now != self._was_blocked:
            self._was_blocked = now
            self._events.append(Event("blocked" if now else "unblocked"))
        return now

    def check(self, channel: Channel) -> None:
        if self.lost is None:
            try:
                channel.check_for_errors()
            except AMQPError as error:
                self.fail(_told(_said(self.amqp.exceptions) or error))
        if self.lost is not None:
            raise ConnectionLost(f"{self._where}: {self.lost}")

    def fail(self, text: str) -> None:
        """The first cause is kept: what follows from it says less."""
        if self.lost is None and not self._closing:
            self.lost = text
            self._events.append(Event("dropped", text))
            for box in self._boxes:
                box.fail(ConnectionLost(f"{self._where}: {text}"))

    def take_events(self) -> Sequence[Event]:
        _ = self.blocked
        events, self._events = self._events, []
        return events

    def end(self, channel: Channel) -> None:
        """Close a channel after what is waiting was sent. Twice does nothing."""
        if channel.is_open and self.lost is None and self._drained():
            with suppress(AMQPError):
                channel.close()

    def close(self) -> None:
        if self._closing:
            return
        drained = self._drained()
        self._closing = True
        if not drained:
            self.amqp.set_state(self.amqp.CLOSED)  # else it would wait for the answer to what it cannot send
        with suppress(AMQPError):
            self.amqp.close()

    def _drained(self) -> bool:
        """Whether all that was waiting is sent, within a bounded time, to a broker that reads."""
        deadline = time.monotonic() + CLOSE_S
        while not self.amqp.flush():
            if self.lost is not None or time.monotonic() > deadline:
                return False
            select.select((), (self.amqp.fileno,), (), FLUSH_SLICE_S)
        return self.lost is None and not self.blocked

    def _on_ended(self, errors: Sequence[Exception]) -> None:
        """On the reading thread."""
        error = _said(errors)
        self.fail(_told(error) if error else "the connection has ended")


def _said(errors: Sequence[Exception]) -> Exception | None:
    """The broker's own word where it is among them, else the first: of a connection that is being closed the library
    may note that it is closed before it notes why."""
    return next((each for each in errors if getattr(each, "error_code", None)), errors[0] if errors else None)


def _told(error: BaseException) -> str:
    return " ".join(str(error).split()) or type(error).__name__
