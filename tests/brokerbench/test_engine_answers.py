"""The sent side: what was handed over, what was answered, and how long it took, against a plain model."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from brokerbench.contract import Confirms, Fate
from brokerbench.engine.answers import Answers, HandOvers
from brokerbench.engine.histogram import bins_of
from brokerbench.engine.pages import PAGE, read_page
from tests.support.specs import child_spec

S = 1_000_000_000
START, END = 1 * S, 3 * S  # child_spec's measured window


def seen(answers: Answers, fate: Fate) -> list[int]:
    path = Path(answers.files()[fate.name.lower()])
    return [n * PAGE + int(i) for n in range(2) for i in np.flatnonzero(read_page(path, n))]


def binned(values: list[int]) -> list[list[int]]:
    bins, counts = np.unique(bins_of(np.array(values, np.int64)), return_counts=True)
    return [bins.tolist(), counts.tolist()]


def due_of(sequence: int) -> int:
    """One each 100 us: window is sequence 10,000 to 29,999."""
    return sequence * 100_000


def opened(tmp_path: Path, sent: int, **changes: Any) -> Answers:
    answers = Answers(child_spec(tmp_path, role="producer", **{"in_flight": 40_000, **changes}))
    answers.numbering(at_sequence=0, at_ordinal=0)
    for first in range(0, sent, 1000):
        answers.sent(first, np.array([due_of(s) for s in range(first, min(sent, first + 1000))], np.int64), 0)
    return answers


def test_single_answers_ranges_and_several_ranges(tmp_path):
    answers = opened(tmp_path, 30_000)
    assert answers.outstanding == 30_000
    assert answers.take(Confirms.of([(0, 0, Fate.CONFIRMED)]), 50) == 1
    assert answers.take(Confirms.of([(1, 9999, Fate.CONFIRMED)]), 2 * S) == 9999
    assert (
        answers.take(Confirms.of([(10_000, 10_004, Fate.REFUSED), (10_005, 20_000, Fate.CONFIRMED)]), 2 * S) == 10_001
    )
    assert answers.outstanding == 9_999
    answers.close()
    assert (answers.confirmed, answers.refused, answers.twice) == (19_996, 5, 0)
    assert (answers.confirmed_in_window, answers.refused_in_window) == (9996, 5)
    assert answers.confirmed_by_time == 9999 + 9996
    assert seen(answers, Fate.CONFIRMED) == [*range(10_000), *range(10_005, 20_001)]
    assert seen(answers, Fate.REFUSED) == [*range(10_000, 10_005)]
    assert answers.latency.take() == binned([2 * S - due_of(s) for s in range(10_005, 20_001)])
    assert answers.latency.negative == 0


def test_an_answer_given_twice_is_counted_once(tmp_path):
    answers = opened(tmp_path, 20_000)
    answers.take(Confirms.of([(10_000, 10_009, Fate.CONFIRMED)]), 2 * S)
    answers.take(Confirms.of([(10_005, 10_014, Fate.CONFIRMED)]), 2 * S + 1)
    answers.close()
    assert (answers.confirmed, answers.twice, answers.confirmed_in_window) == (15, 5, 15)
    assert sum(answers.latency.take()[1]) == 15


def test_answers_to_canaries_free_no_slot_and_belong_to_no_message(tmp_path):
    answers = Answers(child_spec(tmp_path, role="producer"))
    answers.numbering(at_sequence=0, at_ordinal=3)
    assert answers.take(Confirms.of([(0, 1, Fate.CONFIRMED)]), 10) == 0
    answers.sent(0, np.arange(5), 10)
    assert answers.take(Confirms.of([(2, 4, Fate.CONFIRMED)]), 20) == 2  # one canary, two messages
    assert answers.take(Confirms.of([(5, 5, Fate.CONFIRMED), (6, 7, Fate.REFUSED)]), 30) == 3
    assert answers.outstanding == 0
    answers.close()
    assert seen(answers, Fate.CONFIRMED) == [0, 1, 2]
    assert seen(answers, Fate.REFUSED) == [3, 4]


def test_after_a_reconnect_numbers_start_again(tmp_path):
    answers = opened(tmp_path, 100)
    answers.take(Confirms.of([(0, 9, Fate.CONFIRMED)]), 10)
    assert answers.forget(12) == 90
    assert answers.outstanding == 0
    answers.numbering(at_sequence=100, at_ordinal=0)
    answers.sent(100, np.arange(100, 150), 15)
    assert answers.take(Confirms.of([(0, 19, Fate.CONFIRMED), (20, 20, Fate.REFUSED)]), 20) == 21
    assert answers.outstanding == 29
    answers.close()
    assert seen(answers, Fate.CONFIRMED) == [*range(10), *range(100, 120)]
    assert seen(answers, Fate.REFUSED) == [120]
    assert answers.confirmed + answers.refused == 31


@pytest.mark.parametrize("seed", range(6))
def test_random_answers(tmp_path, seed):
    chance = np.random.default_rng(seed)
    in_flight = int(chance.integers(1, 3000))
    answers = Answers(child_spec(tmp_path, role="producer", in_flight=in_flight))
    due, fate, latencies, carried, by_time = [], {}, [], [], 0
    shift = canaries = int(chance.integers(0, 4))
    answers.numbering(at_sequence=0, at_ordinal=canaries)
    open_ones: list[int] = []
    now = area = 0
    for _ in range(1500):
        before, now = now, now + int(chance.integers(1, 5_000_000))
        area += max(0, min(now, END) - max(before, START)) * len(open_ones)
        room = in_flight - len(open_ones)
        if room and chance.random() < 0.6:
            count = int(chance.integers(1, room + 1))
            times = np.sort(now - chance.integers(0, 10_000_000, count))
            answers.sent(len(due), times, now)
            open_ones += range(len(due), len(due) + count)
            due += times.tolist()
        elif open_ones and chance.random() < 0.03:  # a reconnect
            assert answers.forget(now) == len(open_ones)
            open_ones = []
            shift = -len(due)
            answers.numbering(at_sequence=len(due), at_ordinal=0)
        elif open_ones:
            ranges, freed = [], 0
            for _ in range(int(chance.integers(1, 4))):
                at = int(chance.integers(0, len(open_ones) or 1))
                some = open_ones[at : at + int(chance.integers(1, 400))]
                some = [s for i, s in enumerate(some) if s == some[0] + i]
                if not some:
                    continue
                which = Fate.REFUSED if chance.random() < 0.1 else Fate.CONFIRMED
                ranges.append((some[0] + shift, some[-1] + shift, which))
                freed += len(some)
                del open_ones[at : at + len(some)]
                fate.update(dict.fromkeys(some, which))
                if which is Fate.CONFIRMED:
                    by_time += len(some) * (START <= now < END)
                    latencies += [now - due[s] for s in some if START <= due[s] < END]
                    carried += [now - due[s] for s in some if due[s] < START <= now < END]
            assert answers.take(Confirms.of(ranges), now) == freed
        assert answers.outstanding == len(open_ones)
        if chance.random() < 0.02:
            answers.flush()
    answers.close()
    confirmed = sorted(s for s, f in fate.items() if f is Fate.CONFIRMED)
    refused = sorted(s for s, f in fate.items() if f is Fate.REFUSED)
    assert seen(answers, Fate.CONFIRMED) == confirmed
    assert seen(answers, Fate.REFUSED) == refused
    assert (answers.confirmed, answers.refused, answers.twice) == (len(confirmed), len(refused), 0)
    assert answers.confirmed_by_time == by_time
    assert answers.carried_in_ns == max(carried, default=None)
    assert answers.confirmed_in_window == len(latencies)
    assert answers.refused_in_window == sum(START <= due[s] < END for s in refused)
    assert answers.latency.take() == binned(latencies)
    area += max(0, END - max(now, START)) * len(open_ones)
    assert answers.in_flight_mean() == pytest.approx(area / (END - START), abs=1e-3)


@pytest.mark.parametrize("seed", range(4))
def test_hand_overs(tmp_path, seed):
    chance = np.random.default_rng(seed)
    hand_overs = HandOvers(child_spec(tmp_path, role="producer"))
    due, since = [], []
    now = 0
    while now < 4 * S:
        now += int(chance.integers(1, 20_000_000))
        times = np.sort(now - chance.integers(-2_000_000, 30_000_000, int(chance.integers(1, 300))))
        hand_overs.add(times, now)
        due += times.tolist()
        since += [now] * len(times)
        if chance.random() < 0.02:
            hand_overs.flush()
    hand_overs.flush()
    inside = [START <= d < END for d in due]
    delays = [s - d for s, d, i in zip(since, due, inside, strict=True) if i]
    assert hand_overs.in_window == sum(inside)
    assert hand_overs.first_in_window == inside.index(True)
    assert hand_overs.due_sum_ns == sum(d for d, i in zip(due, inside, strict=True) if i)
    assert hand_overs.by_time == sum(START <= s < END for s in since)
    assert hand_overs.delay.take() == binned(delays)
    assert hand_overs.delay.negative == sum(d < 0 for d in delays) > 0
