"""The client side in a child. Producers bind, consumers connect to each of them."""

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
_LINGER_MS = 2000


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
    """Handed over once the library has it. PUSH takes what its queues hold, PUB takes all and drops in silence."""

    def __init__(self, context: Any, session: Session) -> None:
        where = session.endpoints.extra["where"][session.index]
        settings = session.settings
        self._socket = context.socket(zmq.PUSH if settings.pattern == "push-pull" else zmq.PUB)
        self._socket.set(zmq.SNDHWM, settings.hwm)
        try:
            self._socket.bind(where)
        except zmq.ZMQError as error:
            self._socket.close(0)
            raise BadTarget(f"zeromq cannot bind {where}: {error}; end what uses it") from error
        # ZeroMQ counts its queue down by half a mark at a time, so PUB may drop all beyond half a mark at once.
        at_once = settings.hwm if settings.pattern == "push-pull" else (settings.hwm + 1) // 2
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
        self._socket = context.socket(zmq.PULL if settings.pattern == "push-pull" else zmq.SUB)
        self._socket.set(zmq.RCVHWM, settings.hwm)
        self._socket.set(zmq.RECONNECT_IVL, 10)  # ms: the producer may bind after us
        if settings.pattern == "pub-sub":
            self._socket.set(zmq.SUBSCRIBE, b"")
        for where in session.endpoints.extra["where"]:
            self._socket.connect(where)
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
            for _ in range(_MOST):
                payloads.append(receive(now))  # noqa: PERF401 - what came before the queue was empty is kept
        except zmq.Again:
            pass
        return payloads

    def settle(self, tokens: Any, how: Settle) -> None:
        raise NotImplementedError("zeromq settles nothing: Feature.SETTLE is not declared")

    def close(self) -> None:
        self._socket.close(0)


def _ms(timeout_s: float) -> int:
    """Whole milliseconds, and never none: the caller meant to wait."""
    return max(1, round(timeout_s * 1000))
