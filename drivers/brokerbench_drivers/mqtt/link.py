"""One paho-mqtt client without a thread of its own: its socket is read and written when the engine calls."""

import select
import socket
import ssl
import time
from collections.abc import Callable, Mapping
from typing import Any

from paho.mqtt.client import Client, MQTTv5, MQTTv311
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from brokerbench.contract import BadTarget, ConnectionLost, Event
from brokerbench_drivers._tls import context

from .settings import MOST_IN_FLIGHT, Settings

__all__ = ["FLUSH_S", "Link"]

CONNECT_S = 15.0  # a broker that is short of CPU answers late, not never
FLUSH_S = 5.0
KEEPALIVE_S = 60
_NO_TOPIC = "brokerbench/none"  # to which nobody is subscribed
SESSION_S = 3600  # an hour after the run nothing is left, even where nobody tidied up


def _at_once(_client: Client, _data: Any, sock: socket.socket) -> None:
    """No small write waits for the acknowledgement of the one before: up to 40 ms, which would be ours and not the
    broker's. paho leaves it as the system has it."""
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)


class Link:
    """`kept` sessions outlive the connection; `prefetch` bounds what the broker sends unacknowledged."""

    def __init__(
        self, address: Mapping[str, Any], settings: Settings, client_id: str, *, kept: bool = False, prefetch: int = 0
    ) -> None:
        self.where = f"{address['host']}:{address['port']}"
        self.receive_maximum = MOST_IN_FLIGHT  # what the broker takes unanswered
        self.events: list[Event] = []
        self._five = settings.protocol == "5"
        self._lost: str | None = None
        self._answer: str | None = None  # to CONNECT: empty once it is accepted
        self._subscribed: int | None = None
        self._answered = False
        self.client = self._made(address, client_id, kept=kept)
        try:
            self._connect(address, kept=kept, prefetch=prefetch)
            self.until(lambda: self._answer is not None or self._lost is not None)
        except (OSError, ssl.SSLError, ValueError) as error:
            raise BadTarget(f"no MQTT broker can be used at {self.where}: {error}") from error
        if self._answer != "":
            why = self._answer or self._lost or f"no answer within {CONNECT_S:g} s"
            self.client.disconnect()
            raise BadTarget(f"the MQTT broker at {self.where} does not let us in: {why}")

    def _made(self, address: Mapping[str, Any], client_id: str, *, kept: bool) -> Client:
        clean = {} if self._five else {"clean_session": not kept}
        made = Client(
            CallbackAPIVersion.VERSION2,
            client_id=client_id,
            protocol=MQTTv5 if self._five else MQTTv311,
            reconnect_on_failure=False,
            manual_ack=True,
            **clean,
        )
        made.connect_timeout = CONNECT_S
        made.max_inflight_messages_set(0)  # the engine counts; paho would look through all of them at each answer
        made.max_queued_messages_set(0)
        made.suppress_exceptions = False
        if address.get("user"):
            made.username_pw_set(address["user"], address.get("password"))
        if address.get("tls"):
            made.tls_set_context(context(address["tls"]))
        made.on_socket_open = _at_once
        made.on_connect = self._on_connect
        made.on_disconnect = self._on_disconnect
        made.on_subscribe = self._on_subscribe
        made.on_unsubscribe = self._on_unsubscribe
        return made

    def _connect(self, address: Mapping[str, Any], *, kept: bool, prefetch: int) -> None:
        if not self._five:
            self.client.connect(address["host"], address["port"], KEEPALIVE_S)
            return
        asked = Properties(PacketTypes.CONNECT)
        if kept:
            asked.SessionExpiryInterval = SESSION_S
        if prefetch:
            asked.ReceiveMaximum = min(prefetch, MOST_IN_FLIGHT)
        self.client.connect(address["host"], address["port"], KEEPALIVE_S, clean_start=not kept, properties=asked)

    def _on_connect(self, _client: Client, _data: Any, _flags: Any, reason: Any, properties: Properties | None) -> None:
        self._answer = str(reason) if reason.is_failure else ""
        self.receive_maximum = int(getattr(properties, "ReceiveMaximum", MOST_IN_FLIGHT))

    def _on_disconnect(self, _client: Client, _data: Any, _flags: Any, reason: Any, _properties: Any) -> None:
        self._lost = str(reason)

    def _on_subscribe(self, _client: Client, _data: Any, _mid: int, reasons: list[Any], _properties: Any) -> None:
        refused = [str(reason) for reason in reasons if reason.is_failure]
        if refused:
            self._lost = f"the subscription was refused: {refused[0]}"
        self._subscribed = len(reasons)

    # -- used by the engine's calls -------------------------------------------------------------------------------

    def move(self, timeout_s: float) -> None:
        """Write what waits, read what is there; waits for either. Raises ConnectionLost."""
        client = self.client
        sock = client.socket()
        if self._lost is not None or sock is None:
            raise ConnectionLost(f"the MQTT connection to {self.where} is gone: {self._lost}")
        writing = [sock] if client.want_write() else []
        if isinstance(sock, ssl.SSLSocket) and sock.pending():
            timeout_s = 0  # read from the wire already, so the socket says nothing
            readable = [sock]
        else:
            readable = select.select([sock], writing, [], timeout_s)[0]
        if writing:
            client.loop_write()
        if readable:
            client.loop_read()
        client.loop_misc()  # its keep-alive
        if self._lost is not None:
            self.events.append(Event("dropped", self._lost))
            raise ConnectionLost(f"the MQTT connection to {self.where} is gone: {self._lost}")

    def subscribe(self, topic: str, qos: int) -> None:
        """Returns when the broker has granted it. Raises ConnectionLost, BadTarget."""
        self._subscribed = None
        self.client.subscribe(topic, qos)
        if not self.until(lambda: self._subscribed is not None):
            raise BadTarget(f"the MQTT broker at {self.where} did not answer a subscription within {CONNECT_S:g} s")

    def until(self, holds: Callable[[], bool], timeout_s: float = CONNECT_S) -> bool:
        """False when time is up. Only before the load and after it."""
        deadline = time.monotonic() + timeout_s
        while not holds():
            if time.monotonic() > deadline:
                return False
            if self.client.socket() is None:
                return holds()
            try:
                self.move(0.05)
            except ConnectionLost:
                return holds()
        return True

    def round_trip(self) -> None:
        """The broker has taken all that was written before, or the time for it is over: it answers in order. A socket
        that is closed with something unread in it may take along what the broker has not read yet."""
        self._answered = False
        self.client.unsubscribe(_NO_TOPIC)
        self.until(lambda: self._answered, FLUSH_S)

    def _on_unsubscribe(self, _client: Client, _data: Any, _mid: int, _reasons: Any, _properties: Any) -> None:
        self._answered = True

    @property
    def usable(self) -> bool:
        return self._lost is None and self.client.socket() is not None

    def close(self) -> None:
        if self.usable:
            self.client.disconnect()
            self.until(lambda: self._lost is not None, FLUSH_S)
