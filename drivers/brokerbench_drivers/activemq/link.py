"""One STOMP connection through stomp.py, whose thread reads and calls back."""

import logging
import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any

from stomp.exception import StompException

from brokerbench.contract import BadTarget
from brokerbench_drivers._losing import Losable
from brokerbench_drivers._tls import refused

from .address import where
from .wire import CONNECT_S, Stomp, Wire

__all__ = ["Link"]

_STEP_S = 0.01
_CLOSE_STEPS = 500  # 5 s for parting words
_GOODBYE = "goodbye"
_FAILURES = (OSError, StompException)

# What it would print, a lost connection for one, is told by exceptions and events here.
logging.getLogger("stomp.py").setLevel(logging.CRITICAL + 1)


class Link(Losable):
    """`on_frame(frame)` gets each MESSAGE, `on_receipt(number)` each numbered RECEIPT, on stomp.py's thread."""

    def __init__(self, address: Mapping[str, Any]) -> None:
        super().__init__()
        self._where = where(address)
        self.on_frame: Callable[[Any], None] = lambda frame: None
        self.on_number: Callable[[int], None] = lambda number: None
        self._refused = ""
        self._answers: dict[str, threading.Event] = {}
        self._up = threading.Event()
        self._connected = False
        self._wire = Wire(address)
        self._stomp = Stomp(self._wire)
        self._stomp.set_listener("brokerbench", self)
        try:
            self._stomp.transport.start()
            self._stomp.connect(address.get("user"), address.get("password"))
            self._up.wait(CONNECT_S)
        except _FAILURES as error:
            # Of a connection that had ended before it was used stomp.py says nothing here: its thread knows why.
            self._refused = self._refused or str(error)
        if not self._connected:
            self._leave()
            said = self._refused or self._wire.broken
            why = said or "no answer to CONNECT: does it speak STOMP there?"
            why = refused(why, address.get("tls"), silent=not said)
            raise BadTarget(f"no ActiveMQ can be used at {self._where}: {why}")

    # -- what stomp.py calls ---------------------------------------------------------------------------------------

    def on_connected(self, frame: Any) -> None:
        self._connected = True
        self._up.set()

    def on_message(self, frame: Any) -> None:
        self.on_frame(frame)

    def on_receipt(self, frame: Any) -> None:
        name = frame.headers["receipt-id"]
        if name.isdigit():
            self.on_number(int(name))
        elif name in self._answers:
            self._answers[name].set()

    def on_error(self, frame: Any) -> None:
        body = frame.body.decode(errors="replace") if frame.body else ""
        said = frame.headers.get("message") or (body.splitlines() or ["ERROR"])[0]
        self._refused = said
        if self._connected:
            self.lose(f"the broker says: {said}")
        self._up.set()

    def on_disconnected(self) -> None:
        self.lose(self._refused or "closed by the server")
        self._up.set()

    def on_heartbeat_timeout(self) -> None:
        self.lose("no heartbeat")

    # -- what the driver calls -------------------------------------------------------------------------------------

    def lose(self, why: str) -> None:
        if self.usable:
            self._lose(f"connection to ActiveMQ at {self._where} is gone: {why}")
            for answer in self._answers.values():
                answer.set()

    def put(self, frames: bytes) -> None:
        """Never raises: who is lost is told by the next `check`."""
        try:
            self._wire.put(frames)
        except _FAILURES as error:
            self.lose(str(error) or type(error).__name__)

    def behind(self) -> bool:
        """Whether something given to `put` still waits for the socket."""
        try:
            return self._wire.behind()
        except _FAILURES as error:
            self.lose(str(error) or type(error).__name__)
            return False

    def subscribe(self, destination: str, ack: str, headers: Mapping[str, str]) -> None:
        """Returns when the broker has it. Raises BadTarget."""
        taken = self._answers["subscribed"] = threading.Event()
        asked = {**headers, "receipt": "subscribed"}
        try:
            self._stomp.subscribe(destination, id="0", ack=ack, headers=asked)
        except _FAILURES as error:
            self.lose(str(error) or type(error).__name__)
        if not taken.wait(CONNECT_S) or self._lost is not None:
            raise BadTarget(
                f"ActiveMQ at {self._where} gives no subscription to {destination}: {self._lost or 'silent'}"
            )

    def close(self) -> None:
        """What was put is written and answered first, for a bounded time."""
        if self._closing:
            return
        usable, self._closing = self.usable, True
        if usable:
            said = self._answers[_GOODBYE] = threading.Event()
            with suppress(*_FAILURES):
                self._stomp.disconnect(_GOODBYE)
                for _ in range(_CLOSE_STEPS):
                    if said.wait(_STEP_S):
                        break
                    self._wire.behind()
        self._leave()

    def _leave(self) -> None:
        self._closing = True
        # stomp.py's thread may be ending it too: what is not there any more is no matter.
        with suppress(*_FAILURES, AttributeError, KeyError, ValueError):
            self._wire.disconnect_socket()
        if self._wire.io_thread is not None:
            self._wire.io_thread.join(_STEP_S * _CLOSE_STEPS)
