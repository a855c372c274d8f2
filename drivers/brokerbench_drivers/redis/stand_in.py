"""What takes a server's place to find how much a client alone can do: it answers at once and keeps nothing.

It speaks what our client says of RESP2 (redis.io/docs, protocol specification). Commands are read one by one; runs of
them that differ in their payload only are stepped over together.
"""

from collections.abc import Sequence
from itertools import accumulate
from pathlib import Path

import numpy as np

from brokerbench.contract import Destination, Endpoints
from brokerbench.servers import ServerHost
from brokerbench_drivers._dialogue import Unspoken, listens, serve
from brokerbench_drivers._forking import launch, told

from .names import endpoints_of
from .settings import Settings

__all__ = ["Peer", "RedisStandIn"]

_ENTRY_ID = b"1700000000000-0"
_RUNS = {b"XADD", b"LPUSH", b"LMOVE", b"LREM"}  # verbs of which a client sends many alike
_ANSWERS = {
    b"XADD": b"$%d\r\n%b\r\n" % (len(_ENTRY_ID), _ENTRY_ID),
    b"XAUTOCLAIM": b"*3\r\n$3\r\n0-0\r\n*0\r\n*0\r\n",
    b"XCLAIM": b"*0\r\n",
    b"PING": b"+PONG\r\n",
    **dict.fromkeys((b"CLIENT", b"SELECT", b"SET"), b"+OK\r\n"),
    **dict.fromkeys((b"LPUSH", b"RPUSH", b"LREM", b"XACK", b"SADD", b"DEL", b"EVAL"), b":1\r\n"),
}


class RedisStandIn:
    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    def start(self, host: ServerHost, destination: Destination, canned: Path, size_bytes: int) -> Endpoints:
        port = host.free_port()
        about = {"port": port, "canned": str(canned), "size_bytes": size_bytes}
        launch(host, __name__, about, lambda: listens(port))
        return endpoints_of({"host": "127.0.0.1", "port": port}, destination)


class _Round:
    """Ready replies, one for each canned message, given out in turn for ever."""

    def __init__(self, frames: list[bytes]) -> None:
        self._frames = memoryview(b"".join(frames))
        self._starts = list(accumulate(map(len, frames), initial=0))
        self._at = 0

    def take(self, most: int) -> tuple[int, memoryview]:
        """How many, and their bytes: fewer than `most` at the end of a round."""
        last = len(self._starts) - 1
        first = self._at % last
        self._at = min(last, first + most)
        return self._at - first, self._frames[self._starts[first] : self._starts[self._at]]


class Peer:
    """One client's connection, as a Dialogue."""

    def __init__(self, canned: bytes, size_bytes: int) -> None:
        bulks = [
            b"$%d\r\n%b\r\n" % (size_bytes, canned[at : at + size_bytes]) for at in range(0, len(canned), size_bytes)
        ]
        self._bulks = _Round(bulks)
        head = b"*2\r\n" + _ANSWERS[b"XADD"] + b"*2\r\n$1\r\nm\r\n"
        self._entries = _Round([head + bulk for bulk in bulks])
        self._answers: list[bytes | memoryview] = []

    def feed(self, data: memoryview) -> int:
        heard = bytes(data)
        at = 0
        while (found := _command(heard, at)) is not None:
            words, end = found
            count = 1
            if words[0] in _RUNS:
                count = _alike(data[at:], end - at, len(words[-1]))
            self._answer(words, count)
            at += count * (end - at)
        return at

    def output(self) -> Sequence[bytes | memoryview]:
        answers, self._answers = self._answers, []
        return answers

    def _answer(self, words: list[bytes], count: int) -> None:
        verb = words[0]
        if verb in _ANSWERS:
            self._answers.append(_ANSWERS[verb] * count)
        elif verb == b"XREADGROUP":
            many, entries = self._entries.take(int(words[words.index(b"COUNT") + 1]))
            key = words[-2]
            self._answers += [b"*1\r\n*2\r\n$%d\r\n%b\r\n*%d\r\n" % (len(key), key, many), entries]
        elif verb == b"RPOP":
            many, bulks = self._bulks.take(int(words[2]))
            self._answers += [b"*%d\r\n" % many, bulks]
        elif verb == b"BRPOP":
            key = words[1]
            self._answers += [b"*2\r\n$%d\r\n%b\r\n" % (len(key), key), self._bulks.take(1)[1]]
        elif verb in (b"LMOVE", b"BLMOVE"):
            while count:
                many, bulks = self._bulks.take(count)
                self._answers.append(bulks)
                count -= many
        else:
            raise Unspoken(f"this stand-in knows no {verb.decode(errors='replace')}")


def _command(heard: bytes, at: int) -> tuple[list[bytes], int] | None:
    """The words of the command there and where it ends; None while it is not whole."""
    stop = heard.find(b"\r\n", at)
    if stop < 0:
        return None
    words: list[bytes] = []
    for _ in range(int(heard[at + 1 : stop])):
        at = stop + 2
        stop = heard.find(b"\r\n", at)
        if stop < 0:
            return None
        start = stop + 2
        stop = start + int(heard[at + 1 : stop])
        if stop + 2 > len(heard):
            return None
        words.append(heard[start:stop])
    return words, stop + 2


def _alike(data: memoryview, stride: int, payload: int) -> int:
    """How many whole commands lie there that are the first one but for their last word."""
    count = len(data) // stride
    rows = np.frombuffer(data, np.uint8, count * stride).reshape(count, stride)
    head = stride - payload - 2
    same = (rows[:, :head] == rows[0, :head]).all(axis=1)
    return count if same.all() else int(same.argmin())


def main() -> None:
    about = told()
    canned = Path(about["canned"]).read_bytes()
    serve(about["port"], lambda: Peer(canned, about["size_bytes"]))


if __name__ == "__main__":
    main()
