"""A producer with many connections, one for each user: all sockets behind one epoll, moved only inside our calls."""

import resource
import select
import socket
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import pika
from pika.frame import Header, Method
from pika.spec import Basic

from brokerbench.contract import NO_CONFIRMS, BadTarget, Batch, Confirms, ConnectionLost, Event, Fate, Session
from brokerbench_drivers._tls import context, refused

from .address import where
from .lane import Hello, Lane
from .layout import connection_name
from .link import CLOSE_S, OPEN_S, OURS

__all__ = ["Lanes"]

AT_ONCE = 50  # being opened: a broker's listener has a backlog of 128
SPARE_FILES = 64


class Lanes:
    """Raises BadTarget where they cannot all be opened. One that is lost ends all."""

    def __init__(self, address: Mapping[str, Any], session: Session, count: int) -> None:
        settings = session.settings
        self._where = where(address)
        self._in_flight = session.in_flight
        self._outstanding = self._taken = 0
        self._confirming: bool = settings.confirms
        self._answered: list[tuple[int, int, Fate]] = []
        mode = 2 if settings.persistent else 1
        self._properties = pika.BasicProperties(delivery_mode=mode, headers=dict(session.headers) or None)
        extra = session.endpoints.extra
        publish = Basic.Publish(0, extra["exchange"], extra["routing_key"], settings.confirms)
        self._command: bytes = Method(1, publish).marshal()
        self._headers: dict[int, bytes] = {}  # by size
        self._lanes: list[Lane] = []
        self._by_file: dict[int, Lane] = {}
        self._unsent: set[Lane] = set()
        self._lost: str | None = None
        self._events: list[Event] = []
        self._blocked: set[Lane] = set()  # a broker that takes nothing more tells each that publishes
        _allow_files(count)
        # epoll waits in whole milliseconds; select on it, in microseconds. Its own number is low: it comes first.
        self._epoll = select.epoll()
        try:
            for first in range(0, count, AT_ONCE):
                self._open(address, session, range(first, min(first + AT_ONCE, count)))
        except BaseException:
            self.close()
            raise

    def room(self) -> int:
        """A lane whose socket is full keeps its own user waiting, nobody else."""
        if self._lost is not None or self._blocked:
            return 0
        return self._in_flight - self._outstanding

    def send(self, batch: Batch) -> int:
        self._check()
        take = min(self.room(), batch.count)
        if take <= 0:
            return 0
        lanes = batch.lanes or [0] * take
        for payload, lane in zip(batch.payloads()[:take], lanes, strict=False):
            self._publish(self._lanes[lane], payload)
        return take

    def confirms(self, timeout_s: float) -> Confirms:
        self._step(0.0 if self._answered else timeout_s)
        if not self._answered:
            self._check()
            return NO_CONFIRMS
        answered, self._answered = self._answered, []
        self._outstanding -= len(answered)
        return Confirms.of(answered)

    def take_events(self) -> Sequence[Event]:
        events, self._events = self._events, []
        return events

    def close(self) -> None:
        if self._epoll.closed:
            return
        self._until(lambda: not self._unsent, CLOSE_S)
        self._lost = self._lost or "closed"
        for lane in self._lanes:
            lane.end()
        self._until(lambda: not self._by_file, CLOSE_S)
        for lane in self._lanes:
            lane.close()
        self._epoll.close()

    def _open(self, address: Mapping[str, Any], session: Session, numbers: range) -> None:
        name = f"{OURS} {connection_name(session)} lane-"
        tls = context(address["tls"]) if address.get("tls") else None
        user, password, vhost = (address[word] for word in ("user", "password", "vhost"))
        for number in numbers:
            try:
                sock = socket.create_connection((address["host"], address["port"]), OPEN_S)
                if tls is not None:
                    sock = tls.wrap_socket(sock, server_hostname=address["host"])
            except OSError as error:
                why = refused(error.strerror or str(error), address.get("tls"))
                raise BadTarget(f"{self._where}, connection {number + 1}: {why}") from error
            sock.setblocking(False)
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            lane = Lane(sock, Hello(user, password, vhost, f"{name}{number}", self._confirming))
            self._lanes.append(lane)
            self._by_file[sock.fileno()] = lane
            self._epoll.register(sock, select.EPOLLIN)
            self._flush(lane)
        opening = self._lanes[numbers.start :]
        self._until(lambda: self._lost is not None or all(lane.ready for lane in opening), OPEN_S)
        if late := next((lane for lane in opening if not lane.ready), None):
            told = refused(self._lost or f"no answer in {OPEN_S:g} s", address.get("tls"))
            raise BadTarget(
                f"{self._where} as {user!r} on vhost {vhost!r}, connection {self._lanes.index(late) + 1}: {told}"
            )

    def _publish(self, lane: Lane, payload: bytes) -> None:
        size = len(payload)
        header = self._headers.get(size)
        if header is None:
            header = self._headers[size] = Header(1, size, self._properties).marshal()
        lane.publish(self._command, header, payload, self._taken)
        self._taken += 1
        self._outstanding += self._confirming
        self._after(lane)

    def _check(self) -> None:
        if self._lost is not None:
            raise ConnectionLost(f"{self._where}: {self._lost}")

    def _step(self, timeout_s: float) -> None:
        """What has come and what can go; waits for either up to `timeout_s`."""
        if not select.select((self._epoll.fileno(),), (), (), timeout_s)[0]:
            return
        for file, events in self._epoll.poll(0):
            lane = self._by_file[file]
            if events & ~select.EPOLLOUT:
                lane.read()
                self._answered += lane.answered()
            if events & select.EPOLLOUT:
                lane.flush()
            self._after(lane)

    def _until(self, done: Callable[[], bool], timeout_s: float) -> None:
        deadline = time.monotonic() + timeout_s
        while not done() and (left := deadline - time.monotonic()) > 0:
            self._step(left)

    def _flush(self, lane: Lane) -> None:
        lane.flush()
        self._after(lane)

    def _after(self, lane: Lane) -> None:
        """Output that waits is watched for; a lane that is lost is not any more."""
        if lane.writing != (lane in self._unsent):
            (self._unsent.add if lane.writing else self._unsent.discard)(lane)
            self._epoll.modify(lane.sock, select.EPOLLIN | (select.EPOLLOUT if lane.writing else 0))
        if lane.blocked != (lane in self._blocked):
            before = bool(self._blocked)
            (self._blocked.add if lane.blocked else self._blocked.discard)(lane)
            if before != bool(self._blocked):
                self._events.append(Event("blocked" if lane.blocked else "unblocked"))
        if lane.lost is not None and self._by_file.pop(lane.sock.fileno(), None) is not None:
            self._epoll.unregister(lane.sock)
            if self._lost is None:
                self._lost = lane.lost
                self._events.append(Event("dropped", lane.lost))


def _allow_files(connections: int) -> None:
    """Each needs a file. Raises BadTarget where this process may not have so many."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = connections + SPARE_FILES
    if soft >= wanted:
        return
    if hard < wanted:
        raise BadTarget(f"{connections} connections need {wanted} open files, {hard} are allowed: raise ulimit -n")
    resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
