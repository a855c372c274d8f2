"""One AMQP connection of pika's, driven by a Pump: opening, channels, loss, blocked, closing."""

import logging
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import pika
from pika.exceptions import AMQPError, ChannelClosedByClient, ConnectionClosedByClient

from brokerbench.contract import BadTarget, ConnectionLost, Event
from brokerbench_drivers._tls import context, refused

from .address import where
from .pump import Pump

__all__ = ["OURS", "Link", "parameters", "reason"]

OURS = "brokerbench"  # how the names of our connections begin
OPEN_S = 15.0  # a node that has just started answers slowly, not never
CLOSE_S = 5.0
LOOKUP_SLICE_S = 0.005  # pika resolves the host in a thread, which cannot wake our select


def parameters(address: Mapping[str, Any], name: str, heartbeat_s: int | None = None) -> Any:
    """`heartbeat_s` None: what the server proposes."""
    log = logging.getLogger("pika")
    if log.level == logging.NOTSET:  # it reports each lost connection with a traceback; we raise, in one line
        log.setLevel(logging.CRITICAL)
    tls = address.get("tls")
    return pika.ConnectionParameters(
        host=address["host"],
        port=address["port"],
        virtual_host=address["vhost"],
        credentials=pika.PlainCredentials(address["user"], address["password"]),
        heartbeat=heartbeat_s,
        client_properties={"connection_name": f"{OURS} {name}"},
        ssl_options=pika.SSLOptions(context(tls), address["host"]) if tls else None,
    )


def reason(error: BaseException) -> str:
    """The innermost cause, in the broker's words where it said something."""
    inner = getattr(error, "exceptions", None)  # pika's connection workflow keeps a list
    if inner:
        return reason(inner[-1])
    cause = getattr(error, "exception", None) or (error.args[0] if error.args else None)
    if isinstance(cause, BaseException):
        return reason(cause)
    text = getattr(error, "reply_text", None)
    if text:
        return " ".join(str(text).split())
    if isinstance(error, OSError) and error.strerror:
        return error.strerror.lower()
    return " ".join(str(error).split()) or type(error).__name__


class Link:
    """Raises BadTarget where the connection cannot be opened, and ConnectionLost once it is gone."""

    def __init__(self, address: Mapping[str, Any], name: str) -> None:
        self.pump = Pump()
        self.lost: str | None = None
        self.blocked = False
        self._events: list[Event] = []
        self._where = where(address)
        self._closing = False
        opened: list[bool] = []
        self._amqp = pika.SelectConnection(
            parameters(address, name),
            on_open_callback=lambda _: opened.append(True),
            on_open_error_callback=self._on_closed,
            on_close_callback=self._on_closed,
            custom_ioloop=self.pump,
        )
        self._amqp.add_on_connection_blocked_callback(self._on_blocked)
        self._amqp.add_on_connection_unblocked_callback(self._on_unblocked)
        if not self.pump.until(lambda: opened or self.lost, OPEN_S, LOOKUP_SLICE_S):
            self.lost = f"no answer in {OPEN_S:g} s"
        if self.lost:
            why = refused(self.lost, address.get("tls"))
            raise BadTarget(f"{self._where} as {address['user']!r} on vhost {address['vhost']!r}: {why}")

    def channel(self) -> Any:
        """An open channel. Raises BadTarget."""
        opened: list[Any] = []
        self._amqp.channel(on_open_callback=opened.append)
        self.set_up(lambda: opened, "a channel")
        channel = opened[0]
        channel.add_on_close_callback(self._on_channel_closed)
        return channel

    def set_up(self, done: Callable[[], object], what: str) -> None:
        """Pump until the broker has answered. Raises BadTarget with its words."""
        if not self.pump.until(lambda: done() or self.lost, OPEN_S):
            self.lost = f"no answer in {OPEN_S:g} s"
        if self.lost:
            raise BadTarget(f"{self._where}, asked for {what}: {self.lost}")

    def check(self) -> None:
        if self.lost is not None:
            raise ConnectionLost(f"{self._where}: {self.lost}")

    def fail(self, text: str) -> None:
        """The first cause is kept: what follows from it says less."""
        if self.lost is None and not self._closing:
            self.lost = text
            self._events.append(Event("dropped", text))

    def take_events(self) -> Sequence[Event]:
        events, self._events = self._events, []
        return events

    def drain(self) -> None:
        """Send what is waiting, within a bounded time."""
        if self.pump.writing:
            self.pump.until(lambda: not self.pump.writing or self.lost, CLOSE_S)

    def end(self, channel: Any) -> None:
        """Close a channel after what is waiting was sent. Twice does nothing."""
        self.drain()
        if channel.is_open and self.lost is None:
            channel.close()
            self.pump.until(lambda: channel.is_closed or self.lost, CLOSE_S)

    def close(self) -> None:
        if self._closing:
            return
        self.drain()
        self._closing = True
        if self._amqp.is_open:
            self._amqp.close()
            self.pump.until(lambda: self._amqp.is_closed, CLOSE_S)
        self.pump.close()

    def _on_closed(self, _connection: Any, error: BaseException) -> None:
        if not isinstance(error, ConnectionClosedByClient):
            self.fail(reason(error))

    def _on_channel_closed(self, _channel: Any, error: BaseException) -> None:
        if isinstance(error, AMQPError) and not isinstance(error, ChannelClosedByClient | ConnectionClosedByClient):
            self.fail(reason(error))

    def _on_blocked(self, _connection: Any, frame: Any) -> None:
        self.blocked = True
        self._events.append(Event("blocked", frame.method.reason))

    def _on_unblocked(self, _connection: Any, _frame: Any) -> None:
        self.blocked = False
        self._events.append(Event("unblocked"))
