"""What stands on the other side of a ZeroMQ client to find its ceiling: raw sockets that speak just enough of ZMTP.

A libzmq of its own would cost as much as the client's. This drains by reading and never looks, and serves blocks of
frames that are built once. Where this was developed, it used 15 % of a core to drain what one pyzmq producer sent, and
4 % to serve one consumer with 1.8 million messages of 100 B a second.
Greeting, READY and framing: ZMTP 3.0, https://rfc.zeromq.org/spec/23/.
"""

import socket
import struct
import time
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any, NoReturn

from brokerbench.contract import Destination, Endpoints
from brokerbench.servers import ServerHost
from brokerbench_drivers._forking import apart, launch, serve_each, told

from .names import places
from .settings import Settings

__all__ = ["ZeromqStandIn"]

_GREETING = b"\xff" + bytes(8) + b"\x7f" + bytes((3, 0)) + b"NULL".ljust(20, b"\0") + bytes(32)
_SUBSCRIBE_ALL = b"\x00\x01\x01"
_AGAIN_S = 0.01  # a producer binds when it comes
_READ_BYTES = 1 << 18
_BLOCK_BYTES = 1 << 20


class ZeromqStandIn:
    """Producers bind and it connects to each; consumers find one more place, where it binds."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    def start(self, host: ServerHost, destination: Destination, canned: Path, size_bytes: int) -> Endpoints:
        where = places(self._settings.transport, str(host.folder), destination.producers + 1)
        about = {
            "pattern": self._settings.pattern,
            "drain": where[:-1],
            "serve": where[-1],
            "canned": str(canned),
            "size_bytes": size_bytes,
        }
        launch(host, __name__, about, lambda: _listens(where[-1]))
        groups = dict.fromkeys(destination.groups, destination.name)
        return Endpoints({}, destination.name, groups, extra={"where": where, "folder": ""})


def _listens(where: str) -> bool:
    _connect(where).close()
    return True


def _address(where: str) -> tuple[socket.AddressFamily, Any]:
    scheme, _, rest = where.partition("://")
    if scheme == "ipc":
        return socket.AF_UNIX, rest
    host, _, port = rest.rpartition(":")
    return socket.AF_INET, (host, int(port))


def _connect(where: str) -> socket.socket:
    family, address = _address(where)
    made = socket.socket(family)
    try:
        made.connect(address)
    except OSError:
        made.close()
        raise
    return made


def _ready(kind: bytes) -> bytes:
    name = b"Socket-Type"
    body = b"\x05READY" + bytes((len(name),)) + name + struct.pack(">I", len(kind)) + kind
    return bytes((4, len(body))) + body


def _greet(peer: socket.socket, kind: bytes) -> None:
    """Raises ConnectionError. What the peer says of itself is not read: it is ours."""
    peer.sendall(_GREETING)
    left = len(_GREETING)
    while left:
        found = peer.recv(left)
        if not found:
            raise ConnectionResetError
        left -= len(found)
    peer.sendall(_ready(kind))


def _drain(where: str, kind: bytes) -> NoReturn:
    """One producer after the other, for ever."""
    room = bytearray(_READ_BYTES)
    while True:
        with suppress(OSError), _connect(where) as peer:
            _greet(peer, kind)
            if kind == b"SUB":
                peer.sendall(_SUBSCRIBE_ALL)
            while peer.recv_into(room):
                pass
        time.sleep(_AGAIN_S)


def _frames(canned: bytes, size: int) -> bytes:
    head = bytes((0, size)) if size < 256 else b"\x02" + struct.pack(">Q", size)
    once = b"".join(head + canned[at : at + size] for at in range(0, len(canned), size))
    return once * max(1, _BLOCK_BYTES // len(once))


def _serve(peer: socket.socket, kind: bytes, block: bytes) -> None:
    _greet(peer, kind)
    while True:
        peer.sendall(block)


def main() -> None:
    about = told()
    pipeline = about["pattern"] == "push-pull"
    drains, serves = (b"PULL", b"PUSH") if pipeline else (b"SUB", b"PUB")
    for where in about["drain"]:
        apart(partial(_drain, where, drains))
    family, address = _address(about["serve"])
    listener = socket.socket(family)
    listener.bind(address)
    listener.listen()
    block = _frames(Path(about["canned"]).read_bytes(), about["size_bytes"])
    serve: Callable[[socket.socket], None] = partial(_serve, kind=serves, block=block)
    serve_each(listener, serve)


if __name__ == "__main__":
    main()
