"""Sizes, bodies and keys: what a scenario's words come to, and that both sides of a trial know the same."""

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from brokerbench import stamp
from brokerbench.contract import Deliveries
from brokerbench.engine.batches import Batches
from brokerbench.engine.bodies import POOL_BYTES, Bodies, Tape, UnlikeBodies, noise
from brokerbench.engine.draw import draw_sizes
from brokerbench.engine.keys import KeyPicker, shares
from brokerbench.engine.messages import write_messages
from brokerbench.engine.recorder import Recorder
from brokerbench.engine.spec import ChildSpec
from brokerbench.model import Keys, Message, Scenario, Sizes, Trace
from tests.support.specs import child_spec
from tests.support.truth import assert_agrees
from tests.support.virtual import run_virtual

SEED, TAG = 5, 77
LOGNORMAL = {"lognormal": {"median": "1KiB", "p99": "16KiB"}}
HISTOGRAM = {"histogram": {"100B": "70%", "10KiB": "29.9%", "1MiB": "0.1%"}}
UNIFORM = {"uniform": {"from": "16B", "to": "3KiB"}}


def sizes(written: Any) -> Sizes:
    return Sizes.model_validate(written)


def test_uniform_sizes_are_spread_evenly_and_reach_both_ends() -> None:
    drawn = np.sort(draw_sizes(sizes(UNIFORM), SEED))
    assert (drawn[0], drawn[-1]) == (16, 3072)
    even = np.linspace(16, 3072, len(drawn))
    assert np.abs(drawn - even).max() <= 1
    assert drawn.mean() == pytest.approx(sizes(UNIFORM).mean_bytes, rel=1e-3)


def test_lognormal_sizes_have_the_median_the_p99_and_the_mean_asked() -> None:
    asked = sizes(LOGNORMAL)
    drawn = draw_sizes(asked, SEED)
    assert np.median(drawn) == pytest.approx(1024, rel=2e-3)
    assert np.quantile(drawn, 0.99) == pytest.approx(16 * 1024, rel=0.01)
    assert drawn.mean() == pytest.approx(asked.mean_bytes, rel=5e-3)
    assert drawn.max() <= (asked.largest_bytes or 0)
    sigma = math.log(16) / 2.3263478740408408
    assert asked.mean_bytes == pytest.approx(1024 * math.exp(sigma**2 / 2), rel=0.02)  # a little is cut off


def test_a_histogram_has_its_shares() -> None:
    drawn = draw_sizes(sizes(HISTOGRAM), SEED)
    found = {size: float((drawn == size).mean()) for size in (100, 10 * 1024, 2**20)}
    assert found == pytest.approx({100: 0.7, 10 * 1024: 0.299, 2**20: 0.001}, abs=1 / len(drawn))
    assert len(drawn) * drawn.mean() >= 0.9 * POOL_BYTES


def test_what_is_rare_comes_all_the_same_and_memory_stays_bounded() -> None:
    drawn = draw_sizes(sizes({"histogram": {"16B": "99.99%", "64MiB": "0.01%"}}), SEED)
    assert (drawn == 64 * 2**20).sum() >= 1
    huge = draw_sizes(sizes({"uniform": {"from": "32MiB", "to": "64MiB"}}), SEED)
    assert 4 <= len(huge) <= 8


def test_the_order_of_sizes_is_drawn_by_the_seed() -> None:
    one, same, other = (draw_sizes(sizes(LOGNORMAL), seed) for seed in (1, 1, 2))
    assert one.tolist() == same.tolist()
    assert one.tolist() != other.tolist()
    assert sorted(one.tolist()) == sorted(other.tolist())


def test_the_share_that_is_the_same_is_what_a_compressor_saves() -> None:
    import zlib

    for asked in (0.0, 0.3, 0.5, 0.9):
        data = noise(SEED, 256 * 1024, asked).tobytes()
        assert 1 - len(zlib.compress(data, 1)) / len(data) == pytest.approx(asked, abs=0.03)


# -- bodies -----------------------------------------------------------------------------------------------------------


def scenario(message: dict[str, Any], load: dict[str, Any] | None = None) -> Scenario:
    return Scenario.model_validate(
        {
            "scenario": "words",
            "brokers": {"it": {"driver": "simulated"}},
            "topology": {"producers": 2},
            "message": message,
            "load": load or {"model": "open", "warmup": "1s", "stages": [{"steady": "2s", "rate": "1k/s"}]},
        }
    )


def trace(folder: Path) -> tuple[Trace, list[tuple[int, str]]]:
    """10,000 messages with sizes that do not repeat, and their keys."""
    rows = [(16 + (i * 7919) % 5000, f"k{i * 31 % 17}") for i in range(10_000)]
    path = folder / "trace.csv"
    lines = [f"{i / 1000},{size},{key}" for i, (size, key) in enumerate(rows)]
    path.write_text("\n".join(["time,size,key", *lines]) + "\n", encoding="utf-8")
    return Trace(file="trace.csv").found(str(path), ("size", "key")), rows


def told(folder: Path, **changes: Any) -> ChildSpec:
    return child_spec(folder, role="producer", producers=2, seed=SEED, tag=TAG, **changes)


def rows_told(folder: Path) -> ChildSpec:
    message = Message.model_validate({"size": LOGNORMAL})
    write_messages(scenario({"size": LOGNORMAL}), SEED, folder)
    return told(folder, bodies="rows", size_bytes=message.largest_bytes)


def tape_told(folder: Path) -> ChildSpec:
    found, _ = trace(folder)
    asked = {"size": {"trace": "size"}, "keys": {"trace": "key"}}
    load = {"model": "open", "warmup": "1s", "stages": [{"trace": found.model_dump()}]}
    message = Message.model_validate(asked).of_trace(found.read(found.path, ("size", "key")))
    write_messages(scenario(asked, load).model_copy(update={"message": message}), SEED, folder)
    return told(folder, bodies="tape", size_bytes=message.largest_bytes, keys={"trace": "key"})


TOLD = pytest.mark.parametrize("tell", [rows_told, tape_told], ids=["rows", "tape"])


def payloads(batches: Batches, first: int, count: int) -> list[bytes]:
    """So many, however the blocks are cut."""
    made: list[bytes] = []
    while len(made) < count:
        at = first + len(made)
        batch, due = batches.make(at, min(64, count - len(made)), lambda f, n: np.arange(f, f + n) * 1000)
        assert due.tolist() == [1000 * (at + i) for i in range(batch.count)]
        made += batch.payloads()
    return made


@TOLD
def test_what_is_sent_is_what_the_receiver_expects(tmp_path: Path, tell: Callable[[Path], ChildSpec]) -> None:
    """Also after the pool has been stamped all over, and over its end."""
    spec = tell(tmp_path)
    batches, recorder = Batches(spec), Recorder(spec)
    recorder.start(1)
    seen = 0
    for first in (0, 4000, 9_000, 25_000):
        sent = payloads(batches, first, 3000)
        for at in range(0, 3000, 50):
            recorder.second()
            recorder.add(Deliveries(50, payloads=sent[at : at + 50]), 1)
        seen += 3000
    recorder.flush()
    assert recorder.counts["unique"] == recorder.counts["delivered"] == seen
    assert recorder.counts["bodies_checked"] == seen / 50
    assert {name: recorder.counts[name] for name in ("corrupt", "foreign", "bodies_wrong")} == {
        "corrupt": 0,
        "foreign": 0,
        "bodies_wrong": 0,
    }


@TOLD
def test_a_cut_a_longer_and_an_altered_message_are_corrupt(tmp_path: Path, tell: Callable[[Path], ChildSpec]) -> None:
    spec = tell(tmp_path)
    sent = payloads(Batches(spec), 0, 5)
    recorder = Recorder(spec)
    recorder.start(1)
    recorder.add(Deliveries(2, payloads=[sent[0], sent[1][:-1]]), 1)
    recorder.add(Deliveries(1, payloads=[sent[2] + b"!"]), 1)
    recorder.add(Deliveries(1, payloads=[sent[3][:-1] + bytes([sent[3][-1] ^ 1])]), 1)
    recorder.add(Deliveries(3, payloads=[b"short", b"a whole message of somebody else", sent[4]]), 1)
    recorder.flush()
    assert recorder.counts["corrupt"] == 3
    assert recorder.ids["corrupt"] == [[0, 1], [0, 2], [0, 3]]
    assert recorder.counts["foreign"] == 2
    assert recorder.counts["unique"] == 5  # the stamps were whole: it is known which messages these are


@TOLD
def test_a_canary_is_as_large_as_the_largest(tmp_path: Path, tell: Callable[[Path], ChildSpec]) -> None:
    spec = tell(tmp_path)
    canary = Batches(spec).canary(0)
    assert [len(each) for each in canary.payloads()] == [spec.size_bytes]
    recorder = Recorder(spec)
    recorder.add(Deliveries(1, payloads=canary.payloads()), 1)
    recorder.flush()
    assert recorder.canaries == {0: 1}
    assert recorder.counts["corrupt"] == recorder.counts["foreign"] == 0


def test_sizes_and_keys_of_a_trace_come_in_its_order(tmp_path: Path) -> None:
    """The warm-up, 1,000 messages, has those with which the trace begins."""
    spec = tape_told(tmp_path)
    _, rows = trace(tmp_path)
    sent: list[tuple[int, bytes] | None] = [None] * 11_000
    for producer in (0, 1):
        batches = Batches(ChildSpec(**{**spec.as_json(), "index": producer}))
        at = 0
        while at < 5500:
            batch, _ = batches.make(at, min(64, 5500 - at), lambda f, n: np.zeros(n, np.int64))
            assert batch.keys is not None
            for payload, key in zip(batch.payloads(), batch.keys, strict=True):
                sent[2 * at + producer] = (len(payload), key)
                at += 1
    assert sent == [(size, key.encode()) for size, key in (*rows[:1000], *rows)]


def test_equal_sizes_take_the_path_without_a_copy(tmp_path: Path) -> None:
    batch, _ = Batches(told(tmp_path)).make(3, 10, lambda f, n: np.zeros(n, np.int64))
    assert (batch.count, batch.size_bytes, batch.offsets.tolist()) == (10, 64, list(range(0, 704, 64)))
    words = np.frombuffer(batch.buffer, "<u8").reshape(10, 8)[:, :2]
    assert stamp.sequences_of(words[:, 0]).tolist() == list(range(3, 13))
    assert Bodies(SEED, 64).same(0, 5, batch.payloads()[2])


def test_other_seeds_have_other_bodies(tmp_path: Path) -> None:
    offsets = np.arange(0, 6400, 64)
    one, other = (UnlikeBodies(noise(seed, 6400), offsets) for seed in (1, 2))
    assert not one.same(0, 0, bytes(other.block(0, 0, 1)[0]))
    ends = np.arange(0, 6400, 64)
    assert not Tape(1, [ends], 64).same(0, 0, bytes(Tape(2, [ends], 64).block(0, 0, 1)[0]))


# -- keys -------------------------------------------------------------------------------------------------------------

MANY = 400_000


@pytest.mark.parametrize(
    "written",
    [
        {"zipf": 1.1, "cardinality": "10k"},
        {"zipf": 0.5, "cardinality": 50},
        {"hot": "20%", "cardinality": "10k"},
        {"hot": "90%", "cardinality": 2},
        {"cardinality": 7},
    ],
    ids=str,
)
@pytest.mark.parametrize("producer", [0, 3])
def test_keys_are_as_frequent_as_their_formula_says(written: dict[str, Any], producer: int) -> None:
    keys = Keys.model_validate(written)
    picker = KeyPicker(keys, SEED, producer)
    found = np.bincount(picker.places(np.arange(MANY, dtype=np.uint64)), minlength=keys.cardinality or 0)
    spread = shares(keys)
    wanted = np.full(keys.cardinality or 0, 1 / (keys.cardinality or 1)) if spread is None else spread
    sigma = np.sqrt(MANY * wanted * (1 - wanted))
    looked_at = [0, 1, 2, 5, 49] if len(wanted) > 49 else list(range(len(wanted)))
    assert (np.abs(found - MANY * wanted)[looked_at] <= 3 * sigma[looked_at]).all()
    # All of them together: chi-square over the keys, grouped so that each has enough.
    groups = np.minimum((np.cumsum(wanted) - wanted / 2) * 40, 39).astype(int)
    seen, due = np.bincount(groups, found), np.bincount(groups, MANY * wanted)
    full = due > 0
    chi, free = (((seen - due) ** 2)[full] / due[full]).sum(), full.sum() - 1
    assert chi <= free + 3 * math.sqrt(2 * free)


def test_a_key_depends_on_the_message_alone() -> None:
    keys = Keys.model_validate({"zipf": 1.1, "cardinality": 1000})
    at_once = KeyPicker(keys, SEED, 1).of(0, 10_000)
    again, piecewise = KeyPicker(keys, SEED, 1), []
    for first in range(0, 10_000, 40):
        piecewise += again.of(first, 40)
    assert piecewise == at_once
    assert again.of(123, 5) == at_once[123:128]
    assert KeyPicker(keys, SEED + 1, 1).of(0, 100) != at_once[:100]
    assert KeyPicker(keys, SEED, 2).of(0, 100) != at_once[:100]


# -- a whole run ------------------------------------------------------------------------------------------------------


def test_a_trace_with_sizes_is_sent_and_counted(tmp_path: Path) -> None:
    found, rows = trace(tmp_path)
    message = Message.model_validate({"size": {"trace": "size"}}).of_trace(found.read(found.path, ("size",)))
    truth = run_virtual(
        tmp_path / "results",
        {"service": {"constant_s": 0.0001}},
        rate=None,
        steady_s=0.0,
        stages=[{"trace": found.model_dump()}],
        producers=2,
        message={**message.model_dump(), "found": message.found and message.found.model_dump()},
    )
    assert_agrees(truth)
    assert truth.record["ledger"]["corrupt"] == 0
    assert truth.record["end_to_end_ms"]["count"] == len(rows)
