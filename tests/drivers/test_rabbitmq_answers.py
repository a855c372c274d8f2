"""Each message is answered once, however the broker groups its acknowledgements."""

import random

import pytest

from brokerbench.contract import Fate
from brokerbench_drivers.rabbitmq.answers import Answers

OK, NO = Fate.CONFIRMED, Fate.REFUSED


def published(count: int) -> Answers:
    answers = Answers()
    answers.publish([b"%d" % i for i in range(count)])
    return answers


def test_single_acks_in_order_grow_into_one_range() -> None:
    answers = published(5)
    for tag in (1, 2, 3):
        answers.answer(tag, False, OK)
    assert answers.take() == [(0, 2, OK)]
    assert answers.outstanding == 2


def test_multiple_covers_all_up_to_the_tag() -> None:
    answers = published(100)
    answers.answer(40, True, OK)
    assert answers.take() == [(0, 39, OK)]
    assert answers.outstanding == 60


def test_multiple_leaves_out_what_was_answered_alone() -> None:
    answers = published(10)
    answers.answer(4, False, OK)
    answers.answer(7, False, NO)
    assert answers.outstanding == 8
    assert answers.take() == [(3, 3, OK), (6, 6, NO)]
    answers.answer(8, True, OK)
    assert answers.take() == [(0, 2, OK), (4, 5, OK), (7, 7, OK)]
    assert answers.outstanding == 2


def test_tag_zero_with_multiple_means_all() -> None:
    answers = published(10)
    answers.answer(0, True, NO)
    assert answers.take() == [(0, 9, NO)]
    assert answers.outstanding == 0


def test_an_answer_that_comes_twice_counts_once() -> None:
    answers = published(10)
    answers.answer(3, False, OK)
    answers.answer(3, False, OK)
    answers.answer(5, True, OK)
    answers.answer(2, True, OK)
    answers.answer(1, False, OK)
    assert answers.take() == [(2, 2, OK), (0, 1, OK), (3, 4, OK)]
    assert answers.outstanding == 5


def test_a_returned_message_is_refused_within_a_confirmed_range() -> None:
    answers = published(10)
    answers.returned(b"3")
    answers.returned(b"6")
    answers.answer(10, True, OK)
    assert answers.take() == [(0, 2, OK), (3, 3, NO), (4, 5, OK), (6, 6, NO), (7, 9, OK)]


def test_equal_bodies_are_returned_in_order() -> None:
    answers = Answers()
    answers.publish([b"same"] * 3)
    answers.publish([b"same", b"other"])
    for _ in range(4):
        answers.returned(b"same")
    answers.answer(5, True, OK)
    assert answers.take() == [(0, 3, NO), (4, 4, OK)]


def test_a_body_that_was_not_published_is_an_error() -> None:
    answers = published(3)
    with pytest.raises(ValueError, match="not published here"):
        answers.returned(b"foreign")


def test_any_order_of_answers_covers_each_message_once() -> None:
    chance = random.Random(5)
    for _ in range(50):
        answers, seen, sent = Answers(), set(), 0
        while sent < 300 or answers.outstanding:
            if sent < 300 and chance.random() < 0.3:
                count = chance.randint(1, 20)
                answers.publish([b"%d" % i for i in range(sent, sent + count)])
                sent += count
            if sent:
                answers.answer(chance.randint(1, sent), chance.random() < 0.2, chance.choice((OK, NO)))
            for first, last, _fate in answers.take():
                block = set(range(first, last + 1))
                assert not block & seen
                seen |= block
            assert answers.outstanding == sent - len(seen)
        assert seen == set(range(sent))
