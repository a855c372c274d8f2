"""What takes an ActiveMQ's place to find how much a client alone can do: it answers at once and keeps nothing.

It speaks what our client uses of STOMP 1.2 (https://stomp.github.io/stomp-specification-1.2.html), with the headers
that Artemis and Classic put on a MESSAGE, since reading those is most of stomp.py's work.
"""

from collections.abc import Sequence
from itertools import accumulate
from pathlib import Path

from brokerbench.contract import Destination, Endpoints
from brokerbench.servers import ServerHost
from brokerbench_drivers._dialogue import Unspoken, listens, serve
from brokerbench_drivers._forking import launch, told

from .names import endpoints_of
from .settings import Settings

__all__ = ["ActiveMQStandIn", "Peer"]

_WRITE_BYTES = 1 << 17
_CONNECTED = b"CONNECTED\nversion:1.2\nheart-beat:0,0\nserver:stand-in\n\n\0"
_MESSAGE = (
    b"MESSAGE\nsubscription:0\ncontent-length:%d\nmessage-id:1000,%d\ndestination:%b\nexpires:0\nredelivered:false\n"
    b"priority:4\npersistent:false\ntimestamp:1700000000000\nack:%d\n\n%b\0"
)


class ActiveMQStandIn:
    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    def start(self, host: ServerHost, destination: Destination, canned: Path, size_bytes: int) -> Endpoints:
        port = host.free_port()
        launch(host, __name__, {"port": port, "canned": str(canned), "size_bytes": size_bytes}, lambda: listens(port))
        return endpoints_of({"host": "127.0.0.1", "port": port}, self._settings.product, destination)


class Peer:
    """One client's connection, as a Dialogue."""

    def __init__(self, canned: bytes, size_bytes: int) -> None:
        self._canned, self._size = canned, size_bytes
        self._answers: list[bytes] = []
        self._frames = memoryview(b"")
        self._starts: list[int] = [0]
        self._at = 0
        self._window: int | None = None
        self._cumulative = False
        self._unsettled = self._settled_at = 0

    def feed(self, data: memoryview) -> int:
        heard = bytes(data)
        at = 0
        while True:
            while heard[at : at + 1] == b"\n":  # a heartbeat
                at += 1
            blank = heard.find(b"\n\n", at)
            if blank < 0:
                return at
            head = heard[at:blank]
            end = self._end(heard, head, blank + 2)
            if end < 0:
                return at
            self._frame(head)
            at = end

    def _end(self, heard: bytes, head: bytes, body: int) -> int:
        """Behind the frame's NUL; -1 where it is not here yet."""
        _, found, rest = head.partition(b"\ncontent-length:")
        if not found:
            return heard.find(b"\0", body) + 1 or -1
        end = body + int(rest.partition(b"\n")[0]) + 1
        return end if end <= len(heard) else -1

    def _frame(self, head: bytes) -> None:
        verb, _, lines = head.partition(b"\n")
        if verb == b"SEND":
            receipt = lines.partition(b"receipt:")[2].partition(b"\n")[0]
        else:
            headers = dict(line.split(b":", 1) for line in lines.split(b"\n") if line)
            receipt = headers.get(b"receipt", b"")
            self._control(verb, headers)
        if receipt:
            self._answers.append(b"RECEIPT\nreceipt-id:%b\n\n\0" % receipt)

    def _control(self, verb: bytes, headers: dict[bytes, bytes]) -> None:
        if verb in (b"CONNECT", b"STOMP"):
            self._answers.append(_CONNECTED)
        elif verb == b"SUBSCRIBE":
            self._subscribed(headers)
        elif verb == b"ACK":
            self._settled(int(headers[b"id"]))
        elif verb not in (b"DISCONNECT", b"NACK"):
            raise Unspoken(verb.decode(errors="replace"))

    def _subscribed(self, headers: dict[bytes, bytes]) -> None:
        """All frames of one round, built once; `ack` counts the messages of the round."""
        destination, size = headers[b"destination"], self._size
        bodies = [self._canned[at : at + size] for at in range(0, len(self._canned), size)]
        frames = [_MESSAGE % (size, n, destination, n, body) for n, body in enumerate(bodies, 1)]
        self._frames = memoryview(b"".join(frames))
        self._starts = list(accumulate(map(len, frames), initial=0))
        if count := headers.get(b"activemq.prefetchSize"):
            self._window = int(count)
        elif window_bytes := headers.get(b"consumer-window-size"):
            self._window = int(window_bytes) // len(frames[0]) + 1
        if headers[b"ack"] == b"auto":
            self._window = None
        self._cumulative = headers[b"ack"] == b"client"

    def _settled(self, number: int) -> None:
        if self._cumulative:
            self._unsettled -= (number - self._settled_at) % (len(self._starts) - 1) or len(self._starts) - 1
            self._settled_at = number
        else:
            self._unsettled -= 1

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
        return (self._frames[self._starts[first] : self._starts[self._at]],) if self._at > first else ()


def main() -> None:
    about = told()
    canned = Path(about["canned"]).read_bytes()
    serve(about["port"], lambda: Peer(canned, about["size_bytes"]))


if __name__ == "__main__":
    main()
