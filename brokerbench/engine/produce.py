"""A producer's loop in its child process: what is due is stamped, handed over, and its confirm awaited.

Latency starts at the intended time; a stall never forgives the debt; what could not be sent by the end of the
schedule is counted as unsent.
"""

import time
from contextlib import suppress
from typing import Any

import numpy as np
from numpy.typing import NDArray

from brokerbench.contract import BadTarget, Confirms, Connection, ConnectionLost, Driver, Fate, Producer

from .awaited import Awaited
from .batches import Batches
from .channel import Line
from .churn import ORDERLY_S, Reopenings
from .clock import Clock
from .reply_pipe import ReplyReader
from .schedules import schedule_of
from .spec import ChildSpec
from .tally import Tally
from .ticker import Ticker

__all__ = ["run_producer"]

_REOPEN_S = 0.5
_LONGEST_WAIT_NS = 20_000_000
_LAST_NS = 100_000_000
_LINGER_NS = 50_000_000  # where nothing confirms: for the client to write what it took
_OVERDUE_NS = 1_000_000_000
_SLICE_NS = 200_000  # a client that cannot wait below 1 ms is asked this often for its confirms


class _Loop:
    def __init__(self, spec: ChildSpec, driver: Driver, channel: Line, clock: Clock) -> None:
        self.spec, self.driver, self.channel = spec, driver, channel
        self.now, self.sleep, self.wake_ns = clock.now_ns, clock.sleep_s, clock.wake_ns
        self.session = spec.session(driver.Settings.from_base(spec.settings))
        self.schedule = schedule_of(spec)
        self.tally = Tally(spec, self.schedule)
        self.ticker = Ticker(spec, channel, self._sample, clock, lambda: self.spun_ns)
        self.answers, self.awaited = self.tally.answers, self.tally.awaited
        self.replies = ReplyReader(spec, clock) if spec.replies_through else None
        self.overdue_ns = 0  # when what waits for its reply for too long is looked for
        self.batches = Batches(spec)
        self.reopenings = Reopenings(spec)
        self.connection: Connection | None = None
        self.producer: Producer | None = None
        self.t0 = 0
        self.spun_ns = 0
        self.orders: list[dict[str, Any]] = []
        self.stopped = False

    def open(self) -> None:
        self.connection = self.driver.connect(self.session)
        self.producer = self.connection.producer(self.spec.lanes)

    # -- before t0 ------------------------------------------------------------------------------------------------

    def await_go(self) -> None:
        """Send a canary whenever asked, until the coordinator gives t0."""
        while not self.t0 and not self.stopped:
            self._answered(self.producer.confirms(0.01))  # type: ignore[union-attr]
            for order in self.ticker.tick(self.now()):
                match order["do"]:
                    case "canary":
                        self._canary()
                    case "go":
                        self.t0 = order["t0_ns"]
                        self.tally.end_ns = self.spec.window_ns[1]
                        self.ticker.start(self.t0)
                    case "stop" | "close":
                        self.stopped = True

    def _canary(self) -> None:
        self.tally.canaries += self.producer.send(self.batches.canary(self.tally.canaries))  # type: ignore[union-attr]

    # -- the load -------------------------------------------------------------------------------------------------

    def run(self) -> None:
        if self.stopped:
            return
        self.answers.numbering(at_sequence=0, at_ordinal=self.tally.canaries)
        self._wait_for_t0()
        while True:
            now = self.now()
            if now >= self.ticker.due_ns:
                self._tick(now)
            since = now - self.t0
            if since >= self.tally.end_ns and self._over(since):
                return
            if self.spec.most is not None and self.tally.sent >= self.spec.most:
                self.tally.end_ns = min(self.tally.end_ns, since + 1)
                return
            try:
                if since >= self.reopenings.due_ns:
                    self._turn_over(since)
                    continue
                self._step(since)
            except ConnectionLost as lost:
                self._reopen(lost)

    def _over(self, since: int) -> bool:
        """The schedule has ended. What was due in its last moments may still go out, late by what it is."""
        if self.producer is None:
            return True
        owes, end = self.schedule.owes, self.tally.end_ns
        return not (owes and self.tally.sent < self.schedule.due(end - 1) and since < end + _LAST_NS)

    def _wait_for_t0(self) -> None:
        while (left := self.t0 - self.now()) > 0:
            self._answered(self.producer.confirms(min(left / 1e9, 0.02)))  # type: ignore[union-attr]
            self.sleep(max(0, min(self.t0 - self.now(), 20_000_000)) / 1e9)

    def _step(self, since: int) -> None:
        schedule, tally, producer = self.schedule, self.tally, self.producer
        assert producer is not None
        self._replied()
        owed = schedule.due(min(since, tally.end_ns - 1)) - tally.sent
        if owed > 0:
            room = producer.room()
            if room > 0 and self._send(producer, min(owed, room, schedule.batch_cap)):
                self._answered(producer.confirms(0))
                return
            self._pump(producer, since + _LONGEST_WAIT_NS, blocked=True)
        else:
            until = min(schedule.next_ns(tally.sent), tally.end_ns, since + _LONGEST_WAIT_NS)
            self._pump(producer, until, blocked=False)

    def _send(self, producer: Producer, count: int) -> int:
        batch, due = self.batches.make(self.tally.sent, count, self.schedule.times)
        if self.spec.lanes > 1 and self.tally.users is not None:
            batch.lanes = self.tally.users.lanes(batch.count)
        took = producer.send(batch)
        if took:
            self.tally.by_one += took if batch.by_one else 0
            self._handed_over(due[:took], self.now() - self.t0)
        return took

    def _handed_over(self, due: NDArray[np.int64], since: int) -> None:
        if self.spec.confirming:
            self.answers.sent(self.tally.sent, due, since)
        if self.awaited is not None:
            self._ended(self.awaited.sent(self.tally.sent, due, since), since)
        self.tally.hand_overs.add(due, since)
        self.schedule.taken(len(due))
        self.tally.sent += len(due)

    def _pump(self, producer: Producer, until: int, *, blocked: bool) -> None:
        """Give the client time until `until` (ns since t0), but no longer than to the first confirm."""
        before = self.now() - self.t0
        gap = max(0, until - before)
        if self.replies is not None and self._await_reply(self.replies, producer, max(0, gap - self.wake_ns)):
            return
        confirms = producer.confirms(0 if self.replies else max(0, gap - self.wake_ns) / 1e9)
        if len(confirms):
            self._answered(confirms)
            return
        now = self.now() - self.t0
        left = until - now
        if left <= self.wake_ns:
            self._spin(until)
        elif now - before <= gap // 2 and self.replies is None:
            # It came back early: pass the time here, in slices where an answer or room may come.
            waiting = blocked or (self.spec.confirming and self.answers.outstanding > 0)
            self.sleep(min(left - self.wake_ns, _SLICE_NS if waiting else left) / 1e9)

    def _spin(self, until: int) -> None:
        """The last moment before `until` (ns since t0), too short for a sleep. Other threads may run meanwhile."""
        began = time.thread_time_ns()
        while self.now() - self.t0 < until:
            self.sleep(0)
        self.spun_ns += time.thread_time_ns() - began

    def _await_reply(self, replies: ReplyReader, producer: Producer, gap: int) -> bool:
        """Whether one came within `gap` ns. The client is given time in slices, as long as it may have something to do:
        its confirms cannot be waited for beside the replies."""
        waiting = self.answers.outstanding > 0 or (self.awaited is not None and self.awaited.open > 0)
        return replies.wait(min(gap, _SLICE_NS if waiting else gap) / 1e9)

    def _answered(self, confirms: Any) -> None:
        if not len(confirms) or not self.spec.confirming:
            return
        now = self.now() - self.t0
        freed = self.answers.take(confirms, now)
        if self.awaited is not None:
            self._refused(self.awaited, confirms, now)
            return
        self.schedule.freed(freed, now)
        if self.tally.users is not None:
            self.tally.users.answered(*self.answers.sequences(confirms), now)

    def _refused(self, awaited: Awaited, confirms: Confirms, now: int) -> None:
        """To what the broker refused no reply will come."""
        for first, last, fate in zip(*self.answers.sequences(confirms), confirms.fate, strict=True):
            if fate == Fate.REFUSED.value and last >= 0:
                self._ended(awaited.give_up(np.arange(max(first, 0), last + 1), now), now)

    def _replied(self) -> None:
        """Replies that came free their slots, or let their users think, from the moment at which each came."""
        if self.replies is None or self.awaited is None:
            return
        sequences, received = self.replies.take()
        if len(sequences):
            self._ended(*self.awaited.take(sequences, received - self.t0))

    def _ended(self, sequences: NDArray[np.int64], ended: NDArray[np.int64] | int) -> None:
        """These requests are not waited for any more: since then each (ns since t0)."""
        if not len(sequences):
            return
        since = np.broadcast_to(np.asarray(ended, np.int64), len(sequences))
        if self.tally.users is not None:
            self.tally.users.replied(sequences, since)
            return
        for at, count in zip(*np.unique(since, return_counts=True), strict=True):
            self.schedule.freed(int(count), int(at))

    def _tick(self, now: int) -> None:
        if self.awaited is not None and now >= self.overdue_ns:
            self.overdue_ns = now + _OVERDUE_NS
            self._ended(self.awaited.overdue(now - self.t0), now - self.t0)
        for order in self.ticker.tick(now):
            self._order(order)
        for event in self.connection.events() if self.connection else ():
            self.channel.send({"say": "event", "kind": event.kind, "text": event.text})

    def _order(self, order: dict[str, Any]) -> None:
        if order["do"] == "stop":
            self.tally.end_ns = min(self.tally.end_ns, self.now() - self.t0)
        else:
            self.orders.append(order)

    def _drop(self) -> None:
        """Close what is left of a lost connection: a client that lived on would send and be counted behind our back."""
        connection, self.connection, self.producer = self.connection, None, None
        if connection is not None:
            with suppress(BadTarget, ConnectionLost):
                connection.close()

    def _reopen(self, lost: ConnectionLost) -> None:
        """What was outstanding stays unanswered."""
        self.channel.send({"say": "event", "kind": "connection-lost", "text": str(lost)})
        self._forget()
        self._drop()
        if self._opened():
            self.channel.send({"say": "event", "kind": "reopened", "text": ""})

    def _turn_over(self, since: int) -> None:
        """Close in an orderly way, as asked, and open again. What is not confirmed by then is unknown, and what comes
        due meanwhile is late."""
        self.reopenings.begun(since)
        deadline = self.now() + round(ORDERLY_S * 1e9)
        while self.producer is not None and self.answers.outstanding and self.now() < deadline:
            self._answered(self.producer.confirms(0.01))
            if (now := self.now()) >= self.ticker.due_ns:
                self._tick(now)
        self._forget()
        if self.producer is not None:
            with suppress(BadTarget, ConnectionLost):
                self.producer.close()
        self._drop()
        closed = self.now() - self.t0
        if self._opened(closed + round(ORDERLY_S * 1e9)):
            self.reopenings.opened(closed, self.now() - self.t0)

    def _forget(self) -> None:
        """What was outstanding stays unanswered."""
        now = self.now() - self.t0
        freed = self.answers.forget(now)
        if self.awaited is not None:
            self._ended(self.awaited.forget(now), now)
        else:
            self.schedule.freed(freed, now)
            if self.tally.users is not None:
                self.tally.users.given_up(now)

    def _opened(self, at_least: int = 0) -> bool:
        """Try again until the schedule ends, which an order may bring forward, and until then (ns since t0)."""
        while self.now() - self.t0 < max(self.tally.end_ns, at_least):
            try:
                self.open()
            except (BadTarget, ConnectionLost):
                self._drop()
                self.ticker.wait(_REOPEN_S, self._order)
            else:
                self.answers.numbering(at_sequence=self.tally.sent, at_ordinal=0)
                return True
        return False

    # -- after the schedule ---------------------------------------------------------------------------------------

    def await_answers(self) -> None:
        """Until each message has its answer, or the drain's deadline."""
        deadline = self.now() + int(self.spec.drain_s * 1e9)
        try:
            while self.producer is not None and self._waits_still():
                now = self.now()
                if now >= deadline:
                    break
                self._answered(self.producer.confirms(0.01))
                self._replied()
                if now >= self.ticker.due_ns:
                    self._tick(now)
        except ConnectionLost as lost:
            self.channel.send({"say": "event", "kind": "connection-lost", "text": str(lost)})
            self.producer = None

    def _waits_still(self) -> bool:
        if self.awaited is not None and self.awaited.open:
            return True
        if self.spec.confirming:
            return self.answers.outstanding > 0
        return self.now() - self.t0 <= self.tally.end_ns + _LINGER_NS

    def report(self) -> None:
        since = self.now() - self.t0
        if self.awaited is not None:
            self.awaited.forget(self.now() - self.t0)
        self.answers.close()
        self.ticker.tick(self.now())
        self.ticker.last()
        self.channel.send(
            {
                "say": "done",
                "totals": {
                    **self.tally.totals(since),
                    "answered_s": round(since / 1e9, 6),
                    "churn": self.reopenings.totals(),
                },
                "usage": self.ticker.usage(),
                "files": self.answers.files(),
            }
        )

    def await_close(self) -> None:
        """Keep the connection alive until the drain is over, then close it."""
        try:
            while self.producer is not None and not any(o["do"] in ("close", "stop") for o in self.orders):
                self.producer.confirms(0.05)
                self.orders += self.channel.poll(0.02)
        except ConnectionLost:
            self.producer = None
        if self.producer is not None:
            self.producer.close()
        if self.connection is not None:
            self.connection.close()

    def _sample(self) -> dict[str, Any]:
        return self.tally.sample(self.now() - self.t0)


def run_producer(spec: ChildSpec, driver: Driver, channel: Line, clock: Clock) -> None:
    loop = _Loop(spec, driver, channel, clock)
    loop.open()
    channel.send({"say": "ready"})
    loop.await_go()
    loop.run()
    if not loop.stopped:
        loop.await_answers()
    loop.report()
    loop.await_close()
