"""One AMQP connection of many in a process: a socket, one channel, its confirms. No call waits.

Frames are pika's; its connections are not used: each brings timers and callbacks of its own. Heartbeats are off: those
of a thousand users at one moment would be a herd of ours.
"""

import platform
import socket
import ssl
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from pika import __version__ as pika_version
from pika.exceptions import AMQPError
from pika.frame import Body, Header, Method, ProtocolHeader, decode_frame
from pika.spec import (
    FRAME_END_SIZE,
    FRAME_HEADER_SIZE,
    FRAME_MAX_SIZE,
    FRAME_MIN_SIZE,
    Basic,
    Channel,
    Confirm,
    Connection,
)

from brokerbench.contract import Fate

from .answers import Answers
from .told import told

__all__ = ["Hello", "Lane"]

READ_BYTES = 65536
NOT_NOW = (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError)
CAPABILITIES = {
    "authentication_failure_close": True,
    "basic.nack": True,
    "connection.blocked": True,
    "publisher_confirms": True,
}


@dataclass(frozen=True)
class Hello:
    user: str
    password: str
    vhost: str
    name: str
    confirms: bool  # asked of the broker


class Lane:
    """`ready` once messages may be published; `lost` says why there is nothing more to expect."""

    __slots__ = (
        "_frame_max",
        "_hello",
        "_in",
        "_out",
        "_returned",
        "_sent",
        "answers",
        "blocked",
        "lost",
        "ready",
        "sock",
    )

    def __init__(self, sock: socket.socket, hello: Hello) -> None:
        self.sock = sock
        self.answers = Answers()
        self.ready = self.blocked = False
        self.lost: str | None = None
        self._hello = hello
        self._frame_max = FRAME_MIN_SIZE
        self._in = b""
        self._out = bytearray(ProtocolHeader().marshal())
        self._sent: dict[int, int] = {}  # number on this lane -> the producer's
        self._returned = _Returned()

    @property
    def writing(self) -> bool:
        """Output is waiting: the socket took less than there is."""
        return bool(self._out) and self.lost is None

    def publish(self, command: bytes, header: bytes, payload: bytes, number: int) -> None:
        """`command` and `header` are whole frames."""
        if self._hello.confirms:
            self._sent[self.answers.published] = number
            self.answers.publish([payload])
        self._out += command
        self._out += header
        most = self._frame_max - FRAME_HEADER_SIZE - FRAME_END_SIZE
        for at in range(0, len(payload), most):
            self._out += Body(1, payload[at : at + most]).marshal()
        self.flush()

    def answered(self) -> list[tuple[int, int, Fate]]:
        """By the producer's numbers."""
        return [
            (number, number, fate)
            for first, last, fate in self.answers.take()
            for number in map(self._sent.pop, range(first, last + 1))
        ]

    def flush(self) -> None:
        """Hand what is waiting to the socket, as much as it takes."""
        while self.writing:
            try:
                del self._out[: self.sock.send(self._out)]
            except NOT_NOW:
                return
            except OSError as error:
                self.fail(told(error))

    def read(self) -> None:
        """Work through what has come; more than that makes the socket readable again."""
        try:
            came = self.sock.recv(READ_BYTES)
            while isinstance(self.sock, ssl.SSLSocket) and (held := self.sock.pending()):
                came += self.sock.recv(held)
            if came:
                self._take(self._in + came)
            else:
                self.fail("the broker closed the connection")
        except NOT_NOW:
            pass
        except OSError as error:
            self.fail(told(error))
        except (AMQPError, KeyError, ValueError) as error:
            self.fail(f"what came cannot be read: {told(error)}")

    def end(self) -> None:
        """Say goodbye; `lost` is set once the broker has answered."""
        self._say(Connection.Close(200, "", 0, 0))

    def close(self) -> None:
        with suppress(OSError):
            self.sock.close()

    def fail(self, text: str) -> None:
        """The first cause is kept."""
        self.lost = self.lost or text
        self.ready = False

    def _take(self, data: bytes) -> None:
        while data and self.lost is None:
            used, frame = decode_frame(data)
            if frame is None:
                break
            data = data[used:]
            if isinstance(frame, Method):
                handler = _HANDLERS.get(type(frame.method))
                if handler is not None:
                    handler(self, frame.method)
            elif (body := self._returned.add(frame)) is not None:
                self.answers.returned(body)
        self._in = data

    def _say(self, method: Any, channel: int = 0) -> None:
        self._out += Method(channel, method).marshal()
        self.flush()

    # What the broker says, and what follows.

    def _on_start(self, _: Connection.Start) -> None:
        hello = self._hello
        about = {"product": "pika", "version": pika_version, "platform": f"Python {platform.python_version()}"}
        about |= {"capabilities": CAPABILITIES, "connection_name": hello.name}
        self._say(Connection.StartOk(about, "PLAIN", f"\0{hello.user}\0{hello.password}", "en_US"))

    def _on_tune(self, asked: Connection.Tune) -> None:
        self._frame_max = asked.frame_max or FRAME_MAX_SIZE
        self._say(Connection.TuneOk(asked.channel_max, self._frame_max, 0))
        self._say(Connection.Open(self._hello.vhost))

    def _on_open(self, _: Connection.OpenOk) -> None:
        self._say(Channel.Open(), 1)

    def _on_channel(self, _: Channel.OpenOk) -> None:
        if self._hello.confirms:
            self._say(Confirm.Select(), 1)
        else:
            self.ready = True

    def _on_select(self, _: Confirm.SelectOk) -> None:
        self.ready = True

    def _on_ack(self, ack: Basic.Ack) -> None:
        self.answers.answer(ack.delivery_tag, ack.multiple, Fate.CONFIRMED)

    def _on_nack(self, nack: Basic.Nack) -> None:
        self.answers.answer(nack.delivery_tag, nack.multiple, Fate.REFUSED)

    def _on_return(self, _: Basic.Return) -> None:
        self._returned = _Returned()

    def _on_blocked(self, _: Connection.Blocked) -> None:
        self.blocked = True

    def _on_unblocked(self, _: Connection.Unblocked) -> None:
        self.blocked = False

    def _on_close(self, close: Connection.Close | Channel.Close) -> None:
        self.fail(" ".join(close.reply_text.split()))

    def _on_close_ok(self, _: Connection.CloseOk) -> None:
        self.fail("closed")


class _Returned:
    """The body of a message that comes back, in as many frames as it takes."""

    def __init__(self) -> None:
        self._parts: list[bytes] = []
        self._missing = 0

    def add(self, frame: Any) -> bytes | None:
        """The whole body, once it is."""
        if isinstance(frame, Header):
            self._missing = frame.body_size
        elif isinstance(frame, Body):
            self._parts.append(frame.fragment)
            self._missing -= len(frame.fragment)
            if not self._missing:
                return b"".join(self._parts)
        return None


_HANDLERS: Mapping[type, Callable[[Lane, Any], None]] = {
    Connection.Start: Lane._on_start,
    Connection.Tune: Lane._on_tune,
    Connection.OpenOk: Lane._on_open,
    Channel.OpenOk: Lane._on_channel,
    Confirm.SelectOk: Lane._on_select,
    Basic.Ack: Lane._on_ack,
    Basic.Nack: Lane._on_nack,
    Basic.Return: Lane._on_return,
    Connection.Blocked: Lane._on_blocked,
    Connection.Unblocked: Lane._on_unblocked,
    Connection.Close: Lane._on_close,
    Channel.Close: Lane._on_close,
    Connection.CloseOk: Lane._on_close_ok,
}
