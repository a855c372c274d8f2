"""What a driver is. A driver translates; the engine measures.

A driver never reads a clock, counts, sleeps, retries, decodes a stamp or logs for each message. All calls move
batches. The engine calls every open Producer and Consumer at least once a second, so heartbeats live.

Client libraries are imported only inside `Driver.connect` and `Driver.admin`, so listing drivers needs none of them.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from enum import Enum, StrEnum
from itertools import pairwise
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from brokerbench.model import Delivery, Frozen, Promise, Scenario, ServerKind
from brokerbench.servers import ServerHost, ServerRecipe

__all__ = [
    "NO_CONFIRMS",
    "NO_DELIVERIES",
    "Admin",
    "BadTarget",
    "Batch",
    "Built",
    "Burying",
    "CannotPromise",
    "Choosy",
    "Confirms",
    "Connection",
    "ConnectionLost",
    "Consumer",
    "Counters",
    "Deliveries",
    "Described",
    "Destination",
    "Driver",
    "Endpoints",
    "Event",
    "Fate",
    "Feature",
    "Laned",
    "Locatable",
    "Patient",
    "Producer",
    "Returning",
    "Rewinding",
    "Session",
    "Settle",
    "StandIn",
    "Telling",
    "install_line",
]


class Feature(StrEnum):
    """What a candidate's settings give. Each declared feature is a conformance test; `needs:` uses these words, and
    those of `brokerbench.model.PLAIN_NEEDS` and `VALUED_NEEDS`."""

    CONFIRMS = "confirms"  # the broker confirms each message to its producer
    DURABLE = "durable"  # a confirmed message outlives the broker's process
    GROUPS = "groups"  # several groups, each owed every message
    COMPETING = "competing-consumers"  # consumers of one group share its messages
    SETTLE = "settle"  # unsettled messages come back when their consumer dies
    REQUEUE = "requeue"  # single messages can be given back, and rejected for good
    REDELIVERED_FLAG = "redelivered-flag"  # a message that comes again says so
    ORDER = "order"  # one producer, one consumer: delivered in the order sent
    ORDER_PER_KEY = "order-per-key"  # the same with several consumers, for one key
    REPLAY = "replay"  # a consumed message can be read again
    HEADERS = "headers"  # a message carries names and texts beside its body
    COUNTERS = "counters"  # the broker counts for itself, so we can check ours


class CannotPromise(Exception):
    """These settings cannot give what the scenario asks. The text says what can: it is printed as it stands."""


class BadTarget(Exception):
    """The server cannot be used as configured (not there, refused, wrong password): one line for the user."""


class ConnectionLost(Exception):
    """The connection is gone. The engine marks what was outstanding as unknown."""


class Fate(Enum):
    """How the broker answered a range of messages. What it never answered, the engine makes UNKNOWN."""

    CONFIRMED = 1
    REFUSED = 2


class Settle(Enum):
    ACCEPT = "accept"
    REQUEUE = "requeue"
    REJECT = "reject"


@dataclass(slots=True)
class Batch:
    """`count` stamped payloads, one after the other in `buffer`; valid only until `send` returns.

    `buffer` is C-contiguous, message i is `buffer[offsets[i]:offsets[i + 1]]` (offsets: int64, count + 1).
    `size_bytes` is the size of each where all are equal, else 0. `keys` is None or one key for each message;
    `lanes` is None (all by the producer's first) or one lane for each message.
    """

    buffer: memoryview
    offsets: NDArray[np.int64]
    size_bytes: int
    count: int
    keys: Sequence[bytes] | None = None
    lanes: Sequence[int] | None = None
    by_one: bool = False  # set by `payloads`: the client library takes messages one at a time

    def payloads(self) -> list[bytes]:
        """Each message as bytes, for client libraries that take one at a time."""
        self.by_one = True
        data = bytes(self.buffer)
        size = self.size_bytes
        if size:
            return [data[at : at + size] for at in range(0, len(data), size)]
        ends = self.offsets.tolist()
        return [data[a:b] for a, b in pairwise(ends)]


@dataclass(frozen=True, slots=True)
class Confirms:
    """Ranges of messages that the broker answered. Messages are numbered from 0 in the order `send` took them,
    for each Producer; `first` and `last` are inclusive (int64, one row a range), `fate` holds Fate values (uint8)."""

    first: NDArray[np.int64]
    last: NDArray[np.int64]
    fate: NDArray[np.uint8]

    def __len__(self) -> int:
        return len(self.first)

    @staticmethod
    def of(ranges: Sequence[tuple[int, int, Fate]]) -> "Confirms":
        """From (first, last, fate) tuples."""
        if not ranges:
            return NO_CONFIRMS
        table = np.array([(a, b, fate.value) for a, b, fate in ranges], dtype=np.int64)
        return Confirms(table[:, 0], table[:, 1], table[:, 2].astype(np.uint8))


NO_CONFIRMS = Confirms(np.empty(0, np.int64), np.empty(0, np.int64), np.empty(0, np.uint8))


@dataclass(slots=True)
class Deliveries:
    """What one `receive` brought: either `payloads` (a list) or one `buffer` of `count` messages of `size_bytes`.

    `tokens` is what `settle` will be given back (None where nothing is settled): a sequence with one entry a message,
    of which any part may be settled; or a mapping, a position that covers all of them. `redelivered` (bool),
    `partitions` (int32) and `received_ns` (int64, CLOCK_MONOTONIC, only from an Inbox) have one entry a message, or are
    None.
    """

    count: int
    payloads: Sequence[bytes] | None = None
    buffer: memoryview | NDArray[np.uint8] | None = None
    size_bytes: int = 0
    tokens: Any = None
    redelivered: NDArray[np.bool_] | None = None
    partitions: NDArray[np.int32] | None = None
    received_ns: NDArray[np.int64] | None = None


NO_DELIVERIES = Deliveries(0, payloads=())


@dataclass(frozen=True)
class Event:
    """Something that happened to a connection: blocked, unblocked, slow-consumer, reconnected, dropped."""

    kind: str
    text: str = ""


@dataclass(frozen=True)
class Destination:
    """What the engine asks `Admin.declare` for. `name` carries the run and trial id: `bb.<run>.<trial>`."""

    name: str
    partitions: int
    producers: int
    groups: Mapping[str, int]  # group -> consumers
    dead_letters: tuple[str, ...] = ()  # groups whose rejected messages go to a queue: asked only of a `Burying` driver


@dataclass(frozen=True)
class Endpoints:
    """Where children find the destination, as plain JSON values: it travels to the child processes."""

    address: Mapping[str, Any]  # the server's, as its recipe or the url gave it
    destination: str
    groups: Mapping[str, str] = field(default_factory=dict)  # group -> queue, durable name, group id ...
    partitions: int = 1
    extra: Mapping[str, Any] = field(default_factory=dict)

    def as_json(self) -> dict[str, Any]:
        return asdict(self)


@dataclass(frozen=True)
class Session:
    """All that a connection of one child needs to know. `settings` is the driver's own Settings, promise applied."""

    endpoints: Endpoints
    client: str
    settings: Any
    in_flight: int
    prefetch: int
    size_bytes: int  # of each message; where sizes differ: of the largest
    index: int  # of this producer among producers, or this consumer in its group, at this destination
    group: str | None  # None: a producer's session
    mean_bytes: float | None = None  # where sizes differ
    headers: Mapping[str, str] = field(default_factory=dict)  # of every message; empty but for Feature.HEADERS
    turn: int | None = None  # its index over all destinations, for who deals clients over nodes; None: `index`


@dataclass(frozen=True)
class Counters:
    """The broker's own figures for one destination; None where it has none. `stored` is what waits or is unsettled."""

    published: int | None = None
    delivered: Mapping[str, int | None] = field(default_factory=dict)  # for each group
    stored: int | None = None
    dead_lettered: Mapping[str, int | None] = field(default_factory=dict)  # for each group that has such a queue


class Producer(Protocol):
    def room(self) -> int:
        """How many messages it would take now; never more than the session's in_flight less what is unconfirmed."""

    def send(self, batch: Batch) -> int:
        """Take messages from the front of the batch; return how many. Waits neither for room nor for confirms.

        Never raises after it has taken any: a connection lost then is told by the next call."""

    def confirms(self, timeout_s: float) -> Confirms:
        """Move the protocol along; return at the first confirm, or after `timeout_s` (earlier is allowed)."""

    def close(self) -> None:
        """Flush what was taken within a bounded time, then close. Calling it twice does nothing."""


class Consumer(Protocol):
    def receive(self, timeout_s: float) -> Deliveries:
        """What is there: returns at the first message, never waits to fill a batch; empty after `timeout_s`."""

    def settle(self, tokens: Any, how: Settle) -> None:
        """Settle the deliveries that carried these tokens. A driver may gather ACCEPTs, but not longer than 100 ms."""

    def close(self) -> None: ...


class Connection(Protocol):
    """One for each child process."""

    def producer(self, lanes: int = 1) -> Producer:
        """Each lane is a connection of its own to the broker, with confirms of its own; a message goes by the lane that
        its batch names. Numbers, room and loss are the producer's: one lane lost is all lost. More than one lane is
        asked only of a `Laned` driver."""

    def consumer(self, lanes: int = 1) -> Consumer:
        """Of `session.group`; returns when the next message published would reach it (as far as one side can know)."""

    def events(self) -> Sequence[Event]:
        """What happened since the last call."""

    def close(self) -> None: ...


class Admin(Protocol):
    """One for each candidate, in the coordinator; `close` ends it."""

    def declare(self, destination: Destination) -> Endpoints:
        """Create what the trial needs, fresh and empty. Raises BadTarget."""

    def facts(self, endpoints: Endpoints) -> Mapping[str, str]:
        """`version`, `released` where known, and the effective settings as the broker reports them."""

    def counters(self, endpoints: Endpoints) -> Counters:
        """One reading; the engine reads until it is stable or a deadline has passed."""

    def delete(self, endpoints: Endpoints) -> None:
        """Remove what `declare` made, nothing else."""

    def busy(self) -> str:
        """What others do on this server now, in one line ("3 connections of others, 120 msg/s"); empty where nobody
        else is, or where the broker does not say."""

    def close(self) -> None: ...


@runtime_checkable
class Rewinding(Protocol):
    """An Admin of what keeps its messages: the proof of Feature.REPLAY."""

    def rewind(self, endpoints: Endpoints, group: str) -> None:
        """The group, which has no consumer now, will get everything again from the first message on."""


@runtime_checkable
class Laned(Protocol):
    """A driver whose producers can have many connections in one process."""

    def most_lanes(self, client: str, settings: Any) -> int:
        """Of one producer."""


class StandIn(Protocol):
    """What takes a broker's place to find how much a client alone can do: nothing is kept, nothing is waited for."""

    def start(self, host: ServerHost, destination: Destination, canned: Path, size_bytes: int) -> Endpoints:
        """Returns when a client can use it. What producers send is confirmed at once where the candidate confirms, and
        thrown away. Consumers get the messages of the file `canned` (of `size_bytes` each, one after the other) again
        and again, as fast as they take them; `destination` names no producers then. Raises NotAvailable."""


@runtime_checkable
class Driver(Protocol):
    """One for each broker. Each module of `brokerbench_drivers` has its instance as `DRIVER`."""

    name: str
    title: str  # as people write it: "RabbitMQ"
    extra: str  # the pip extra that brings its clients: "rabbitmq"
    Settings: type[Frozen]
    clients: Mapping[str, str]  # client name -> the import that proves it is installed; the first is the default
    fast_clients: frozenset[str]  # those that cost little beside the broker; the others are what applications use
    servers: Mapping[ServerKind, ServerRecipe]  # in the order that `auto` tries them

    def features(self, settings: Any) -> frozenset[Feature]: ...

    def promise(self, settings: Any, delivery: Delivery, scenario: Scenario, nodes: int = 1) -> Promise:
        """Configure client and broker to keep what is asked, on a server of so many nodes.

        Raises CannotPromise, saying what it can give."""

    def address(self, url: str) -> Mapping[str, Any]:
        """An external server's url -> the address its recipe would give. Raises ValueError."""

    def admin(self, address: Mapping[str, Any], settings: Any) -> Admin:
        """Raises BadTarget when the server cannot be used."""

    def connect(self, session: Session) -> Connection:
        """In a child. Raises BadTarget."""

    def stand_in(self, client: str, settings: Any) -> StandIn | None:
        """For measuring the client's own ceiling; None where nothing can take this broker's place."""


@runtime_checkable
class Choosy(Protocol):
    """A driver with a client that is not for all of its settings."""

    def refusal(self, client: str, settings: Any) -> str:
        """Why this client cannot do what the settings ask, and what can; empty where it can."""


@runtime_checkable
class Returning(Protocol):
    """A driver whose clients differ in what they can do with single messages, so that Feature.REQUEUE cannot say it."""

    def gives_back(self, client: str, settings: Any) -> bool:
        """Whether single messages can be given back, and rejected for good."""


@runtime_checkable
class Patient(Protocol):
    """A driver whose broker waits before it delivers again what a consumer that went away left unsettled."""

    waits_by: str  # the setting's name in a file: "ack_wait"

    def comes_again_s(self, settings: Any) -> float:
        """How long it waits."""


@runtime_checkable
class Burying(Protocol):
    """A driver whose broker puts aside what is rejected, where the settings let it."""

    def dead_letters(self, settings: Any) -> bool:
        """Whether a queue of its own can take what a group rejects, and nothing else comes there."""


@runtime_checkable
class Telling(Protocol):
    """A driver whose broker may be asked for its counters while a load runs. Then `Admin.counters` is called from a
    thread of its own, over an Admin of its own."""

    def told_every_s(self, settings: Any) -> float | None:
        """No oftener than this; None where these settings let it count nothing."""


@runtime_checkable
class Built(Protocol):
    """A driver with a client that its pip extra does not bring, since it has to be built on the machine."""

    def installs(self, client: str) -> str:
        """The command that brings it; empty where the driver's extra does."""


def install_line(driver: Driver, client: str) -> str:
    """The command that brings a client's library."""
    own = driver.installs(client) if isinstance(driver, Built) else ""
    return own or f"pip install 'brokerbench[{driver.extra}]'"


@runtime_checkable
class Locatable(Protocol):
    """A driver whose servers can be named in a scenario: all but the brokerless."""

    def url(self, address: Mapping[str, Any]) -> str:
        """What `Driver.address` reads as this address."""


@runtime_checkable
class Described(Protocol):
    """A driver that tells more of its broker than the suite can prove: licence, protocols, limits, support."""

    qualities: Sequence[Path]  # qualities.yaml files, one for each product that it drives
