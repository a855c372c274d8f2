"""What takes a NATS server's place to find how much a client alone can do: it confirms at once and keeps nothing.

It speaks what our clients use of https://docs.nats.io/reference/reference-protocols/nats-protocol, and of JetStream
the publish acknowledgement and the acknowledged deliveries of a push consumer. Control lines are read one by one; runs
of publishes that are alike are stepped over together. Where this was developed, one core of it stepped over 32 million
core publishes of 100 B a second, answered 0.6 million of JetStream's and took 1.1 million acknowledgements, the kernel
left out; nats-py had 0.3 million, 0.08 million and 0.09 million to give, and kept it busy for a fifth of a core.
"""

import json
from collections.abc import Sequence
from itertools import accumulate
from pathlib import Path
from typing import Any

from brokerbench.contract import Destination, Endpoints
from brokerbench.servers import ServerHost
from brokerbench_drivers._dialogue import listens, serve
from brokerbench_drivers._forking import launch, told

from .names import endpoints_of
from .settings import SERVER_MAX_PAYLOAD, Settings

__all__ = ["NatsStandIn", "Peer"]

_WRITE_BYTES = 1 << 18
_STORED = b'{"stream":"stand-in","seq":1}'
_ACKS = b"$JS.ACK."


class NatsStandIn:
    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    def start(self, host: ServerHost, destination: Destination, canned: Path, size_bytes: int) -> Endpoints:
        port = host.free_port()
        address = {"host": "127.0.0.1", "port": port}
        endpoints = endpoints_of(address, self._settings.mode, destination)
        about = {
            "port": port,
            "serves": self._served(endpoints, destination),
            "canned": str(canned),
            "size_bytes": size_bytes,
        }
        launch(host, __name__, about, lambda: listens(port))
        return endpoints

    def _served(self, endpoints: Endpoints, destination: Destination) -> dict[str, int | None]:
        """Subject -> how many unsettled messages each of its consumers may hold; None: nothing is settled."""
        if self._settings.mode == "core":
            return {endpoints.destination: None}
        pending, deliver = self._settings.max_ack_pending, endpoints.extra["deliver"]
        return {deliver[g]: max(1, pending.get(g, 1000) // n) for g, n in destination.groups.items()}


class Peer:
    """One client's connection, as a Dialogue."""

    def __init__(self, serves: dict[bytes, int | None], canned: bytes, size_bytes: int) -> None:
        self._serves, self._canned, self._size = serves, canned, size_bytes
        self._wanted = 0  # bytes to hear before the next look is worth it
        self._answers: list[bytes] = [_info(size_bytes)]
        self._inboxes: dict[bytes, bytes] = {}  # what a wildcard subscription begins with -> its id
        self._frames = memoryview(b"")
        self._starts: list[int] = [0]
        self._at = 0
        self._feeds = b""  # the subscription that gets canned messages
        self._window: int | None = None
        self._unsettled = 0

    # -- what it says ---------------------------------------------------------------------------------------------

    def feed(self, data: memoryview) -> int:
        if len(data) < self._wanted:
            return 0
        heard = bytes(data)
        at = self._wanted = 0
        while (stop := heard.find(b"\r\n", at)) >= 0:
            words = heard[at:stop].split()
            verb = words[0]
            if verb not in (b"PUB", b"HPUB"):
                self._control(verb, words)
                at = stop + 2
                continue
            end = stop + 4 + int(words[-1])
            if end > len(heard):
                self._wanted = end - at
                break
            reply = words[2] if len(words) > (3 if verb == b"PUB" else 4) else None
            if reply is not None:
                self._stored(reply)
            elif words[1].startswith(_ACKS):
                self._unsettled -= 1
            else:
                end = at + (end - at) * _alike(heard, at, stop + 2 - at, end - at)
            at = end
        return at

    def _control(self, verb: bytes, words: list[bytes]) -> None:
        if verb == b"PING":
            self._answers.append(b"PONG\r\n")
        elif verb == b"SUB":
            subject, sid = words[1], words[-1]
            if subject in self._serves:
                self._feed(subject, sid)
            elif subject.endswith(b".*"):
                self._inboxes[subject[:-2]] = sid
        elif verb == b"UNSUB" and words[1] == self._feeds:
            self._frames = memoryview(b"")

    def _stored(self, reply: bytes) -> None:
        sid = self._inboxes.get(reply.rpartition(b".")[0])
        if sid is not None:
            self._answers.append(b"MSG %b %b %d\r\n%b\r\n" % (reply, sid, len(_STORED), _STORED))

    def _feed(self, subject: bytes, sid: bytes) -> None:
        """All frames of one round, built once. The acknowledge subject is that of a first delivery, v1 of ADR-15."""
        window, size = self._serves[subject], self._size
        frames = []
        for number, at in enumerate(range(0, len(self._canned), size), 1):
            reply = b"" if window is None else b"%bstand-in.consumer.1.%d.%d.0.0 " % (_ACKS, number, number)
            frames.append(b"MSG %b %b %b%d\r\n%b\r\n" % (subject, sid, reply, size, self._canned[at : at + size]))
        self._feeds, self._window, self._unsettled = sid, window, 0
        self._frames = memoryview(b"".join(frames))
        self._starts = list(accumulate(map(len, frames), initial=0))

    # -- what it is told ------------------------------------------------------------------------------------------

    def output(self) -> Sequence[bytes | memoryview]:
        """Answers, else whole canned messages as far as the window and one write go."""
        if self._answers:
            answers, self._answers = self._answers, []
            return (b"".join(answers),)
        last = len(self._starts) - 1
        if not self._frames:
            return ()
        if self._at == last:
            self._at = 0
        most = max(1, _WRITE_BYTES * last // len(self._frames))
        if self._window is not None:
            most = max(0, min(most, self._window - self._unsettled))
        first, self._at = self._at, min(last, self._at + most)
        self._unsettled += self._at - first
        return (self._frames[self._starts[first] : self._starts[self._at]],) if most else ()


def _info(size_bytes: int) -> bytes:
    most = max(size_bytes, SERVER_MAX_PAYLOAD)
    about: dict[str, Any] = {"server_id": "stand-in", "version": "2.12.0", "proto": 1, "headers": True}
    return b"INFO %b\r\n" % json.dumps({**about, "max_payload": most, "jetstream": True}).encode()


def _alike(data: bytes, at: int, head: int, stride: int) -> int:
    """How many whole frames of `stride` bytes lie there with the same `head` bytes; 1 if not all of them have it.

    Column by column, so that the interpreter takes a step for each byte of the head and not for each message."""
    count = (len(data) - at) // stride
    end = at + count * stride
    same = all(data[at + i : end : stride] == data[at + i : at + i + 1] * count for i in range(head))
    return count if same else 1


def main() -> None:
    about = told()
    serves = {subject.encode(): window for subject, window in about["serves"].items()}
    canned = Path(about["canned"]).read_bytes()
    serve(about["port"], lambda: Peer(serves, canned, about["size_bytes"]))


if __name__ == "__main__":
    main()
