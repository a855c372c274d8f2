"""Where producers will bind: there is nothing else to administer without a broker."""

import shutil
import tempfile
from collections.abc import Mapping

import zmq

from brokerbench.contract import Counters, Destination, Endpoints
from brokerbench_drivers._dated import dated

from .names import places
from .releases import RELEASED
from .settings import Settings

__all__ = ["ZeromqAdmin"]


class ZeromqAdmin:
    """Chooses the places; the sockets themselves are the children's."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    def declare(self, destination: Destination) -> Endpoints:
        folder = tempfile.mkdtemp(prefix="bb-zmq-") if self._settings.transport == "ipc" else ""
        where = places(self._settings.transport, folder, destination.producers)
        groups = dict.fromkeys(destination.groups, destination.name)
        return Endpoints({}, destination.name, groups, extra={"where": where, "folder": folder})

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
        if endpoints.extra["folder"]:
            shutil.rmtree(endpoints.extra["folder"], ignore_errors=True)

    def busy(self) -> str:
        return ""  # nobody else knows where these sockets are

    def close(self) -> None:
        pass
