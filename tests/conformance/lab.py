"""A small engine of its own for these tests: opens a destination, sends, receives, checks the contract's words."""

import dataclasses
import itertools
import os
import random
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

import numpy as np

from brokerbench.contract import (
    Admin,
    Connection,
    Consumer,
    Deliveries,
    Destination,
    Endpoints,
    Fate,
    Feature,
    Producer,
    Session,
    Settle,
)
from brokerbench.model import (
    Broker,
    Delivery,
    Group,
    Guarantee,
    Load,
    LoadModel,
    Message,
    Promise,
    Scenario,
    Stage,
    Survives,
    Topology,
)
from brokerbench.servers import Server
from tests.conformance.cases import Case
from tests.conformance.payloads import CANARY, batch, body, read

__all__ = ["DEADLINE_S", "Lab", "Sink", "Source", "Trial", "payloads_of", "scenario", "strongest", "until", "within"]

DEADLINE_S = 90.0  # for what comes in milliseconds: long enough that only a hang meets it, on a busy machine too
T = TypeVar("T")
_numbers = itertools.count(1)


def until(
    done: Callable[[], bool],
    what: str | Callable[[], str],
    move: Callable[[], object] | None = None,
    *,
    deadline_s: float = DEADLINE_S,
) -> None:
    """Move things along until `done` is true. Fails when `what`, which may say how far it came, is not in time."""
    end = time.monotonic() + deadline_s
    while True:
        if move is not None:
            move()
        if done():
            return
        assert time.monotonic() < end, f"not within {deadline_s:g} s: {what if isinstance(what, str) else what()}"


def within(deadline_s: float, work: Callable[[], T], what: str) -> T:
    """The result of `work`, in a thread so that a hang fails the test instead of stopping the suite."""
    result: list[T] = []
    errors: list[BaseException] = []

    def run() -> None:
        try:
            result.append(work())
        except BaseException as error:  # noqa: BLE001 - handed to the test
            errors.append(error)

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    thread.join(deadline_s)
    assert not thread.is_alive(), f"hangs: {what}"
    if errors:
        raise errors[0]
    return result[0]


class Source:
    """A producer and what it took. Every call is checked against the contract."""

    def __init__(self, producer: Producer, trial: "Trial", index: int) -> None:
        self.producer = producer
        self.index = index
        self.taken: list[int] = []  # ordinal -> sequence
        self.answered = np.zeros(0, dtype=np.uint8)
        self._trial = trial
        self._confirming = Feature.CONFIRMS in trial.features
        self._next = 0

    @property
    def unanswered(self) -> int:
        return int(np.count_nonzero(self.answered == 0))

    @property
    def confirmed(self) -> list[int]:
        return [self.taken[i] for i in np.flatnonzero(self.answered == Fate.CONFIRMED.value)]

    def offer(self, sizes: Sequence[int], keys: Sequence[bytes] | None = None) -> int:
        """Offer one batch; what is not taken is offered again next time, under the same sequence."""
        room = self.producer.room()
        if room <= 0:
            return 0
        if self._confirming:
            assert room <= self._trial.in_flight - self.unanswered, "room() exceeds in_flight less what is unconfirmed"
        payloads = [body(self._trial.mark, self.index, self._next + i, size) for i, size in enumerate(sizes)]
        took = self.producer.send(batch(payloads, keys))
        assert 0 <= took <= len(sizes)
        assert took <= room, "send took more than room() allowed"
        self.taken += range(self._next, self._next + took)
        self.answered = np.concatenate((self.answered, np.zeros(took, dtype=np.uint8)))
        self._next += took
        return took

    def offer_canary(self) -> bool:
        return self.producer.send(batch([body(self._trial.mark, CANARY, 0, self._trial.size)])) == 1

    def confirms(self, timeout_s: float = 0.0) -> None:
        found = self.producer.confirms(timeout_s)
        assert len(found.first) == len(found.last) == len(found.fate)
        for first, last, fate in zip(found.first.tolist(), found.last.tolist(), found.fate.tolist(), strict=True):
            assert 0 <= first <= last < len(self.taken), f"confirm of {first}..{last}, {len(self.taken)} were taken"
            assert not self.answered[first : last + 1].any(), f"{first}..{last}: answered twice"
            assert fate in (Fate.CONFIRMED.value, Fate.REFUSED.value)
            self.answered[first : last + 1] = fate


class Sink:
    """A consumer and what came to it, in order: (producer, sequence, redelivered)."""

    def __init__(self, consumer: Consumer, trial: "Trial", group: str) -> None:
        self.consumer = consumer
        self.group = group
        self.got: list[tuple[int, int, bool]] = []
        self.canaries = 0
        self.kept: list[Any] = []  # tokens not settled
        self._trial = trial
        self._settling = Feature.SETTLE in trial.features

    def pull(self, timeout_s: float = 0.01, *, settle: Settle | None = Settle.ACCEPT) -> Deliveries:
        deliveries = self.consumer.receive(timeout_s)
        payloads = payloads_of(deliveries)
        again = deliveries.redelivered if deliveries.redelivered is not None else [False] * deliveries.count
        for payload, repeated in zip(payloads, again, strict=True):
            mark, producer, sequence = read(payload)
            assert mark == self._trial.mark, "a message of another destination arrived"
            if producer == CANARY:
                self.canaries += 1
            else:
                self.got.append((producer, sequence, bool(repeated)))
        if deliveries.count and self._settling:
            if settle is None:
                self.kept.append(deliveries.tokens)
            else:
                self.consumer.settle(deliveries.tokens, settle)
        return deliveries

    def of(self, producer: int = 0) -> list[int]:
        """Sequences of one producer, in the order they came."""
        return [sequence for who, sequence, _ in self.got if who == producer]


def payloads_of(deliveries: Deliveries) -> list[bytes]:
    if deliveries.payloads is not None:
        assert len(deliveries.payloads) == deliveries.count
        return [bytes(payload) for payload in deliveries.payloads]
    assert deliveries.buffer is not None
    size = deliveries.size_bytes
    data = bytes(deliveries.buffer)
    assert len(data) == size * deliveries.count
    return [data[at : at + size] for at in range(0, len(data), size)]


class Trial:
    """One destination with its producers and consumers."""

    def __init__(
        self, lab: "Lab", destination: Destination, promise: Promise, prefetch: int, in_flight: int, size: int
    ):
        self._lab = lab
        self.destination = destination
        self.driver = lab.case.driver
        self.settings = self.driver.Settings.from_base(promise.settings)
        self.features = self.driver.features(self.settings)
        self.promise = promise
        self.in_flight = in_flight
        self.prefetch = prefetch
        self.size = size
        self.mark = random.Random(destination.name).getrandbits(32)
        self.admin: Admin = self.driver.admin(lab.server(self.settings).address, self.settings)
        self.endpoints: Endpoints = self.admin.declare(destination)
        self.headers: Mapping[str, str] = {}  # of the sessions made from now on
        self.gone = False  # deleted, or its server is
        self.connections: list[Connection] = []
        self.sources: list[Source] = []
        self.sinks: list[Sink] = []

    def session(self, index: int, group: str | None) -> Session:
        return Session(
            endpoints=self.endpoints,
            client=self._lab.case.client,
            settings=self.settings,
            in_flight=self.in_flight,
            prefetch=self.prefetch,
            size_bytes=self.size,
            index=index,
            group=group,
            headers=self.headers,
        )

    def moved_to(self, address: Mapping[str, Any]) -> None:
        """Its server has come up again elsewhere."""
        self.endpoints = dataclasses.replace(self.endpoints, address=address)

    def source(self, index: int = 0, lanes: int = 1) -> Source:
        connection = self.driver.connect(self.session(index, None))
        self.connections.append(connection)
        made = Source(connection.producer(lanes), self, index)
        self.sources.append(made)
        return made

    def sink(self, group: str = "a", index: int = 0) -> Sink:
        connection = self.driver.connect(self.session(index, group))
        self.connections.append(connection)
        made = Sink(connection.consumer(), self, group)
        self.sinks.append(made)
        return made

    def ready(self) -> None:
        """Where nobody is between the clients, a canary from each source must have come to each sink."""
        if not self._lab.case.brokerless:
            return
        for source in self.sources:
            before = [sink.canaries for sink in self.sinks]

            def arrived(source: Source = source, before: Sequence[int] = before) -> bool:
                source.offer_canary()
                for sink in self.sinks:
                    sink.pull(0.001)
                return all(sink.canaries > seen for sink, seen in zip(self.sinks, before, strict=True))

            until(arrived, "a canary from each producer to each consumer")

    def send(self, source: Source, count: int, sizes: Callable[[], int] | int = 64, most: int = 100) -> None:
        """Send `count` more, in batches of random length; sinks are pulled and confirms read on the way."""
        chance = random.Random(count)
        goal = len(source.taken) + count

        def sent() -> bool:
            left = goal - len(source.taken) if self._in_reach() else 0
            size = sizes if callable(sizes) else (lambda: sizes)
            if left and source.producer.room() > 0:
                source.offer([size() for _ in range(min(left, chance.randint(1, most)))])
            self.turn()
            return len(source.taken) == goal

        until(sent, f"{goal} messages sent")

    def _in_reach(self) -> bool:
        """Where nothing confirms, a full queue may drop: stay well within in_flight of the consumers."""
        if Feature.CONFIRMS in self.features or not self.sinks:
            return True
        sent = sum(len(each.taken) for each in self.sources)
        groups = {sink.group for sink in self.sinks}
        slowest = min(sum(len(sink.got) for sink in self.sinks if sink.group == group) for group in groups)
        return sent - slowest < self.in_flight // 2

    def turn(self) -> None:
        """What the engine does all the time."""
        for source in self.sources:
            source.confirms(0.0)
        for sink in self.sinks:
            sink.pull(0.0)

    def settle_down(self) -> None:
        """Every confirm is here, every group has every message."""

        def done() -> bool:
            for source in self.sources:
                source.confirms(0.001)
            for sink in self.sinks:
                for _ in range(100):  # a client may hand over one message at a time
                    if not sink.pull(0.001).count:
                        break
            return self._all_confirmed() and self._all_received()

        until(done, "each message confirmed, and received by each group")

    def _all_confirmed(self) -> bool:
        return Feature.CONFIRMS not in self.features or not any(source.unanswered for source in self.sources)

    def _all_received(self) -> bool:
        groups = {sink.group for sink in self.sinks}
        sent = sum(len(source.taken) for source in self.sources)
        if any(sum(len(sink.got) for sink in self.sinks if sink.group == group) < sent for group in groups):
            return False  # without looking at each of them
        owed = {(source.index, sequence) for source in self.sources for sequence in source.taken}
        return all(owed <= self.received(group).keys() for group in groups)

    def received(self, group: str) -> Mapping[tuple[int, int], int]:
        """(producer, sequence) -> how often it came to this group."""
        counts: dict[tuple[int, int], int] = {}
        for sink in self.sinks:
            if sink.group == group:
                for producer, sequence, _ in sink.got:
                    counts[producer, sequence] = counts.get((producer, sequence), 0) + 1
        return counts

    def close(self) -> None:
        for connection in self.connections:
            within(DEADLINE_S, connection.close, "Connection.close")
        self.connections.clear()

    def delete(self) -> None:
        if not self.gone:
            self.gone = True
            self.admin.delete(self.endpoints)
        within(DEADLINE_S, self.admin.close, "Admin.close")


def strongest(case: Case) -> Guarantee:
    """At least once takes both: a producer that is answered, a consumer whose unsettled messages come back."""
    both = {Feature.CONFIRMS, Feature.SETTLE} <= case.features
    return Guarantee.AT_LEAST_ONCE if both else Guarantee.AT_MOST_ONCE


def scenario(
    case: Case,
    groups: Mapping[str, int],
    delivery: Delivery,
    *,
    producers: int = 1,
    partitions: int = 1,
    prefetch: int = 500,
    size: int = 64,
    keys: bool = False,
) -> Scenario:
    """A scenario with this one case as its candidate."""
    return Scenario(
        scenario="conformance",
        brokers={"it": Broker(driver=case.driver_name, client=case.client, settings=case.settings.model_dump())},
        topology=Topology(
            producers=producers,
            partitions=partitions,
            groups={name: Group(consumers=consumers, prefetch=prefetch) for name, consumers in groups.items()},
        ),
        message=Message.model_validate({"size": f"{size}B", "keys": {"cardinality": 16} if keys else None}),
        delivery=delivery,
        load=Load(model=LoadModel.SATURATE, stages=(Stage.model_validate({"steady": "1s"}),)),
    )


class Lab:
    """Makes trials for one case, and takes them down."""

    def __init__(self, case: Case, server: Callable[[Case, Any], Server]) -> None:
        self.case = case
        self._server = server
        self._trials: list[Trial] = []

    def server(self, settings: Any) -> Server:
        return self._server(self.case, settings)

    def delivery(self, in_flight: int, survives: Survives) -> Delivery:
        return Delivery(guarantee=strongest(self.case), survives=survives, in_flight=in_flight)

    def trial(
        self,
        groups: Mapping[str, int] | None = None,
        *,
        producers: int = 1,
        partitions: int = 1,
        in_flight: int = 500,
        prefetch: int = 500,
        size: int = 64,
        keys: bool = False,
        name: str | None = None,
        survives: Survives = Survives.NOTHING,
        again: bool = False,
    ) -> Trial:
        """`again`: what is unsettled is to come again soon."""
        groups = {"a": 1} if groups is None else groups
        delivery = self.delivery(in_flight, survives)
        asked = scenario(
            self.case,
            groups,
            delivery,
            producers=producers,
            partitions=partitions,
            prefetch=prefetch,
            size=size,
            keys=keys,
        )
        settings = self.case.settings_of(again=again)
        promise = self.case.driver.promise(settings, delivery, asked, self.case.flavour.server.nodes)
        name = name or f"bb.c{os.getpid()}.t{next(_numbers)}"
        trial = Trial(self, Destination(name, partitions, producers, groups), promise, prefetch, in_flight, size)
        self._trials.append(trial)
        return trial

    def facts(self) -> Mapping[str, str] | None:
        """What the server of the first trial says, and who started it knows, as a run has it; None if it is gone."""
        there = [trial for trial in self._trials if not trial.gone]
        if not there:
            return None
        return {**there[0].admin.facts(there[0].endpoints), **self.server(there[0].settings).about}

    def close(self) -> None:
        trials, self._trials = self._trials, []
        for trial in trials:
            trial.close()
            trial.delete()
