"""What is done wrong on purpose is done to exactly these messages, and stands in the broker's account."""

from typing import Any

import numpy as np
import pytest

from brokerbench import stamp
from brokerbench.contract import Confirms, Fate
from brokerbench_drivers.simulated.account import NEVER
from brokerbench_drivers.simulated.fates import Mishaps
from brokerbench_drivers.simulated.model import SimulatedBroker
from brokerbench_drivers.simulated.settings import Fates
from tests.drivers.simulated_stamped import MS, TAG, S, broker, drained, message, sequences

COUNT = 8


def sent(count: int = COUNT, **fates: Any) -> tuple[SimulatedBroker, list[tuple[bytes, bool]], dict[int, Fate]]:
    """One producer's messages, one each ms: the broker, what a group was given, and what the producer was told."""
    it = broker(fates=fates)
    connection = it.attach()
    for sequence in range(count):
        it.publish(sequence * MS, connection, [message(sequence, sequence * MS)])
    while (at := it.next_ns()) is not None:
        it.advance(at)
    told = Confirms.of(it.take_confirms(connection))
    answers = {
        number: Fate(fate)
        for first, last, fate in zip(told.first.tolist(), told.last.tolist(), told.fate.tolist(), strict=True)
        for number in range(first, last + 1)
    }
    return it, it.take_deliveries("g", 100, 10 * S), answers


def numbers(taken: list[tuple[bytes, bool]]) -> list[int]:
    return [int.from_bytes(payload[:4], "little") for payload, _ in taken]


def words(payload: bytes) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
    both = np.frombuffer(payload, "<u8", 2)
    return both[:1], both[1:]


def test_none_is_none() -> None:
    it, taken, answers = sent()
    assert numbers(taken) == list(range(COUNT))
    assert answers == dict.fromkeys(range(COUNT), Fate.CONFIRMED)
    assert it.account.as_json()["ids"] == {}


def test_confirmed_but_lost() -> None:
    it, taken, answers = sent(confirmed_but_lost=[5, 6])
    assert numbers(taken) == [0, 1, 2, 3, 4, 7]
    assert answers == dict.fromkeys(range(COUNT), Fate.CONFIRMED)
    account = it.account.as_json()
    assert account["ids"] == {"g.lost": [[0, 5], [0, 6]]}
    assert (account["published"], account["confirmed"], account["groups"]["g"]["lost"]) == (8, 8, 2)
    assert [at == NEVER for at in it.account.rows[0].departure_ns["g"]] == [n in (5, 6) for n in range(COUNT)]


def test_refused() -> None:
    it, taken, answers = sent(refused=[2])
    assert numbers(taken) == [0, 1, 3, 4, 5, 6, 7]
    assert [n for n, fate in answers.items() if fate is Fate.REFUSED] == [2]
    assert it.counters().published == COUNT - 1


def test_confirm_dropped() -> None:
    it, taken, answers = sent(confirm_dropped=[0, 4])
    assert numbers(taken) == list(range(COUNT))
    assert answers.keys() == set(range(COUNT)) - {0, 4}
    assert it.account.as_json()["confirm_dropped"] == 2


def test_duplicated_and_flagged() -> None:
    it, taken, _ = sent(duplicated=[3])
    assert numbers(taken) == [0, 1, 2, 3, 3, 4, 5, 6, 7]
    assert [again for _, again in taken] == [n == 4 for n in range(9)]
    assert it.account.as_json()["groups"]["g"]["delivered"] == 9


@pytest.mark.parametrize(
    ("swapped", "order"),
    [([2], [0, 1, 3, 2, 4]), ([2, 3], [0, 1, 4, 3, 2]), ([0, 3], [1, 0, 2, 4, 3]), ([4], [0, 1, 2, 3, 4])],
)
def test_swapped_comes_after_its_successor(swapped: list[int], order: list[int]) -> None:
    """The last one has none: it leaves after a second, and was not swapped."""
    it, taken, _ = sent(5, swapped=swapped)
    assert numbers(taken) == order
    assert it.account.as_json()["groups"]["g"]["swapped"] == len([n for n in swapped if n != 4])


def test_a_swapped_message_waits_a_second_for_its_successor() -> None:
    it = broker(fates={"swapped": [0]})
    it.publish(0, it.attach(), [message(0)])
    assert it.next_ns() == 1 * S
    assert it.counters().stored == 1
    assert drained(it) == [(0, 1 * S)]


def test_the_successor_is_of_the_same_producer() -> None:
    it = broker(fates={"swapped": [0]})
    connection = it.attach()
    it.publish(0, connection, [message(0, producer=1), message(1, producer=2), message(1, producer=1)])
    assert sequences(it) == [1, 1, 0]


def test_foreign_comes_before_it_and_has_a_whole_stamp_of_another_trial() -> None:
    it, taken, _ = sent(foreign=[1])
    assert len(taken) == COUNT + 1
    first, second = words(taken[1][0])
    assert stamp.valid(first, second).all()
    assert int(stamp.tags_of(first)[0]) != TAG
    assert numbers(taken[2:]) == [1, 2, 3, 4, 5, 6, 7]
    assert it.counters().delivered == {"g": COUNT}, "nobody published it, so no counter has it"


def test_corrupted_has_a_broken_stamp() -> None:
    it, taken, _ = sent(corrupted=[1])
    assert [bool(stamp.valid(*words(payload)).all()) for payload, _ in taken] == [n != 1 for n in range(COUNT)]
    assert int(stamp.tags_of(words(taken[1][0])[0])[0]) == TAG
    assert it.account.as_json()["ids"] == {"g.corrupted": [[0, 1]]}


def test_altered_has_a_whole_stamp_and_another_body() -> None:
    _, taken, _ = sent(altered=[1])
    payload, sent_payload = taken[1][0], message(1, 1 * MS)
    assert payload[:16] == sent_payload[:16]
    assert payload != sent_payload
    assert all(payload == message(n, n * MS) for n, (payload, _) in enumerate(taken) if n != 1)


def test_each_producer_and_each_group_has_its_share() -> None:
    it = broker(groups=("g", "h"), fates={"confirmed_but_lost": [0], "duplicated": [1]})
    connection = it.attach()
    it.publish(0, connection, [message(n, producer=p) for p in (3, 4) for n in range(2)])
    assert sequences(it, "g") == sequences(it, "h") == [1, 1, 1, 1]
    assert it.account.as_json()["ids"]["h.lost"] == [[3, 0], [4, 0]]


def test_every_nth_counts_from_one() -> None:
    mishaps = Mishaps(Fates.model_validate({"refused": ["every 3", 0], "foreign": [2]}))
    refused = [n for n in range(9) if "refused" in mishaps.of(n)]
    assert refused == [0, 2, 5, 8]
    assert mishaps.of(2) == {"refused", "foreign"}


# -- the account of times --------------------------------------------------------------------------------------------


def test_the_arrays_give_the_true_latency() -> None:
    """D/D/1 at twice what it serves: message n comes at n/2 ms and leaves at n + 1 ms."""
    it = broker(service={"constant": "1ms"})
    connection = it.attach()
    for n in range(100):
        it.publish(7 * S + n * MS // 2, connection, [message(n, n * MS // 2)])
    drained(it)
    arrays = it.account.arrays()
    latency = arrays["0.departure_ns.g"] - it.account.t0_ns - arrays["0.intended_ns"]
    assert latency.tolist() == [(n + 1) * MS - n * MS // 2 for n in range(100)]
    assert arrays["0.sequence"].tolist() == list(range(100))


def test_how_late_messages_left_is_counted_against_the_law() -> None:
    it = broker()
    it.publish(0, it.attach(), [message(n) for n in range(4)])
    assert it.account.late_us() is None
    for n in range(4):
        it.take_deliveries("g", 1, (n + 1) * 1000)
    assert it.account.late_us() == {"p50": 2.0, "p99": 4.0, "max": 4.0}
