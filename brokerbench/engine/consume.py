"""A consumer's loop in its child process: receive, stamp the time, record, settle."""

from collections import Counter
from collections.abc import Callable, Iterator
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
from .clock import Clock
from .recorder import Recorder
from .reply import Replier
from .spec import ChildSpec
from .ticker import Ticker

__all__ = ["run_consumer"]

_IDLE_S = 0.05
_REOPEN_S = 0.5


class _Loop:
    def __init__(self, spec: ChildSpec, driver: Driver, channel: Line, clock: Clock) -> None:
        self.spec, self.driver, self.channel, self.now = spec, driver, channel, clock.now_ns
        self.session = spec.session(driver.Settings.from_base(spec.settings))
        self.recorder = Recorder(spec)
        self.ticker = Ticker(spec, channel, self._sample, clock)
        self.connection: Connection | None = None
        self.consumer: Consumer | None = None
        self.replier: Replier | None = None  # of who answers
        self.replied: Counter[str] = Counter()
        self.stopped = False
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
            except ConnectionLost as lost:
                self._reopen(lost)
                receive = self.receive
                now = clock()
            if now >= self.ticker.due_ns:
                self.recorder.tick()
                self._tick(now)

    def _tick(self, now: int) -> None:
        for message in self.ticker.tick(now):
            self._order(message)
        if sum(self.recorder.canaries.values()) != self._canaries_said:
            self._canaries_said = sum(self.recorder.canaries.values())
            self.channel.send({"say": "canaries", "seen": {str(p): n for p, n in self.recorder.canaries.items()}})
        for event in self._events():
            self.channel.send({"say": "event", "kind": event.kind, "text": event.text})

    def _events(self) -> Iterator[Event]:
        if self.connection is not None:
            yield from self.connection.events()
        if self.replier is not None:
            yield from self.replier.events()

    def _order(self, message: dict[str, Any]) -> None:
        match message["do"]:
            case "go":
                self.recorder.start(message["t0_ns"])
                self.ticker.start(message["t0_ns"])
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
        """Try again until the coordinator says stop; what was unsettled comes again or is lost: the ledger tells."""
        self.channel.send({"say": "event", "kind": "connection-lost", "text": str(lost)})
        self._drop()
        while not self.stopped:
            try:
                self.open()
            except (BadTarget, ConnectionLost):
                self._drop()
                self.ticker.wait(_REOPEN_S, self._order)
            else:
                self.channel.send({"say": "event", "kind": "reopened", "text": ""})
                return

    def _synced(self) -> dict[str, Any]:
        self.recorder.sync()
        return {"say": "synced", "files": self.recorder.files(), "unique": self.recorder.counts["unique"]}

    def _sample(self) -> dict[str, Any]:
        self.recorder.second()
        return {"counts": dict(self.recorder.counts), "histograms": {"end_to_end": self.recorder.histogram.take()}}

    def finish(self) -> None:
        self.recorder.close()
        if self.replier is not None:
            with suppress(ConnectionLost):
                self.replier.finish()
            self._drop_replier()
        if self.consumer is not None:
            self.consumer.close()
        if self.connection is not None:
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
                    **self.replied,
                },
                "usage": self.ticker.usage(),
                "files": recorder.files(),
                "ids": recorder.ids,
                "foreign_ids": recorder.foreign_ids,
            }
        )


def run_consumer(spec: ChildSpec, driver: Driver, channel: Line, clock: Clock) -> None:
    loop = _Loop(spec, driver, channel, clock)
    loop.open()
    channel.send({"say": "ready"})
    loop.run()
    loop.finish()
