"""The fewest acknowledgements, and never one that settles what the engine still holds."""

import random

from brokerbench_drivers.rabbitmq.unsettled import Unsettled


def test_a_block_is_one_acknowledgement() -> None:
    unsettled = Unsettled()
    assert list(unsettled.settle([1, 2, 3])) == [(3, True)]
    assert list(unsettled.settle([4])) == [(4, True)]
    assert list(unsettled.settle([6, 5])) == [(6, True)]


def test_a_later_block_is_settled_alone() -> None:
    unsettled = Unsettled()
    assert list(unsettled.settle([4, 5])) == [(4, False), (5, False)]
    assert list(unsettled.settle([1, 2, 3])) == [(3, True)]
    assert list(unsettled.settle([6, 7])) == [(7, True)]


def test_gaps_are_not_covered() -> None:
    unsettled = Unsettled()
    assert list(unsettled.settle([1, 2, 4])) == [(2, True), (4, False)]
    assert list(unsettled.settle([3, 5])) == [(5, True)]


def test_nothing_is_settled_before_its_time() -> None:
    """Against a broker's view: "multiple" settles everything up to the tag."""
    chance = random.Random(3)
    for _ in range(50):
        unsettled, broker = Unsettled(), set(range(1, 101))
        tags = list(range(1, 101))
        chance.shuffle(tags)
        tags.sort(key=lambda tag: tag // 20 + chance.random() * chance.choice((0.5, 3)))
        asked: set[int] = set()
        while tags:
            block = [tags.pop(0) for _ in range(min(len(tags), chance.randint(1, 9)))]
            asked |= set(block)
            for tag, multiple in unsettled.settle(block):
                assert tag in broker
                broker -= {t for t in broker if t <= tag} if multiple else {tag}
            assert broker == set(range(1, 101)) - asked
