"""Who is dealt to which topic."""

import pytest

from brokerbench.model import Group, Topology


def test_all_are_dealt_in_turn() -> None:
    topology = Topology(topics=3, partitions=4, producers=5, groups={"a": Group(consumers=3), "b": Group(consumers=7)})
    dealt = [topology.of_topic(topic) for topic in range(3)]
    assert [each.producers for each in dealt] == [2, 2, 1]
    assert [each.groups["a"].consumers for each in dealt] == [1, 1, 1]
    assert [each.groups["b"].consumers for each in dealt] == [3, 2, 2]
    assert {(each.topics, each.partitions) for each in dealt} == {(1, 4)}


def test_one_topic_has_all() -> None:
    topology = Topology(producers=5)
    assert topology.of_topic(0) == topology


@pytest.mark.parametrize(
    ("producers", "consumers", "why"),
    [(1, 2, "producers is 1"), (2, 1, "groups.all.consumers is 1")],
)
def test_a_topic_without_anybody_is_refused(producers: int, consumers: int, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        Topology(topics=2, producers=producers, groups={"all": Group(consumers=consumers)})
