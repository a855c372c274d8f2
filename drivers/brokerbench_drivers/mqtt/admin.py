"""The coordinator's side: sessions made and removed, and what the broker tells of itself below $SYS."""

from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from brokerbench.contract import BadTarget, ConnectionLost, Counters, Destination, Endpoints
from brokerbench_drivers._dated import dated

from .link import Link
from .names import endpoints_of, filter_of, session_of
from .releases import RELEASED, SUPPORT_ENDS
from .settings import Settings

__all__ = ["MqttAdmin"]

_TOLD_S = 3.0
_SYS = {
    "version": "$SYS/broker/version",
    "clients": "$SYS/broker/clients/connected",
    "dropped": "$SYS/broker/publish/messages/dropped",
    "load": "$SYS/broker/load/messages/received/1min",
}


class MqttAdmin:
    def __init__(self, address: Mapping[str, Any], settings: Settings) -> None:
        self._address, self._settings = dict(address), settings
        Link(address, settings, "").close()  # can it be used at all

    def declare(self, destination: Destination) -> Endpoints:
        endpoints = endpoints_of(self._address, destination)
        self.delete(endpoints)
        if self._settings.qos:  # what comes while a consumer is away waits in its session
            for group, consumers in destination.groups.items():
                for index in range(consumers):
                    link = Link(self._address, self._settings, session_of(endpoints, group, index), kept=True)
                    link.subscribe(filter_of(endpoints, group), self._settings.qos)
                    link.close()
        return endpoints

    def facts(self, endpoints: Endpoints) -> Mapping[str, str]:
        told = self._told()
        version = told.get("version", "unknown").removeprefix("mosquitto version ")
        facts = dated(version, RELEASED, SUPPORT_ENDS)
        facts |= {"protocol": self._settings.protocol, "qos": str(self._settings.qos)}
        limits = self._address.get("limits", {})  # of a server of ours: Mosquitto tells nobody
        facts |= {f"limits.{name} (as configured)": value for name, value in limits.items()}
        link = Link(self._address, self._settings, "")
        facts["receive_maximum"] = str(link.receive_maximum)
        link.close()
        return facts | {"messages_dropped": told.get("dropped", "not reported by the broker")}

    def counters(self, endpoints: Endpoints) -> Counters:
        """MQTT has none for one topic."""
        return Counters()

    def delete(self, endpoints: Endpoints) -> None:
        """A clean start ends the session of that name, and this one ends with its connection."""
        if not self._settings.qos:
            return
        for group, consumers in endpoints.extra["consumers"].items():
            for index in range(consumers):
                with suppress(ConnectionLost):
                    Link(self._address, self._settings, session_of(endpoints, group, index)).close()

    def busy(self) -> str:
        told = self._told()
        with suppress(ValueError):
            others = int(told.get("clients", "1")) - 1
            if others > 0:
                return f"{others} connection{'s' if others > 1 else ''} of others"
        return ""

    def _told(self) -> dict[str, str]:
        """What is below $SYS, as far as it came in time; only Mosquitto tells all of it."""
        found: dict[str, str] = {}
        link = Link(self._address, self._settings, "")
        names = {topic: name for name, topic in _SYS.items()}
        link.client.on_message = lambda _client, _data, message: found.update(
            {names[message.topic]: message.payload.decode(errors="replace")}
        )
        with suppress(BadTarget):
            for topic in names:
                link.subscribe(topic, 0)
        link.until(lambda: len(found) == len(names), _TOLD_S)
        link.close()
        return found

    def close(self) -> None: ...
