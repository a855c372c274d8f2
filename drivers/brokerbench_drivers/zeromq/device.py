"""A process with a device for each destination: ZeroMQ's own proxy between two sockets, which the clients connect to.

The library moves the messages in C; Python only makes and ends devices, asked on a control socket of its own. Each
device has a context of its own, so that ending it frees its thread and all that it still held.
"""

import sys
from threading import Thread
from typing import Any

import zmq

__all__ = ["CONTROL_MS", "SIDES", "asked", "main"]

CONTROL_MS = 15_000  # it answers in milliseconds; a process that is short of CPU late, not never
_ALL = b"\x01"  # a subscription's first byte, and no prefix
# The producers' side, then the consumers'. ROUTER puts the producer's name before each message: consumers cut it off.
SIDES = {"queue": (zmq.ROUTER, zmq.DEALER), "forwarder": (zmq.XSUB, zmq.XPUB)}


def asked(control: str, **order: Any) -> str:
    """Tell the process something; what it answers, empty where all is well. Raises zmq.Again where it is silent."""
    with zmq.Context() as context, context.socket(zmq.REQ) as socket:
        socket.set(zmq.LINGER, 0)
        socket.set(zmq.RCVTIMEO, CONTROL_MS)
        socket.set(zmq.SNDTIMEO, CONTROL_MS)
        socket.connect(control)
        socket.send_json(order)
        return str(socket.recv_json())


class _Device:
    """Runs until it is closed. Raises zmq.ZMQError where a place is taken."""

    def __init__(self, pattern: str, hwm: int, front: str, back: str) -> None:
        self._context = zmq.Context()
        self._sockets = [self._context.socket(kind) for kind in SIDES[pattern]]
        try:
            for socket, where in zip(self._sockets, (front, back), strict=True):
                socket.set(zmq.SNDHWM, hwm)
                socket.set(zmq.RCVHWM, hwm)
                socket.set(zmq.LINGER, 0)
                socket.bind(where)
            if pattern == "forwarder":
                # Else the last consumer's leaving and the next one's coming reach the producers one after the other,
                # and what they send in between they drop, though the next one may have got older messages by then.
                self._sockets[0].send(_ALL)
        except zmq.ZMQError:
            self._context.destroy(0)
            raise
        self._thread = Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        try:
            zmq.proxy(*self._sockets)
        except zmq.ContextTerminated:
            for socket in self._sockets:
                socket.close(0)

    def close(self) -> None:
        self._context.term()  # returns when the thread has closed its sockets
        self._thread.join()


def main() -> None:
    """`python -m brokerbench_drivers.zeromq.device CONTROL`, until it is ended."""
    devices: dict[str, _Device] = {}
    control: Any = zmq.Context.instance().socket(zmq.REP)
    control.bind(sys.argv[1])
    while True:
        order: Any = control.recv_json()
        answer = ""
        try:
            if order["do"] == "open":
                front, back = order["where"]
                devices[front] = _Device(order["pattern"], order["hwm"], front, back)
            elif order["do"] == "close" and (device := devices.pop(order["where"][0], None)) is not None:
                device.close()
        except zmq.ZMQError as error:
            answer = str(error)
        control.send_json(answer)


if __name__ == "__main__":
    main()
