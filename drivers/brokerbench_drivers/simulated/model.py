"""The broker itself, as a discrete-event model: pure and deterministic. Time (ns) is always given, never read.

A message that comes is answered, then joins the queue of each group. Who drives it calls `advance` whenever `next_ns`
has come; calls must not go back in time.
"""

from collections.abc import Sequence

from brokerbench.contract import Counters, Fate

from .account import Account
from .answers import Answers
from .fates import Mishap, Mishaps, Stamps
from .group_queue import GroupQueue, Message
from .service import Calendar, ns, service_times
from .settings import Settings

__all__ = ["SimulatedBroker"]


class SimulatedBroker:
    """One destination. The same settings and seed give each group's n-th message the same service time."""

    def __init__(self, settings: Settings, groups: Sequence[str], seed: int | str) -> None:
        self.settings = settings
        self.account = Account(tuple(groups))
        self._calendar = Calendar(settings.stalls)
        self._mishaps = Mishaps(settings.fates)
        self._answers: dict[int, Answers] = {}
        self._connections = 0
        self._queues = {
            group: GroupQueue(
                group, settings, service_times(settings.service, f"{seed}/{group}"), self._calendar, self.account
            )
            for group in groups
        }

    def attach(self) -> int:
        """A producer's connection; its messages are numbered from 0."""
        self._connections += 1
        self._answers[self._connections] = Answers(ns(self.settings.confirm_delay_s))
        return self._connections

    def detach(self, connection: int) -> None:
        """What it is still owed is told to nobody; what it sent stays."""
        del self._answers[connection]

    def publish(self, at_ns: int, connection: int, payloads: Sequence[bytes]) -> None:
        self.advance(at_ns)
        stamps = Stamps(payloads)
        answers = self._answers[connection]
        for at, payload in enumerate(payloads):
            if stamps.canaries[at]:
                self._pass_at_once(answers, payload)
            elif stamps.ours[at]:
                sequence = stamps.sequences[at]
                rows, row = self.account.arrived(stamps.producers[at], sequence, stamps.intended_ns[at], at_ns)
                self._accept(at_ns, answers, Message(payload, rows, row, self._mishaps.of(sequence)))
            else:
                self.account.counts["unstamped"] += 1
                self._accept(at_ns, answers, Message(payload))

    def next_ns(self) -> int | None:
        """When the next thing happens, if nothing comes until then."""
        times = [queue.next_ns() for queue in self._queues.values()]
        times += [answers.next_ns() for answers in self._answers.values()]
        return min((at for at in times if at is not None), default=None)

    def advance(self, to_ns: int) -> None:
        """Everything that is due up to and including `to_ns`."""
        for queue in self._queues.values():
            queue.advance(to_ns)
        for answers in self._answers.values():
            answers.advance(to_ns)

    def answered(self, connection: int) -> bool:
        """Whether there are confirms to take."""
        return bool(self._answers[connection].ready)

    def take_confirms(self, connection: int) -> list[tuple[int, int, Fate]]:
        """(first, last, fate), as `contract.Confirms` has them."""
        answers = self._answers[connection]
        taken, answers.ready = answers.ready, []
        return taken

    def ready(self, group: str) -> int:
        """How many messages wait to be taken."""
        return len(self._queues[group].ready)

    def take_deliveries(self, group: str, most: int, at_ns: int) -> list[tuple[bytes, bool]]:
        """(payload, redelivered), oldest first; a group's consumers get what they take. `at_ns`: they left then."""
        return self._queues[group].take(most, at_ns)

    def counters(self) -> Counters:
        """Canaries are in them, foreign messages are not: nobody published those."""
        account = self.account
        return Counters(
            published=account.counts["published"] + account.counts["canaries"],
            delivered={group: found["delivered"] + found["canaries"] for group, found in account.of_group.items()},
            stored=sum(queue.stored for queue in self._queues.values()),
        )

    def _accept(self, at_ns: int, answers: Answers, message: Message) -> None:
        account, mishaps, number = self.account, message.mishaps, answers.number()
        if self._calendar.t0_ns is None:
            self._calendar.t0_ns = account.t0_ns
        overflows = self.settings.overflow_refuses and any(queue.full for queue in self._queues.values())
        if overflows or Mishap.REFUSED in mishaps:
            account.note("refused", message.rows, message.row)
            answers.owe(at_ns, number, Fate.REFUSED)
            return
        account.counts["published"] += 1
        if Mishap.CONFIRM_DROPPED in mishaps:
            account.note("confirm_dropped", message.rows, message.row)
        elif self.settings.confirms:
            account.counts["confirmed"] += 1
            answers.owe(at_ns, number, Fate.CONFIRMED)
        for group, queue in self._queues.items():
            if Mishap.CONFIRMED_BUT_LOST in mishaps:
                account.note("lost", message.rows, message.row, group)
            else:
                queue.arrive(at_ns, message)

    def _pass_at_once(self, answers: Answers, payload: bytes) -> None:
        number = answers.number()
        self.account.counts["canaries"] += 1
        if self.settings.confirms:
            answers.tell(number, Fate.CONFIRMED)
        for queue in self._queues.values():
            queue.pass_at_once(payload)
