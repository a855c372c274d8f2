"""stomp.py's transport as we use it: its thread may end a TLS connection at any moment of our sending."""

import selectors
import socket
from typing import Any

import pytest

pytest.importorskip("stomp")

from stomp.exception import NotConnectedException
from stomp.utils import Frame

from brokerbench_drivers.activemq.wire import Wire, _SendQueue


class Ending(Wire):
    """Its connection ends at the moment at which a frame's way has been chosen."""

    ends = False

    @property
    def blocking(self) -> bool:
        found: bool = self.__dict__["blocking"]
        if self.ends:
            self.ends = False
            self.shutdown_queue()
        return found

    @blocking.setter
    def blocking(self, value: bool) -> None:
        self.__dict__["blocking"] = value


@pytest.fixture
def wire() -> Any:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        wire = Ending({"host": "127.0.0.1", "port": 1, "tls": {"ca": None, "cert": None, "key": None}})
        wire.blocking, wire.socket = False, ours
        wire.send_queue, wire.sel = _SendQueue(), selectors.DefaultSelector()
        wire.sel.register(wire.send_queue, selectors.EVENT_READ)
        wire.sel.register(ours, selectors.EVENT_READ)
        yield wire


def test_a_frame_whose_queue_is_taken_away_has_no_connection(wire: Ending) -> None:
    wire.ends = True
    with pytest.raises(NotConnectedException):
        wire.transmit(Frame("SEND", {}, b"x"))


def test_a_queue_that_is_closed_has_none_either(wire: Ending) -> None:
    queue = wire.send_queue
    wire.shutdown_queue()
    with pytest.raises(NotConnectedException):
        queue.put(b"x")
    assert not wire.behind()


def test_a_slip_of_ours_is_no_end_of_a_connection(wire: Ending) -> None:
    wire.send_queue.put = None  # type: ignore[method-assign]
    with pytest.raises(TypeError):
        wire.transmit(Frame("SEND", {}, b"x"))
