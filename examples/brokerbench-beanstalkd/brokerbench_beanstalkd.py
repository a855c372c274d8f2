"""beanstalkd as a candidate: a driver for brokerbench in one file, to read before writing your own.

A driver translates the contract of `brokerbench.contract` into one broker's words. Batches go in and out; it times
nothing, counts nothing and retries nothing: the engine measures. Protocol: doc/protocol.txt of beanstalkd.

    pip install ./brokerbench-beanstalkd
    brokerbench run scenario.yaml          # brokers: {work: {driver: beanstalkd}}
"""

import re
import select
import shutil
import socket
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from typing import Annotated, Any
from urllib.parse import urlsplit

from pydantic import Field

from brokerbench.contract import (
    NO_CONFIRMS,
    NO_DELIVERIES,
    Admin,
    BadTarget,
    Batch,
    CannotPromise,
    Confirms,
    Connection,
    ConnectionLost,
    Consumer,
    Counters,
    Deliveries,
    Destination,
    Endpoints,
    Event,
    Fate,
    Feature,
    Producer,
    Session,
    Settle,
    StandIn,
)
from brokerbench.model import (
    SURVIVES_ORDER,
    Count,
    Delivery,
    Frozen,
    Guarantee,
    Promise,
    PromisePoint,
    Scenario,
    ServerKind,
    Survives,
)
from brokerbench.servers import Availability, NotAvailable, Server, ServerHost, ServerRecipe

__all__ = ["DRIVER"]

LARGEST_BYTES = 2**26
READ_BYTES = 2**18
ANSWER_S = 15.0
AT_ONCE = 200  # jobs asked for with one write
WAIT_S = 1
_TO_RESERVE = (b"RESERVED", b"TIMED_OUT", b"DEADLINE_SOON")
_SETTLE = {Settle.ACCEPT: b"delete %b\r\n", Settle.REQUEUE: b"release %b 0 0\r\n", Settle.REJECT: b"bury %b 0\r\n"}


class Settings(Frozen):
    """What a scenario may set. None: `promise` fills it in, so that it keeps what is asked."""

    binlog: bool | None = Field(default=None, description="jobs are written to a log before they are confirmed")
    fsync_ms: Annotated[int, Field(ge=0)] | None = Field(
        default=None, description="how often the log is flushed to disk at most; 0: with every write"
    )
    ttr_s: Count = Field(default=120, description="a reserved job comes again after this, if nobody settles it")


class BeanstalkdServer:
    """A recipe: how the server comes up here. Whatever `host.spawn` starts is ended with the run."""

    def available(self) -> Availability:
        found = shutil.which("beanstalkd")
        what = f"beanstalkd at {found}" if found else "no beanstalkd here: apt-get install beanstalkd"
        return Availability(ready=found is not None, what=what)

    def fetch(self, say: Callable[[str], None]) -> None:
        if not self.available().ready:
            raise NotAvailable(self.available().what)

    def key(self, settings: Settings) -> str:
        """Candidates with equal keys share one server."""
        return f"binlog={settings.binlog} fsync_ms={settings.fsync_ms}"

    def start(self, host: ServerHost, settings: Settings) -> Server:
        self.fetch(host.say)
        port = host.free_port()
        argv = ["beanstalkd", "-l", "127.0.0.1", "-p", str(port), "-z", str(LARGEST_BYTES)]
        if settings.binlog:
            folder = host.folder / "binlog"
            folder.mkdir(exist_ok=True)  # there already, when a killed server comes up again
            argv += ["-b", str(folder), "-f", str(settings.fsync_ms or 0)]
        process = host.spawn(argv)
        address = {"host": "127.0.0.1", "port": port}
        host.wait_until(lambda: _usable(address), process, 20, f"beanstalkd on port {port}")
        return Server(address, process, {"command": " ".join(argv)}, stop_grace_s=2.0)


def _usable(address: Mapping[str, Any]) -> bool:
    try:
        Talk(address).close()
    except BadTarget:
        return False
    return True


class Talk:
    """One socket. Answers come in the order of the commands, so many commands may be on their way at once."""

    def __init__(self, address: Mapping[str, Any]) -> None:
        self.where = f"{address['host']}:{address['port']}"
        try:
            self._socket = socket.create_connection((address["host"], address["port"]), timeout=ANSWER_S)
        except OSError as error:
            raise BadTarget(f"no beanstalkd can be used at {self.where}: {error}; is it running?") from error
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._socket.setblocking(False)
        self._unsent = bytearray()
        self._heard = bytearray()
        self.closed = False

    def say(self, words: bytes) -> None:
        self._unsent += words
        self.move(0)

    def move(self, timeout_s: float) -> None:
        """Write what waits, read what is there; waits for something to read."""
        try:
            if self._unsent:
                del self._unsent[: self._socket.send(self._unsent)]
        except BlockingIOError:
            pass
        except OSError as error:
            raise ConnectionLost(f"the connection to beanstalkd at {self.where} is gone: {error}") from error
        wants = [self._socket] if self._unsent else []
        if not select.select([self._socket], wants, [], timeout_s)[0]:
            return
        try:
            read = self._socket.recv(READ_BYTES)
        except OSError as error:
            raise ConnectionLost(f"the connection to beanstalkd at {self.where} is gone: {error}") from error
        if not read:
            raise ConnectionLost(f"beanstalkd at {self.where} has closed the connection")
        self._heard += read

    def answer(self) -> tuple[bytes, bytes] | None:
        """The next whole one: its line, and the data that some lines announce."""
        end = self._heard.find(b"\r\n")
        if end < 0:
            return None
        line = bytes(self._heard[:end])
        if not line.startswith((b"RESERVED ", b"OK ")):
            del self._heard[: end + 2]
            return line, b""
        size = int(line.rsplit(b" ", 1)[1])
        if len(self._heard) < end + 4 + size:
            return None
        data = bytes(self._heard[end + 2 : end + 2 + size])
        del self._heard[: end + 4 + size]
        return line, data

    def ask(self, words: bytes) -> tuple[bytes, bytes]:
        """One command and its answer: for setting up, not for the load."""
        self.say(words)
        deadline = time.monotonic() + ANSWER_S
        while (found := self.answer()) is None:
            if time.monotonic() > deadline:
                raise BadTarget(f"beanstalkd at {self.where} does not answer {words.split()[0].decode()}")
            self.move(0.05)
        return found

    @property
    def written(self) -> bool:
        return not self._unsent

    def close_after(self, answered: Callable[[], bool], hear: Callable[[float], object]) -> None:
        """Close once all is answered, or after `ANSWER_S`. A second time does nothing."""
        # By time: each turn may hear one answer of hundreds, so a number of turns would be no bound in time.
        deadline = time.monotonic() + ANSWER_S
        with suppress(ConnectionLost):
            while not self.closed and not answered() and time.monotonic() < deadline:
                hear(0.02)
        self.close()

    def close(self) -> None:
        self.closed = True
        self._socket.close()  # a second time does nothing


class BeanstalkdAdmin:
    """The coordinator's side. A tube exists while somebody uses it or a job is in it."""

    def __init__(self, address: Mapping[str, Any], settings: Settings) -> None:
        self._address, self._settings = dict(address), settings
        self._talk = Talk(address)
        self._published = 0  # of tubes that were deleted and exist again, which beanstalkd goes on counting

    def declare(self, destination: Destination) -> Endpoints:
        endpoints = Endpoints(self._address, destination.name, dict.fromkeys(destination.groups, destination.name))
        self._talk.ask(b"use %b\r\n" % destination.name.encode())  # so that it is there, with its counters
        self.delete(endpoints)
        self._published = int(self._stats(destination.name)["total-jobs"])
        return endpoints

    def _stats(self, tube: str = "") -> dict[str, str]:
        line, data = self._talk.ask(b"stats-tube %b\r\n" % tube.encode() if tube else b"stats\r\n")
        if not line.startswith(b"OK"):
            raise BadTarget(f"beanstalkd at {self._talk.where} says {line.decode()} to stats of {tube or 'itself'}")
        return dict(re.findall(r'^([\w-]+): "?([^"\n]*)"?$', data.decode(), re.MULTILINE))

    def facts(self, endpoints: Endpoints) -> Mapping[str, str]:
        stats = self._stats()
        told: dict[str, str] = {
            name: stats[name] for name in ("max-job-size", "binlog-max-size", "draining") if name in stats
        }
        return {"version": stats["version"], "ttr_s": str(self._settings.ttr_s), **told}

    def counters(self, endpoints: Endpoints) -> Counters:
        stats = self._stats(endpoints.destination)
        waiting = sum(int(stats[f"current-jobs-{state}"]) for state in ("ready", "reserved", "delayed"))
        return Counters(int(stats["total-jobs"]) - self._published, dict.fromkeys(endpoints.groups), waiting)

    def delete(self, endpoints: Endpoints) -> None:
        """Its jobs, one by one: beanstalkd has no word for all of them."""
        tube = endpoints.destination.encode()
        self._talk.ask(b"watch %b\r\n" % tube)
        self._talk.ask(b"ignore default\r\n")
        self._talk.ask(b"use %b\r\n" % tube)
        self._talk.ask(b"kick %d\r\n" % 10**9)  # what was buried is ready again
        while True:
            line, _ = self._talk.ask(b"reserve-with-timeout 0\r\n")
            if not line.startswith(b"RESERVED"):
                break
            self._talk.ask(b"delete %b\r\n" % line.split()[1])
        self._talk.ask(b"watch default\r\n")
        self._talk.ask(b"ignore %b\r\n" % tube)

    def busy(self) -> str:
        others = int(self._stats()["current-connections"]) - 1
        return f"{others} connection{'s' if others > 1 else ''} of others" if others > 0 else ""

    def close(self) -> None:
        self._talk.close()


class BeanstalkdProducer:
    def __init__(self, session: Session) -> None:
        self._talk = Talk(session.endpoints.address)
        self._talk.ask(b"use %b\r\n" % session.endpoints.destination.encode())
        self._head = b"put 0 0 %d " % session.settings.ttr_s
        self._in_flight = session.in_flight
        self._taken = self._answered = 0

    def room(self) -> int:
        return self._in_flight - (self._taken - self._answered)

    def send(self, batch: Batch) -> int:
        payloads = batch.payloads()[: max(0, self.room())]
        head = self._head
        self._taken += len(payloads)
        self._talk.say(b"".join(b"%b%d\r\n%b\r\n" % (head, len(payload), payload) for payload in payloads))
        return len(payloads)

    def confirms(self, timeout_s: float) -> Confirms:
        self._talk.move(timeout_s)
        found: list[tuple[int, int, Fate]] = []
        while (answer := self._talk.answer()) is not None:
            fate = Fate.CONFIRMED if answer[0].startswith(b"INSERTED") else Fate.REFUSED
            if found and found[-1][2] is fate:
                found[-1] = (found[-1][0], self._answered, fate)
            else:
                found.append((self._answered, self._answered, fate))
            self._answered += 1
        return Confirms.of(found) if found else NO_CONFIRMS

    def close(self) -> None:
        self._talk.close_after(lambda: self._talk.written and self._taken == self._answered, self.confirms)


class BeanstalkdConsumer:
    """Asks for many jobs at once: the first reserve may wait for one, the others take what else is there.

    beanstalkd reads nothing from a connection whose reserve waits, so a delete behind it would wait too: a reserve may
    wait only while nothing is unsettled.
    """

    def __init__(self, session: Session) -> None:
        self._talk = Talk(session.endpoints.address)
        self._talk.ask(b"watch %b\r\n" % session.endpoints.destination.encode())
        self._talk.ask(b"ignore default\r\n")
        self._prefetch = session.prefetch
        self._unsettled = 0
        self._reserving = 0  # reserves that have no answer yet
        self._settling = 0

    def receive(self, timeout_s: float) -> Deliveries:
        room = min(self._prefetch - self._unsettled, AT_ONCE)
        if not self._reserving and room > 0:
            self._reserving = room
            wait_s = 0 if self._unsettled else WAIT_S
            self._talk.say(b"reserve-with-timeout %d\r\n" % wait_s + b"reserve-with-timeout 0\r\n" * (room - 1))
        self._talk.move(timeout_s)
        payloads: list[bytes] = []
        tokens: list[bytes] = []
        while (answer := self._talk.answer()) is not None:
            line, data = answer
            if line.startswith(b"RESERVED"):
                tokens.append(line.split()[1])
                payloads.append(data)
            if line.startswith(_TO_RESERVE):
                self._reserving -= 1
            else:
                self._settling -= 1
        self._unsettled += len(payloads)
        return Deliveries(len(payloads), payloads=payloads, tokens=tokens) if payloads else NO_DELIVERIES

    def settle(self, tokens: Any, how: Settle) -> None:
        if tokens:
            self._unsettled -= len(tokens)
            self._settling += len(tokens)
            self._talk.say(b"".join(_SETTLE[how] % token for token in tokens))

    def close(self) -> None:
        """What is unsettled is ready again as soon as the socket is closed."""
        self._prefetch = 0  # no further reserves
        self._talk.close_after(lambda: not (self._reserving or self._settling), self.receive)


class BeanstalkdConnection:
    def __init__(self, session: Session) -> None:
        self._session = session
        self._parts: list[BeanstalkdProducer | BeanstalkdConsumer] = []

    def producer(self, lanes: int = 1) -> Producer:
        made = BeanstalkdProducer(self._session)
        self._parts.append(made)
        return made

    def consumer(self, lanes: int = 1) -> Consumer:
        made = BeanstalkdConsumer(self._session)
        self._parts.append(made)
        return made

    def events(self) -> Sequence[Event]:
        return ()

    def close(self) -> None:
        for part in self._parts:
            part.close()


class BeanstalkdDriver:
    name = "beanstalkd"
    title = "beanstalkd"
    extra = "beanstalkd"
    Settings = Settings
    clients: Mapping[str, str] = {"socket": "socket"}  # this file is the client
    fast_clients: frozenset[str] = frozenset()
    servers: Mapping[ServerKind, ServerRecipe] = {ServerKind.NATIVE: BeanstalkdServer()}

    def features(self, settings: Any) -> frozenset[Feature]:
        """Each one is proved by the conformance suite; nothing else is claimed."""
        proved = {Feature.CONFIRMS, Feature.COMPETING, Feature.SETTLE, Feature.REQUEUE, Feature.ORDER, Feature.COUNTERS}
        return frozenset(proved if settings.binlog is False else proved | {Feature.DURABLE})

    def promise(self, settings: Any, delivery: Delivery, scenario: Scenario, nodes: int = 1) -> Promise:
        groups = len(scenario.topology.groups)
        if groups > 1:
            raise CannotPromise(
                f"beanstalkd gives each job to one consumer, asked are {groups} groups: use groups: {{all: {{}}}}"
            )
        wanted = SURVIVES_ORDER.index(delivery.survives)
        durable = wanted >= SURVIVES_ORDER.index(Survives.BROKER_KILL)
        binlog = durable if settings.binlog is None else settings.binlog
        fsync_ms = settings.fsync_ms
        if fsync_ms is None:
            fsync_ms = 0 if delivery.survives is Survives.POWER_LOSS else 50
        gives = Survives.CLIENT_CRASH
        if binlog:
            gives = Survives.POWER_LOSS if fsync_ms == 0 else Survives.BROKER_KILL
        if wanted > SURVIVES_ORDER.index(gives):
            raise CannotPromise(
                f"beanstalkd survives {gives} here, not {delivery.survives}: use binlog: true, fsync_ms: 0"
            )
        return Promise(
            Guarantee.AT_LEAST_ONCE,
            gives,
            PromisePoint.CONFIRMED,
            settings.model_copy(update={"binlog": binlog, "fsync_ms": fsync_ms}).model_dump(mode="json"),
            ("destination -> a tube; group -> its watchers; prefetch -> reserved and not yet deleted jobs",),
        )

    def address(self, url: str) -> Mapping[str, Any]:
        parts = urlsplit(url)
        if parts.scheme != "beanstalkd" or not parts.hostname:
            raise ValueError("a beanstalkd url is beanstalkd://host[:port]")
        return {"host": parts.hostname, "port": parts.port or 11300}

    def url(self, address: Mapping[str, Any]) -> str:
        return f"beanstalkd://{address['host']}:{address['port']}"

    def admin(self, address: Mapping[str, Any], settings: Any) -> Admin:
        return BeanstalkdAdmin(address, settings)

    def connect(self, session: Session) -> Connection:
        return BeanstalkdConnection(session)

    def stand_in(self, client: str, settings: Any) -> StandIn | None:
        return None


DRIVER = BeanstalkdDriver()
