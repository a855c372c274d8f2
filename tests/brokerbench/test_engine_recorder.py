"""The received side against a plain model that looks at one message after the other."""

from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from brokerbench import stamp
from brokerbench.contract import Deliveries
from brokerbench.engine.bodies import Bodies
from brokerbench.engine.histogram import bins_of
from brokerbench.engine.pages import read_page
from brokerbench.engine.recorder import Recorder
from tests.support.specs import child_spec, payload

S = 1_000_000_000
START, END = 1 * S, 3 * S  # child_spec's measured window
TAG, SEED, SIZE = 77, 5, 64
T0 = 10_000 * S


@pytest.fixture(scope="module")
def bodies() -> Bodies:
    return Bodies(SEED, SIZE)


def deliveries(payloads: list[bytes], *, as_buffer: bool = False, **columns: Any) -> Deliveries:
    if as_buffer:
        return Deliveries(len(payloads), buffer=memoryview(b"".join(payloads)), size_bytes=SIZE, **columns)
    return Deliveries(len(payloads), payloads=payloads, **columns)


def opened(tmp_path: Path, **changes: Any) -> Recorder:
    recorder = Recorder(child_spec(tmp_path, **changes))
    recorder.start(T0)
    return recorder


def binned(values: list[int]) -> list[list[int]]:
    bins, counts = np.unique(bins_of(np.array(values, np.int64)), return_counts=True)
    return [bins.tolist(), counts.tolist()]


@dataclass
class Model:
    """What a person would count by hand."""

    counts: Counter[str] = field(default_factory=Counter)
    seen: set[tuple[int, int]] = field(default_factory=set)
    newest: dict[tuple[int, int], int] = field(default_factory=dict)
    latencies: list[int] = field(default_factory=list)
    again: list[list[int]] = field(default_factory=list)
    late: list[list[int]] = field(default_factory=list)
    received: int = 0
    carried: int | None = None

    def take(self, producer: int, sequence: int, due: int, since: int, partition: int, flagged: bool) -> None:
        in_time = START <= since < END
        self.counts.update(delivered=1, delivered_by_time=in_time)
        if (producer, sequence) in self.seen:
            self.again.append([producer, sequence])
            self.counts["duplicates_flagged"] += flagged
            return
        self.seen.add((producer, sequence))
        self.counts.update(unique=1, unique_by_time=in_time)
        newest = self.newest.get((producer, partition), -1)
        if sequence < newest:
            self.counts["reordered"] += 1
            self.late.append([producer, sequence])
        self.newest[producer, partition] = max(newest, sequence)
        if due < START <= since < END:
            self.carried = max(self.carried or 0, since - due)
        if START <= due < END:
            self.counts["in_window"] += 1
            self.latencies.append(since - due)
            self.received += since


def strangers(chance: np.random.Generator, bodies: Bodies) -> tuple[str, bytes]:
    """A message that is none of ours, and what it must be counted as."""
    kind = chance.choice(["foreign tag", "no stamp", "canary", "damaged"])
    ours = payload(bodies, TAG, 1, 5, 5)
    if kind == "foreign tag":
        return "foreign", payload(bodies, TAG + 1, 0, 5, 5)
    if kind == "no stamp":
        return "foreign", b"hello, this is another application's message".ljust(SIZE, b".")
    if kind == "canary":
        return "canary", payload(bodies, TAG | stamp.CANARY, int(chance.integers(0, 3)), 0, 0)
    at = int(chance.choice([0, 1, 2, 3, 4, 5, 8, 9, 10, 11, 12, 13, 14, 15]))  # the tag (6 and 7) stays
    return "corrupt", ours[:at] + bytes([ours[at] ^ 0x10]) + ours[at + 1 :]


@pytest.mark.parametrize("as_buffer", [False, True])
@pytest.mark.parametrize("seed", range(4))
def test_random_deliveries(tmp_path, bodies, seed, as_buffer):
    chance = np.random.default_rng(seed)
    recorder, model = opened(tmp_path), Model()
    next_of, other, canaries = [0, 0, 0], Counter[str](), 0
    now = 0
    while now < 4 * S:
        now += int(chance.integers(1, 40_000_000))
        rows, partitions, flags, strange = [], [], [], 0
        for _ in range(int(chance.choice([1, 2, 5, 40, 300, 2500], p=[0.3, 0.3, 0.2, 0.1, 0.09, 0.01]))):
            if chance.random() < 0.01:
                what, raw = strangers(chance, bodies)
                strange += 1
                canaries += what == "canary"
                other[what] += what != "canary"
                rows.append(raw)
                partitions.append(0)
                flags.append(False)
                continue
            producer = int(chance.integers(0, 3))
            sequence, due = next_of[producer], now - int(chance.integers(0, 100_000_000))
            if chance.random() < 0.02:  # an old one, once more or late
                sequence = int(chance.integers(0, sequence + 1))
            elif chance.random() < 0.02:
                next_of[producer] += int(chance.integers(2, 6))  # a gap, to be filled later perhaps
            else:
                next_of[producer] += 1
            due = max(0, due)
            partition = int(chance.integers(0, 3))
            rows.append(payload(bodies, TAG, producer, sequence, due))
            partitions.append(partition)
            flags.append(bool(chance.random() < 0.5))
            model.take(producer, sequence, due, now, partition, flags[-1])
        columns = {"partitions": np.array(partitions, np.int32), "redelivered": np.array(flags)}
        recorder.add(deliveries(rows, as_buffer=as_buffer, **columns), T0 + now)
        model.counts["redelivered"] += sum(flags)
        model.counts["by_one"] += 0 if as_buffer else len(rows)
        if chance.random() < 0.05:
            recorder.flush()
        if chance.random() < 0.02:
            recorder.second()
    recorder.close()
    found = dict(recorder.counts)
    assert found.pop("bodies_checked") > 50
    assert found.pop("foreign") == other["foreign"] > 0
    assert found.pop("corrupt") == other["corrupt"] > 0
    assert sum(recorder.canaries.values()) == canaries > 0
    assert {k: v for k, v in found.items() if v} == {k: v for k, v in model.counts.items() if v}
    assert model.counts["reordered"] > 0
    assert recorder.histogram.take() == binned(model.latencies)
    assert recorder.received_sum_ns == model.received
    assert recorder.carried_in_ns == model.carried
    assert model.carried
    assert model.counts["duplicates_flagged"] > 0
    for fate, all_of_them in (("duplicates", model.again), ("reordered", model.late)):
        kept, true = (Counter(map(tuple, ids)) for ids in (recorder.ids[fate], all_of_them))
        assert kept <= true
        assert kept.total() == min(100, true.total())
    assert len(recorder.ids["corrupt"]) == min(100, other["corrupt"])
    for producer, path in recorder.files().items():
        marked = np.flatnonzero(read_page(Path(path), 0)).tolist()
        assert marked == sorted(s for p, s in model.seen if p == int(producer))


def test_a_batch_of_other_sizes_as_well(tmp_path, bodies):
    recorder = opened(tmp_path)
    ours = [payload(bodies, TAG, 0, s, START + s) for s in range(4)]
    recorder.add(deliveries([b"", ours[0], b"x" * 63, ours[1], b"y" * 65]), T0 + START + 100)
    recorder.add(deliveries([b"x" * 63, b"y" * 65]), T0 + START + 100)  # together they are twice our size
    recorder.add(deliveries([b"short"]), T0 + START + 100)
    recorder.close()
    assert recorder.counts["foreign"] == 6
    assert recorder.counts["delivered"] == recorder.counts["unique"] == 2
    assert recorder.foreign_ids[0] == ""
    assert recorder.foreign_ids[1] == (b"x" * 16).hex()
    assert recorder.histogram.take() == binned([100, 99])


def test_an_empty_delivery_is_nothing(tmp_path):
    recorder = opened(tmp_path)
    recorder.add(Deliveries(0, payloads=()), T0)
    recorder.add(Deliveries(0, buffer=memoryview(b""), size_bytes=SIZE), T0)
    recorder.close()
    assert not sum(recorder.counts.values())


def test_wrong_bodies_are_corrupt(tmp_path, bodies):
    recorder = opened(tmp_path)
    for sequence in range(200):
        whole = payload(bodies, TAG, 0, sequence, START)
        wrong = whole[:-1] + bytes([whole[-1] ^ 1]) if sequence % 4 == 0 else whole
        recorder.add(deliveries([wrong]), T0 + START + 1)
    recorder.close()
    assert recorder.counts["bodies_checked"] == 200
    assert recorder.counts["bodies_wrong"] == recorder.counts["corrupt"] == 50
    assert recorder.ids["corrupt"] == [[0, s] for s in range(0, 200, 4)]
    assert recorder.counts["delivered"] == 200  # they came, and were ours by their stamp


def test_another_messages_body_is_wrong(tmp_path, bodies):
    recorder = opened(tmp_path)
    mixed = payload(bodies, TAG, 0, 1, START)[:16] + payload(bodies, TAG, 0, 2, START)[16:]
    recorder.add(deliveries([mixed]), T0 + START + 1)
    recorder.close()
    assert recorder.counts["bodies_wrong"] == 1


def test_at_most_a_thousand_bodies_a_second(tmp_path, bodies):
    recorder = opened(tmp_path)
    message = deliveries([payload(bodies, TAG, 0, 0, START)])
    for _ in range(1500):
        recorder.add(message, T0 + START + 1)
    assert recorder.counts["bodies_checked"] == 1000
    recorder.second()
    recorder.add(message, T0 + START + 1)
    assert recorder.counts["bodies_checked"] == 1001
    recorder.close()


@pytest.mark.parametrize("as_buffer", [False, True])
def test_the_window_is_cut_by_intended_time_and_throughput_by_time_received(tmp_path, bodies, as_buffer):
    recorder = opened(tmp_path)
    dues = [START - 1, START, END - 1, END]
    for at, since in enumerate([START - 1, START, END - 1, END]):
        rows = [payload(bodies, TAG, 0, at * 4 + i, due) for i, due in enumerate(dues)]
        recorder.add(deliveries(rows, as_buffer=as_buffer), T0 + since)
    recorder.close()
    assert recorder.counts["delivered"] == recorder.counts["unique"] == 16
    assert recorder.counts["in_window"] == 8
    assert recorder.counts["delivered_by_time"] == recorder.counts["unique_by_time"] == 8
    assert recorder.histogram.negative == 3  # received before they were intended: shown, not hidden


def test_an_inboxs_own_receive_times_count(tmp_path, bodies):
    recorder = opened(tmp_path)
    rows = [payload(bodies, TAG, 0, s, START) for s in range(3)]
    times = np.array([10, 20, 30]) + T0 + START
    recorder.add(deliveries(rows, received_ns=times), T0 + START + 5000)
    recorder.close()
    assert recorder.histogram.take() == binned([10, 20, 30])


def test_redelivered_flags_are_counted(tmp_path, bodies):
    recorder = opened(tmp_path)
    rows = [payload(bodies, TAG, 0, s, START) for s in range(3)]
    recorder.add(deliveries(rows, redelivered=np.array([True, False, True])), T0 + START)
    recorder.close()
    assert recorder.counts["redelivered"] == 2


@pytest.mark.parametrize(
    ("order", "late"),
    [([0, 1, 2, 3], 0), ([1, 0, 2, 3], 1), ([3, 0, 1, 2], 3), ([3, 2, 1, 0], 3), ([0, 2, 1, 3], 1), ([5, 9, 7, 8], 2)],
)
@pytest.mark.parametrize("at_once", [True, False])
def test_what_comes_after_a_later_one_is_reordered(tmp_path, bodies, order, late, at_once):
    recorder = opened(tmp_path)
    rows = [payload(bodies, TAG, 0, s, START) for s in order]
    for batch in [rows] if at_once else [[row] for row in rows]:
        recorder.add(deliveries(batch), T0 + START)
        if not at_once:
            recorder.flush()
    recorder.close()
    assert recorder.counts["reordered"] == late


def test_order_is_counted_for_each_producer_and_partition(tmp_path, bodies):
    recorder = opened(tmp_path)
    rows = [payload(bodies, TAG, p, s, START) for p, s in ((0, 5), (1, 2), (0, 3), (1, 3), (0, 4))]
    recorder.add(deliveries(rows, partitions=np.array([0, 0, 1, 0, 1], np.int32)), T0 + START)
    recorder.close()
    assert recorder.counts["reordered"] == 0
    assert opened(tmp_path, name="it-1").counts["reordered"] == 0


def test_where_no_order_is_promised_none_is_counted(tmp_path, bodies):
    recorder = opened(tmp_path, ordered=False)
    recorder.add(deliveries([payload(bodies, TAG, 0, s, START) for s in (3, 2, 1)]), T0 + START)
    recorder.close()
    assert recorder.counts["reordered"] == 0


def test_sync_makes_the_files_say_all_that_came(tmp_path, bodies):
    recorder = opened(tmp_path)
    recorder.add(deliveries([payload(bodies, TAG, 2, s, START) for s in (1, 4)]), T0 + START)
    recorder.sync()
    assert np.flatnonzero(read_page(Path(recorder.files()["2"]), 0)).tolist() == [1, 4]
    recorder.add(deliveries([payload(bodies, TAG, 2, 2, START)]), T0 + START)
    recorder.sync()
    assert np.flatnonzero(read_page(Path(recorder.files()["2"]), 0)).tolist() == [1, 2, 4]
    recorder.close()


def test_a_message_of_another_topic_is_foreign(tmp_path: Path, bodies: Bodies) -> None:
    """A consumer of topic 1 of 2 is owed what producers 1, 3, ... send."""
    recorder = opened(tmp_path, topics=2, index=3)
    sent = [payload(bodies, TAG, producer, 0, START) for producer in (0, 1, 2, 3)]
    recorder.add(deliveries(sent), T0 + START + 1)
    recorder.sync()
    assert recorder.counts["unique"] == 2
    assert recorder.counts["foreign"] == 2
    assert set(recorder.files()) == {"1", "3"}
