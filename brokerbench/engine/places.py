"""Where a trial's messages go at the broker: a destination for each topic, and in request-reply one for replies to each
producer.

Applications have a reply queue each, too: nobody looks through replies to others.
"""

from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Self

from brokerbench.contract import Admin, BadTarget, ConnectionLost, Counters, Destination, Endpoints
from brokerbench.model import REPLIES, Pattern, Scenario, Topology

__all__ = ["Places", "of_replies"]


def of_replies(topology: Topology) -> Topology:
    """What a reply destination looks like to a driver: sent to by all who answer, received by one."""
    (group,) = topology.groups.values()
    groups = {REPLIES: group.model_copy(update={"consumers": 1})}
    return topology.model_copy(update={"pattern": Pattern.STREAM, "producers": group.consumers, "groups": groups})


@dataclass(frozen=True)
class Places:
    messages: tuple[Endpoints, ...]  # by topic
    replies: tuple[Endpoints, ...] = ()  # by producer

    @classmethod
    def declare(cls, admin: Admin, scenario: Scenario, name: str) -> Self:
        """Raises BadTarget; what was made until then is deleted."""
        topology = scenario.topology
        topics = [topology.of_topic(topic) for topic in range(topology.topics)]
        asked = [(of, name if len(topics) == 1 else f"{name}.t{topic}") for topic, of in enumerate(topics)]
        made: list[Endpoints] = []
        if topology.answered:
            producers = range(topology.producers)
            asked += [(of_replies(topics[producer % len(topics)]), f"{name}.r{producer}") for producer in producers]
        try:
            for of, called in asked:
                made.append(admin.declare(_destination(of, called)))
        except BaseException:
            # What went wrong first is the reason, not that what was made until then cannot be deleted.
            with suppress(BadTarget, ConnectionLost):
                for endpoints in made:
                    admin.delete(endpoints)
            raise
        return cls(tuple(made[: len(topics)]), tuple(made[len(topics) :]))

    def counters(self, admin: Admin) -> Counters:
        """Over all topics. Published are messages, without replies; replies are those of all requesters."""
        found = _sum([admin.counters(each) for each in self.messages])
        if not self.replies:
            return found
        replies = [admin.counters(each) for each in self.replies]
        delivered = {**found.delivered, REPLIES: _added(each.delivered.get(REPLIES) for each in replies)}
        return Counters(found.published, delivered, _added((found.stored, *(each.stored for each in replies))))

    def delete(self, admin: Admin) -> None:
        for each in (*self.messages, *self.replies):
            admin.delete(each)


def _destination(topology: Topology, name: str) -> Destination:
    groups = {group: each.consumers for group, each in topology.groups.items()}
    dead_letters = tuple(group for group, each in topology.groups.items() if each.dead_letter)
    return Destination(name, topology.partitions, topology.producers, groups, dead_letters)


def _sum(counters: Sequence[Counters]) -> Counters:
    first, *others = counters
    if not others:
        return first
    return Counters(
        _added(each.published for each in counters),
        {group: _added(each.delivered.get(group) for each in counters) for group in first.delivered},
        _added(each.stored for each in counters),
        {group: _added(each.dead_lettered.get(group) for each in counters) for group in first.dead_lettered},
    )


def _added(numbers: Iterable[int | None]) -> int | None:
    """None where one of them is not known."""
    total = 0
    for number in numbers:
        if number is None:
            return None
        total += number
    return total
