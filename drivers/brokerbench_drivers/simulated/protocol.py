"""What goes over the socket between the simulated broker and its clients: frames, many messages in one.

A frame is `u32 bytes of the body, u8 kind, body`. Messages in a body: `u32 count, u32 size, u8 flagged`, then `count`
u32 lengths if the size is 0 (they differ), `count` u8 flags if flagged, then the messages, one after the other.
"""

import json
import select
import socket
import struct
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import IntEnum
from itertools import accumulate, pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from brokerbench.contract import ConnectionLost

__all__ = ["Block", "Kind", "Wire", "block"]

_FRAME = struct.Struct("<IB")
_BLOCK = struct.Struct("<IIB")
_READ_BYTES = 1 << 20
_LONGEST = 1 << 30


class Kind(IntEnum):
    SAY = 1  # a JSON object, either way
    MESSAGES = 2  # to the broker: publish; from it: deliveries
    CONFIRMS = 3  # int64 triples: first, last, fate


_KINDS = frozenset(kind.value for kind in Kind)


@dataclass(frozen=True, slots=True)
class Block:
    """Messages as they came: one after the other in `data`; `size_bytes` of each, or 0 and all their `lengths`."""

    count: int
    size_bytes: int
    lengths: NDArray[np.uint32] | None
    flags: NDArray[np.bool_] | None
    data: memoryview

    @classmethod
    def read(cls, body: bytes) -> "Block":
        count, size, flagged = _BLOCK.unpack_from(body)
        at, lengths, flags = _BLOCK.size, None, None
        if not size:
            lengths = np.frombuffer(body, "<u4", count, at)
            at += 4 * count
        if flagged:
            flags = np.frombuffer(body, np.bool_, count, at)
            at += count
        return cls(count, size, lengths, flags, memoryview(body)[at:])

    def payloads(self) -> list[bytes]:
        data, size = bytes(self.data), self.size_bytes
        if self.lengths is None:
            return [data[at : at + size] for at in range(0, len(data), size)]
        return [data[a:b] for a, b in pairwise(accumulate(self.lengths.tolist(), initial=0))]


def block(
    count: int, size_bytes: int, lengths: Sequence[int] | NDArray[np.int64], flags: Sequence[bool] = ()
) -> list[bytes]:
    """What stands before the messages; `lengths` only where they differ, `flags` only where one is set."""
    flagged = any(flags)
    parts = [_BLOCK.pack(count, size_bytes, flagged)]
    if not size_bytes:
        parts.append(np.asarray(lengths, "<u4").tobytes())
    if flagged:
        parts.append(bytes(flags))
    return parts


class Wire:
    """One end of a connection. Sending never waits: what the socket does not take is kept, and goes with `flush`."""

    def __init__(self, sock: socket.socket) -> None:
        sock.setblocking(False)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._sock = sock
        self._in, self._out = bytearray(), bytearray()
        self._kept: list[tuple[Kind, bytes]] = []  # came while an answer was waited for

    def fileno(self) -> int:
        return self._sock.fileno()

    @property
    def behind(self) -> bool:
        """Whether something waits for the socket."""
        return bool(self._out)

    def send(self, kind: Kind, *parts: bytes | memoryview) -> None:
        """Raises ConnectionLost."""
        whole = [_FRAME.pack(sum(map(len, parts)), kind), *parts]
        gone = 0
        if not self._out:
            try:
                gone = self._sock.sendmsg(whole)
            except BlockingIOError:
                pass
            except OSError as error:
                raise ConnectionLost(f"simulated broker: {error.strerror}") from error
        for part in whole:
            if gone < len(part):
                self._out += memoryview(part)[gone:]
            gone = max(0, gone - len(part))

    def say(self, words: Mapping[str, Any]) -> None:
        self.send(Kind.SAY, json.dumps(words).encode())

    def flush(self) -> None:
        """Send what is kept, as far as the socket takes it. Raises ConnectionLost."""
        try:
            while self._out:
                del self._out[: self._sock.send(self._out)]
        except BlockingIOError:
            pass
        except OSError as error:
            raise ConnectionLost(f"simulated broker: {error.strerror}") from error

    def frames(self) -> list[tuple[Kind, bytes]]:
        """Read once; the frames that are whole now. Raises ConnectionLost."""
        if self._kept:
            kept, self._kept = self._kept, []
            return kept
        try:
            came = self._sock.recv(_READ_BYTES)
        except BlockingIOError:
            return []
        except OSError as error:
            raise ConnectionLost(f"simulated broker: {error.strerror}") from error
        if not came:
            raise ConnectionLost("the simulated broker closed the connection")
        self._in += came
        return self._whole()

    def _whole(self) -> list[tuple[Kind, bytes]]:
        found, at = [], 0
        while len(self._in) - at >= _FRAME.size:
            length, kind = _FRAME.unpack_from(self._in, at)
            if length > _LONGEST or kind not in _KINDS:
                raise ConnectionLost("what listens there does not speak as a simulated broker does")
            end = at + _FRAME.size + length
            if end > len(self._in):
                break
            found.append((Kind(kind), bytes(memoryview(self._in)[at + _FRAME.size : end])))
            at = end
        del self._in[:at]
        return found

    def wait(self, timeout_s: float, *, to_send: bool = False) -> None:
        """Until something comes, or (if asked) more can go out, or time is up; to the microsecond, unlike poll."""
        select.select([self._sock], [self._sock] if to_send else [], [], max(0.0, timeout_s))

    def ask(self, words: Mapping[str, Any], timeout_s: float) -> dict[str, Any]:
        """Say something and wait for what is said back; what else comes is kept for `frames`. Raises ConnectionLost."""
        self.say(words)
        end = time.monotonic() + timeout_s
        came: list[tuple[Kind, bytes]] = []
        while (left := end - time.monotonic()) > 0:
            self.wait(left, to_send=self.behind)
            self.flush()
            came += self.frames()
            said = next((at for at, (kind, _) in enumerate(came) if kind is Kind.SAY), None)
            if said is not None:
                found: dict[str, Any] = json.loads(came.pop(said)[1])
                self._kept = came
                return found
        raise ConnectionLost(f"the simulated broker did not answer within {timeout_s:g} s")

    def close(self) -> None:
        self._sock.close()
