"""The client side in a child: one paho-mqtt client, which publishes or is subscribed."""

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from brokerbench.contract import (
    NO_CONFIRMS,
    NO_DELIVERIES,
    Batch,
    Confirms,
    Consumer,
    Deliveries,
    Event,
    Producer,
    Session,
    Settle,
)
from brokerbench_drivers._ranges import confirms_of

from .link import FLUSH_S, Link
from .names import filter_of, session_of

__all__ = ["MqttConnection"]


class MqttConnection:
    def __init__(self, session: Session) -> None:
        self._session = session
        self._parts: list[MqttProducer | MqttConsumer] = []
        settings, endpoints, group = session.settings, session.endpoints, session.group
        if group is None:
            client_id = f"{endpoints.destination}.producer.{session.index}"
            self._link = Link(endpoints.address, settings, client_id)
        else:
            client_id, kept = session_of(endpoints, group, session.index), settings.qos > 0
            self._link = Link(endpoints.address, settings, client_id, kept=kept, prefetch=session.prefetch)

    def producer(self, lanes: int = 1) -> Producer:
        made = MqttProducer(self._link, self._session)
        self._parts.append(made)
        return made

    def consumer(self, lanes: int = 1) -> Consumer:
        made = MqttConsumer(self._link, self._session)
        self._parts.append(made)
        return made

    def events(self) -> Sequence[Event]:
        taken, self._link.events = self._link.events, []
        return taken

    def close(self) -> None:
        for part in self._parts:
            part.close()
        self._link.close()


class MqttProducer:
    """paho tells of a message by its packet identifier: with QoS 0 when it is written, else when it is answered."""

    def __init__(self, link: Link, session: Session) -> None:
        self._link = link
        self._topic = session.endpoints.destination
        self._qos = session.settings.qos
        self._window = min(session.in_flight, link.receive_maximum)
        self._ordinals: dict[int, int] = {}  # packet identifier -> number, while unanswered
        self._written: set[int] = set()  # of QoS 0: told by paho while it still publishes
        self._confirmed: list[int] = []
        self._refused: list[int] = []
        self._taken = 0
        link.client.on_publish = self._on_publish
        publish = link.client.publish
        self._publish = partial(publish, properties=_user_properties(session.headers)) if session.headers else publish

    def _on_publish(self, _client: Any, _data: Any, mid: int, reason: Any, _properties: Any) -> None:
        ordinal = self._ordinals.pop(mid, None)
        if ordinal is None:
            self._written.add(mid)
        elif self._qos:
            (self._refused if reason.is_failure else self._confirmed).append(ordinal)

    def room(self) -> int:
        return self._window - len(self._ordinals)

    def send(self, batch: Batch) -> int:
        room = self.room()
        if room <= 0:
            return 0
        payloads = batch.payloads()[:room]
        publish, topic, qos, ordinals = self._publish, self._topic, self._qos, self._ordinals
        for ordinal, payload in enumerate(payloads, self._taken):
            mid = publish(topic, payload, qos).mid
            if mid in self._written:
                self._written.discard(mid)
            else:
                ordinals[mid] = ordinal
        self._taken += len(payloads)
        return len(payloads)

    def confirms(self, timeout_s: float) -> Confirms:
        """Without confirms: returns when there may be more room."""
        if not self._confirmed and not self._refused:
            self._link.move(timeout_s)
        if not self._confirmed and not self._refused:
            return NO_CONFIRMS
        found = confirms_of(self._confirmed, self._refused)
        self._confirmed, self._refused = [], []
        return found

    def close(self) -> None:
        # A message of QoS 2 is not out before its release is: wait for answers too, not only for the socket.
        self._link.until(lambda: not self._ordinals and not self._link.client.want_write(), FLUSH_S)
        self._link.close()


def _user_properties(headers: Mapping[str, str]) -> Properties:
    made = Properties(PacketTypes.PUBLISH)
    made.UserProperty = list(headers.items())
    return made


class MqttConsumer:
    def __init__(self, link: Link, session: Session) -> None:
        assert session.group is not None
        self._link = link
        self._qos = session.settings.qos
        self._came: list[Any] = []
        link.client.on_message = self._on_message
        link.subscribe(filter_of(session.endpoints, session.group), self._qos)

    def _on_message(self, client: Any, _data: Any, message: Any) -> None:
        self._came.append(message)
        if self._qos == 2:
            client.ack(message.mid, 2)  # it is ours now, and is not sent again

    def receive(self, timeout_s: float) -> Deliveries:
        if not self._came:
            self._link.move(timeout_s)
        if not self._came:
            return NO_DELIVERIES
        came, self._came = self._came, []
        payloads = [message.payload for message in came]
        if self._qos != 1:
            return Deliveries(len(came), payloads=payloads)
        again = np.array([message.dup for message in came], dtype=np.bool_)
        return Deliveries(len(came), payloads=payloads, tokens=[m.mid for m in came], redelivered=again)

    def settle(self, tokens: Any, how: Settle) -> None:
        """Whatever is asked, MQTT can only acknowledge."""
        for mid in tokens if tokens is not None else ():
            self._link.client.ack(mid, 1)

    def close(self) -> None:
        if self._link.usable:
            self._link.round_trip()
        self._link.close()
