"""A consumer's loop in its child process: receive, stamp the time, record, settle."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from typing import Any

from brokerbench.contract import (
    BadTarget,
    Connection,
    ConnectionLost,
    Consumer,
    Deliveries,
    Driver,
    Event,
    Settle,
)

from .channel import Line
from .churn import Reopenings
from .clock import Clock
from .recorder import Recorder
from .reply import Replier
from .spec import ChildSpec
from .ticker import Ticker
from .work import Worker

__all__ = ["run_consumer"]


class _Away(Exception):
    """The consumer is told to leave, and to come again when it is told so."""


class _TurnOver(Exception):
    """It is time to close the connection and to open it again."""


_IDLE_S = 0.05
_REOPEN_S = 0.5
_ALIVE_NS = 500_000_000  # with its hands full, a client is called this often


class _Loop:
    def __init__(self, spec: ChildSpec, driver: Driver, channel: Line, clock: Clock) -> None:
        self.spec, self.driver, self.channel, self.now = spec, driver, channel, clock.now_ns
        self.sleep = clock.sleep_s
        self.session = spec.session(driver.Settings.from_base(spec.settings))
        self.recorder = Recorder(spec)
        self.ticker = Ticker(spec, channel, self._sample, clock)
        self.connection: Connection | None = None
        self.consumer: Consumer | None = None
        self.replier: Replier | None = None  # of who answers
        self.replied: Counter[str] = Counter()
        self.worker = Worker(spec) if spec.work else None
        self.reopenings = Reopenings(spec)
        self.stopped = self.away = False
        self._t0 = 0
        self._canaries_said = 0

    def open(self) -> None:
        self.connection = self.driver.connect(self.session)
        self.consumer = self.connection.consumer()
        if self.spec.replies:
            self.replier = Replier(self.spec, self.driver, self.session, self.consumer)

    @property
    def receive(self) -> Callable[[float], Deliveries]:
        assert self.consumer is not None
        return self.consumer.receive if self.replier is None else self.replier.receive

    def run(self) -> None:
        settling = self.spec.settling
        recorder = self.recorder
        receive, add = self.receive, recorder.add
        clock = self.now
        while not self.stopped:
            try:
                deliveries = receive(_IDLE_S)
                now = clock()
                if deliveries.count:
                    if not recorder.started:
                        self._tick(now)  # "go" was said before any message of the load was sent: hear it first
                    if recorder.started or not self.spec.canned:
                        add(deliveries, now)
                    if self.replier is not None:
                        self.replier.reply(deliveries)
                    elif settling:
                        self.consumer.settle(deliveries.tokens, Settle.ACCEPT)  # type: ignore[union-attr]
                else:
                    self.recorder.flush()
                if now >= self.ticker.due_ns:
                    self.recorder.tick()
                    self._tick(now)
            except ConnectionLost as lost:
                self._reopen(lost)
                receive = self.receive
            except _Away:
                self._be_away()
                receive = self.receive
            except _TurnOver:
                self._turn_over()
                receive = self.receive

    def run_working(self, worker: Worker) -> None:
        """The same with work on each message: what is in its hands is bounded by the prefetch."""
        called = 0
        while not self.stopped:
            try:
                now = self.now()
                if now >= self.ticker.due_ns:
                    self.recorder.tick()
                    self._tick(now)
                self._get_on(worker, now)
                wait_ns = self._until_next(worker, now)
                room, came = worker.hand < self.spec.prefetch, False
                if room or now - called >= _ALIVE_NS:
                    called = now
                    came = self._take(worker, self.receive(wait_ns / 1e9 if room else 0.0))
                if worker.hand and not came and (left_ns := now + wait_ns - self.now()) > 0:
                    self.sleep(left_ns / 1e9)  # its hands are full, or the client does not wait for so short a time
            except ConnectionLost as lost:
                worker.forget()
                self._reopen(lost)
            except _Away:
                worker.forget()
                self._be_away()
            except _TurnOver:
                with suppress(ConnectionLost):
                    self._settle(worker.leave())
                self._turn_over()

    def _until_next(self, worker: Worker, now: int) -> int:
        """Until a message begins or ends, or there is something else to do."""
        due = worker.next_ns()
        idle = round(_IDLE_S * 1e9)
        return idle if due is None else min(max(0, due + self._t0 - now), idle)

    def _take(self, worker: Worker, deliveries: Deliveries) -> bool:
        """Whether there were any."""
        if not deliveries.count:
            if not worker.hand:
                self.recorder.flush()
            return False
        now = self.now()
        if not self.recorder.started:
            self._tick(now)
        if self.recorder.started:
            worker.take(deliveries, now - self._t0, self._t0)
            self._get_on(worker, now)
            return True
        self.recorder.add(deliveries, now)  # canaries are no work
        if self.replier is not None:
            self.replier.reply(deliveries)
        elif self.spec.settling:
            self.consumer.settle(deliveries.tokens, Settle.ACCEPT)  # type: ignore[union-attr]
        return True

    def _get_on(self, worker: Worker, now: int) -> None:
        since = now - self._t0
        for begun in worker.begun(since, self._t0):
            self.recorder.add(begun.kept, now)
            self.recorder.give_back(begun.returned)
            self.recorder.counts["rejected"] += begun.rejected
        if self.replier is None:
            self._settle(worker.settled(since))
            return
        for done in worker.done(since, self._t0):
            self.replier.reply(done)

    def _settle(self, settled: Iterable[tuple[Any, Settle]]) -> None:
        for tokens, how in settled:
            if self.spec.settling:
                self.consumer.settle(tokens, how)  # type: ignore[union-attr]

    def _tick(self, now: int) -> None:
        for message in self.ticker.tick(now):
            self._order(message)
        if sum(self.recorder.canaries.values()) != self._canaries_said:
            self._canaries_said = sum(self.recorder.canaries.values())
            self.channel.send({"say": "canaries", "seen": {str(p): n for p, n in self.recorder.canaries.items()}})
        for event in self._events():
            self.channel.send({"say": "event", "kind": event.kind, "text": event.text})
        if self._t0 and now - self._t0 >= self.reopenings.due_ns:
            self.reopenings.begun(now - self._t0)
            raise _TurnOver

    def _events(self) -> Iterator[Event]:
        if self.connection is not None:
            yield from self.connection.events()
        if self.replier is not None:
            yield from self.replier.events()

    def _order(self, message: dict[str, Any]) -> None:
        match message["do"]:
            case "go":
                self._t0 = message["t0_ns"]
                self.recorder.start(self._t0)
                self.ticker.start(self._t0)
            case "leave":
                raise _Away
            case "come":
                self.away = False
            case "sync":
                self.channel.send(self._synced())
            case "stop":
                self.stopped = True

    def _drop(self) -> None:
        """Close what is left of a lost connection: a consumer that lived on would hold its share of the messages."""
        connection, self.connection = self.connection, None
        self._drop_replier()
        if connection is not None:
            with suppress(BadTarget, ConnectionLost):
                connection.close()

    def _drop_replier(self) -> None:
        replier, self.replier = self.replier, None
        if replier is not None:
            self.replied += replier.counts()
            replier.close()

    def _reopen(self, lost: ConnectionLost) -> None:
        """What was unsettled comes again or is lost: the ledger tells."""
        self.channel.send({"say": "event", "kind": "connection-lost", "text": str(lost)})
        self._drop()
        if self._opened():
            self.channel.send({"say": "event", "kind": "reopened", "text": ""})

    def _opened(self) -> bool:
        """Try again until the coordinator says stop."""
        while not self.stopped:
            try:
                self.open()
            except (BadTarget, ConnectionLost):
                self._drop()
                self.ticker.wait(_REOPEN_S, self._order)
            else:
                return True
        return False

    def _be_away(self) -> None:
        """Take leave of the broker, as an application that ends; come again when it is told to."""
        self.recorder.flush()
        with suppress(ConnectionLost):
            if self.consumer is not None:
                self.consumer.close()
        self._drop()
        self.away = True
        self.channel.send({"say": "left"})
        while self.away and not self.stopped:
            self.ticker.wait(_IDLE_S, self._order)
        if self._opened():
            self.channel.send({"say": "came"})

    def _turn_over(self) -> None:
        """Close in an orderly way, as asked, and open again. What the client had read ahead comes again."""
        with suppress(ConnectionLost):
            if self.consumer is not None:
                self.consumer.close()
        self._drop()
        closed = self.now() - self._t0
        if self._opened():
            self.reopenings.opened(closed, self.now() - self._t0)

    def _synced(self) -> dict[str, Any]:
        self.recorder.sync()
        return {"say": "synced", "files": self.recorder.files(), "unique": self.recorder.counts["unique"]}

    def _sample(self) -> dict[str, Any]:
        self.recorder.second()
        return {"counts": dict(self.recorder.counts), "histograms": {"end_to_end": self.recorder.histogram.take()}}

    def finish(self) -> None:
        if self.worker is not None and self.consumer is not None and self.replier is None:
            with suppress(ConnectionLost):
                self._settle(self.worker.leave())
        self.recorder.close()
        if self.replier is not None:
            with suppress(ConnectionLost):
                self.replier.finish(self.now)
            self._drop_replier()
        if self.connection is not None and self.consumer is not None:  # else it is away
            self.consumer.close()
            self.connection.close()
        recorder = self.recorder
        self.ticker.last()
        self.channel.send(
            {
                "say": "done",
                "totals": {
                    **dict(recorder.counts),
                    "negative": {"end_to_end": recorder.histogram.negative},
                    "canaries": sum(recorder.canaries.values()),
                    "in_window_received_sum_ns": recorder.received_sum_ns,
                    "carried_in_max_ns": recorder.carried_in_ns,
                    "first_received_s": _seconds(recorder.first_ns),
                    "last_received_s": _seconds(recorder.last_ns),
                    **self.replied,
                    "churn": self.reopenings.totals(),
                    "working_share": None if self.worker is None else self.worker.busy_share(),
                },
                "usage": self.ticker.usage(),
                "files": recorder.files(),
                "ids": recorder.ids,
                "foreign_ids": recorder.foreign_ids,
            }
        )


def _seconds(ns: int | None) -> float | None:
    return None if ns is None else round(ns / 1e9, 6)


def run_consumer(spec: ChildSpec, driver: Driver, channel: Line, clock: Clock) -> None:
    loop = _Loop(spec, driver, channel, clock)
    loop.open()
    channel.send({"say": "ready"})
    if loop.worker is None:
        loop.run()
    else:
        loop.run_working(loop.worker)
    loop.finish()
