"""Where producers will bind, or a device that all connect to: there is nothing else to administer."""

import shutil
import tempfile
from collections.abc import Mapping
from typing import Any

import zmq

from brokerbench.contract import BadTarget, Counters, Destination, Endpoints
from brokerbench_drivers._dated import dated

from .device import asked
from .names import places
from .releases import RELEASED
from .settings import Settings

__all__ = ["ZeromqAdmin"]


class ZeromqAdmin:
    """Chooses the places; the sockets themselves are the children's."""

    def __init__(self, address: Mapping[str, Any], settings: Settings) -> None:
        self._control = address.get("control")
        self._settings = settings

    def declare(self, destination: Destination) -> Endpoints:
        folder = tempfile.mkdtemp(prefix="bb-zmq-") if self._settings.transport == "ipc" else ""
        where = places(self._settings.transport, folder, 2 if self._settings.brokered else destination.producers)
        if self._settings.brokered:
            self._tell("open", where, pattern=self._settings.pattern, hwm=self._settings.hwm)
        groups = dict.fromkeys(destination.groups, destination.name)
        return Endpoints({"control": self._control}, destination.name, groups, extra={"where": where, "folder": folder})

    def _tell(self, do: str, where: list[str], **more: Any) -> None:
        try:
            refused = asked(str(self._control), do=do, where=where, **more)
        except zmq.ZMQError as error:
            raise BadTarget(f"the process of ZeroMQ devices does not answer: {error}; see its log") from error
        if refused:
            raise BadTarget(f"no ZeroMQ device at {' and '.join(where)}: {refused}; end what uses it")

    def facts(self, endpoints: Endpoints) -> Mapping[str, str]:
        used = self._settings
        return {
            **dated(zmq.zmq_version(), RELEASED),
            "pyzmq": zmq.pyzmq_version(),
            "pattern": used.pattern,
            "transport": used.transport,
            "hwm": f"{used.hwm} messages for each connection and side",
        }

    def counters(self, endpoints: Endpoints) -> Counters:
        return Counters(delivered=dict.fromkeys(endpoints.groups))

    def delete(self, endpoints: Endpoints) -> None:
        if self._settings.brokered:
            self._tell("close", endpoints.extra["where"])
        if endpoints.extra["folder"]:
            shutil.rmtree(endpoints.extra["folder"], ignore_errors=True)

    def busy(self) -> str:
        return ""  # nobody else knows where these sockets are

    def close(self) -> None:
        pass
