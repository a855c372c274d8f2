"""The client side in a child. Producers bind and consumers connect to each of them; both connect to a device."""

from collections.abc import Sequence
from typing import Any

import zmq

from brokerbench.contract import (
    NO_CONFIRMS,
    NO_DELIVERIES,
    BadTarget,
    Batch,
    Confirms,
    Consumer,
    Deliveries,
    Event,
    Producer,
    Session,
    Settle,
)

__all__ = ["ZeromqConnection"]

_MOST = 500  # messages of one receive: the first is not stamped before the last is read
_LINGER_MS = 5000
_RECONNECT_MS = 10
# What a pattern's producers and consumers are.
_KINDS = {
    "push-pull": (zmq.PUSH, zmq.PULL),
    "pub-sub": (zmq.PUB, zmq.SUB),
    "queue": (zmq.DEALER, zmq.DEALER),
    "forwarder": (zmq.PUB, zmq.SUB),
}


class ZeromqConnection:
    def __init__(self, session: Session) -> None:
        self._session = session
        self._context = zmq.Context()
        self._parts: list[ZeromqProducer | ZeromqConsumer] = []

    def producer(self, lanes: int = 1) -> Producer:
        made = ZeromqProducer(self._context, self._session)
        self._parts.append(made)
        return made

    def consumer(self, lanes: int = 1) -> Consumer:
        made = ZeromqConsumer(self._context, self._session)
        self._parts.append(made)
        return made

    def events(self) -> Sequence[Event]:
        return ()

    def close(self) -> None:
        for part in self._parts:
            part.close()
        self._context.term()  # returns when all is sent, or when the sockets have lingered


class ZeromqProducer:
    """Handed over once the library has it. PUSH and DEALER take what their queues hold, PUB takes all and drops in
    silence."""

    def __init__(self, context: Any, session: Session) -> None:
        settings = session.settings
        places = session.endpoints.extra["where"]
        where = places[0 if settings.brokered else session.index]
        self._socket = context.socket(_KINDS[settings.pattern][0])
        self._socket.set(zmq.SNDHWM, settings.hwm)
        try:
            (self._socket.connect if settings.brokered else self._socket.bind)(where)
        except zmq.ZMQError as error:
            self._socket.close(0)
            raise BadTarget(f"zeromq cannot use {where}: {error}; end what uses it") from error
        # ZeroMQ counts its queue down by half a mark at a time, so PUB may drop all beyond half a mark at once.
        at_once = settings.hwm if settings.shared else (settings.hwm + 1) // 2
        self._most = min(session.in_flight, at_once)

    def room(self) -> int:
        return self._most if self._socket.events & zmq.POLLOUT else 0

    def send(self, batch: Batch) -> int:
        send, now = self._socket.send, zmq.NOBLOCK
        took = 0
        try:
            for payload in batch.payloads()[: self._most]:
                send(payload, now)
                took += 1
        except zmq.Again:
            pass
        return took

    def confirms(self, timeout_s: float) -> Confirms:
        """Nobody confirms. While the queues are full, waits for room."""
        if timeout_s > 0:
            self._socket.poll(_ms(timeout_s), zmq.POLLOUT)
        return NO_CONFIRMS

    def close(self) -> None:
        self._socket.close(_LINGER_MS)


class ZeromqConsumer:
    def __init__(self, context: Any, session: Session) -> None:
        settings = session.settings
        self._socket = context.socket(_KINDS[settings.pattern][1])
        self._socket.set(zmq.RCVHWM, settings.hwm)
        self._socket.set(zmq.RECONNECT_IVL, _RECONNECT_MS)  # the producer may bind after us
        if not settings.shared:
            self._socket.set(zmq.SUBSCRIBE, b"")
        places = session.endpoints.extra["where"]
        for where in places[1:] if settings.brokered else places:
            self._socket.connect(where)
        self._frames = 2 if settings.pattern == "queue" else 1  # the producer's name comes first
        self._poller = zmq.Poller()
        self._poller.register(self._socket, zmq.POLLIN)

    def receive(self, timeout_s: float) -> Deliveries:
        payloads = self._drain()
        if not payloads and timeout_s > 0 and self._poller.poll(_ms(timeout_s)):
            payloads = self._drain()
        return Deliveries(len(payloads), payloads=payloads) if payloads else NO_DELIVERIES

    def _drain(self) -> list[bytes]:
        receive, now = self._socket.recv, zmq.NOBLOCK
        payloads: list[bytes] = []
        try:
            for _ in range(_MOST * self._frames):
                payloads.append(receive(now))  # noqa: PERF401 - what came before the queue was empty is kept
        except zmq.Again:  # never between the frames of one message
            pass
        return payloads if self._frames == 1 else payloads[1::2]

    def settle(self, tokens: Any, how: Settle) -> None:
        raise NotImplementedError("zeromq settles nothing: Feature.SETTLE is not declared")

    def close(self) -> None:
        self._socket.close(0)


def _ms(timeout_s: float) -> int:
    """Whole milliseconds, and never none: the caller meant to wait."""
    return max(1, round(timeout_s * 1000))
