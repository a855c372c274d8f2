"""One AMQP 1.0 connection with one link, on proton's protocol engine: opening, loss, closing."""

import time
import uuid
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from proton import Collector, Condition, Connection, Delivery, Event, ProtonException, Transport
from proton import Link as ProtonLink

from brokerbench.contract import BadTarget, ConnectionLost
from brokerbench.contract import Event as Told
from brokerbench_drivers._tls import refused

from .amqp_wire import Wire, where

__all__ = ["Link"]

OPEN_S = 15.0  # a broker that has just started answers slowly, not never
CLOSE_S = 5.0
_IDLE_S = 30.0  # a side that is silent for so long is gone
_FAILURES = (OSError, ProtonException)


class Link:
    """Raises BadTarget where it cannot be opened, ConnectionLost once it is gone.

    `on_delivery(delivery)` gets what changed: a message that came, or the broker's word on one that was sent."""

    def __init__(self, address: Mapping[str, Any]) -> None:
        self.on_delivery: Callable[[Delivery], None] = lambda delivery: None
        self._where = where(address)
        self._lost: str | None = None
        self._events: list[Told] = []
        self._closing = False
        self._link: ProtonLink | None = None
        self._collector = Collector()
        self._connection = Connection()
        self._connection.collect(self._collector)
        self._connection.container = f"brokerbench-{uuid.uuid4().hex}"  # Classic takes a name once
        self._connection.hostname = address["host"]
        transport = Transport()
        transport.idle_timeout = _IDLE_S
        sasl = transport.sasl()
        if address.get("user"):
            self._connection.user = address["user"]
            self._connection.password = address.get("password") or ""
        sasl.allowed_mechs("PLAIN" if address.get("user") else "ANONYMOUS")
        sasl.allow_insecure_mechs = True  # as over STOMP; with TLS proton does not know that the socket has it
        self._wire = Wire(address, transport)
        transport.bind(self._connection)
        self._connection.open()
        self._session = self._connection.session()
        self._session.open()
        if not self.until(lambda: self._connection.state & Connection.REMOTE_ACTIVE, OPEN_S):
            why = refused(self._lost or "no answer: does it speak AMQP 1.0 there?", address.get("tls"))
            self._wire.close()
            self._closing = True
            raise BadTarget(f"no ActiveMQ can be used at {self._where}: {why}")

    def attach(self, link: ProtonLink, what: str, ready: Callable[[], object]) -> None:
        """Open the one link; returns when `ready`. Raises BadTarget with the broker's words."""
        self._link = link
        link.open()
        if not self.until(ready, OPEN_S):
            why = self._lost or "no answer"
            self.close()
            raise BadTarget(f"ActiveMQ at {self._where} gives no link to {what}: {why}")

    @property
    def session(self) -> Any:
        return self._session

    @property
    def behind(self) -> bool:
        """Whether something waits for the socket."""
        return self._wire.behind

    def step(self, timeout_s: float) -> None:
        """One round of input and output. Never raises: who is lost is told by `check`."""
        if self._lost is not None:
            return
        broken = ""
        try:
            self._wire.move(timeout_s)
        except _FAILURES as error:
            broken = _condition(self._connection.transport) or str(error) or type(error).__name__
        self._dispatch()  # first: the broker's own words may have come with the end of the connection
        if broken:
            self._fail(broken)

    def flush(self) -> None:
        """Hand what is waiting to the socket, as much as it takes."""
        if self._lost is None:
            try:
                self._wire.write()
            except _FAILURES as error:
                self._fail(str(error) or type(error).__name__)

    def check(self) -> None:
        if self._lost is not None:
            raise ConnectionLost(f"connection to ActiveMQ at {self._where} is gone: {self._lost}")

    def take_events(self) -> Sequence[Told]:
        taken, self._events = self._events, []
        return taken

    def close(self) -> None:
        """What was taken is sent, and our leaving answered, within a bounded time. Twice does nothing."""
        if self._closing:
            return
        link = self._link
        if link is not None and link.is_sender:
            self.until(lambda: not link.queued and not self.behind, CLOSE_S)
        self._closing = True
        if self._lost is None:
            self._connection.close()
            self.until(lambda: self._connection.state & Connection.REMOTE_CLOSED, CLOSE_S)
        self._wire.close()

    def until(self, done: Callable[[], object], timeout_s: float) -> bool:
        """Step until `done`; false where time is up or the connection gone first."""
        deadline = time.monotonic() + timeout_s
        self.step(0.0)
        while not done():
            left = deadline - time.monotonic()
            if self._lost is not None or left <= 0:
                return False
            self.step(left)
        return True

    def _dispatch(self) -> None:
        collector = self._collector
        while (event := collector.peek()) is not None:
            kind = event.type
            if kind == Event.DELIVERY:
                self.on_delivery(event.delivery)
            elif kind in (Event.CONNECTION_REMOTE_CLOSE, Event.SESSION_REMOTE_CLOSE, Event.LINK_REMOTE_CLOSE):
                self._fail(_condition(event.context) or "closed by the server")
            elif kind == Event.TRANSPORT_ERROR:
                self._fail(_condition(event.transport) or "broken by the server")
            collector.pop()

    def _fail(self, why: str) -> None:
        """The first cause is kept; what we close ourselves is not lost."""
        if self._lost is None:
            self._lost = why
            if not self._closing:
                self._events.append(Told("dropped", why))


def _condition(endpoint: Any) -> str:
    """In the broker's words, on one line; empty where it said nothing."""
    said: Condition | None = None
    if endpoint is not None:
        said = endpoint.condition if isinstance(endpoint, Transport) else endpoint.remote_condition
    return " ".join((said.description or said.name).split()) if said is not None else ""
