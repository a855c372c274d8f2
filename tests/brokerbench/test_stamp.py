"""A stamp comes back as it was written, and a damaged one is told from a whole one."""

import numpy as np
import pytest

from brokerbench import stamp
from brokerbench.model import STAMP_BYTES

TAGS = (0, 1, 513, 0x7FFE)
PRODUCERS = (0, 1, 31, 0xFFFF)
SEQUENCES = (0, 1, 2**18, 2**31 - 1, 2**31, 2**32 - 1)
TIMES = (0, 1, 999_999_999, 2**47, stamp.NS_MAX)


def written(tag: int, producer: int, sequences: list[int], times: list[int], size: int = 40) -> np.ndarray:
    block = np.full((len(sequences), size), 0xAA, np.uint8)
    stamp.write(block, stamp.head(tag, producer), np.array(sequences, np.uint64), np.array(times, np.uint64))
    return block


def words(block: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    pairs = np.ascontiguousarray(block[:, :STAMP_BYTES]).view("<u8")
    return pairs[:, 0].copy(), pairs[:, 1].copy()


@pytest.mark.parametrize("tag", TAGS)
@pytest.mark.parametrize("producer", PRODUCERS)
def test_every_field_comes_back_at_its_extremes(tag, producer):
    sequences = [s for s in SEQUENCES for _ in TIMES]
    times = [t for _ in SEQUENCES for t in TIMES]
    first, second = words(written(tag, producer, sequences, times))
    assert stamp.valid(first, second).all()
    assert stamp.tags_of(first).tolist() == [tag] * len(sequences)
    assert stamp.producers_of(first).tolist() == [producer] * len(sequences)
    assert stamp.sequences_of(first).tolist() == sequences
    assert stamp.ns_of(second).tolist() == times


def test_only_the_first_sixteen_bytes_are_written():
    block = written(7, 3, [1, 2, 3], [4, 5, 6], size=24)
    assert (block[:, STAMP_BYTES:] == 0xAA).all()
    assert (written(7, 3, [1, 2, 3], [4, 5, 6], size=16) == block[:, :16]).all()


def test_layout_is_little_endian_as_the_module_says():
    row = written(0x1234, 0x5678, [0x9ABCDEF0], [0x0123456789AB])[0].tobytes()
    assert row[:8].hex() == "f0debc9a78563412"
    assert row[8:14].hex() == "ab8967452301"


@pytest.mark.parametrize("bit", range(128))
def test_a_flipped_bit_is_noticed(bit):
    chance = np.random.default_rng(bit)
    count = 20_000
    first = chance.integers(0, 2**64, count, np.uint64)
    ns = chance.integers(0, stamp.NS_MAX, count, np.uint64)
    second = stamp.check16(first, ns) << np.uint64(48) | ns
    assert stamp.valid(first, second).all()
    if bit < 64:
        first = first ^ np.uint64(1 << bit)
    else:
        second = second ^ np.uint64(1 << (bit - 64))
    unnoticed = int(np.count_nonzero(stamp.valid(first, second)))
    assert unnoticed < count / 1000  # 2^-16 by chance is 0.3 of them


def test_neighbouring_stamps_are_not_mistaken_for_each_other():
    """A torn write: the first word of one message with the second word of the next one."""
    first, second = words(written(9, 1, list(range(100_000)), list(range(0, 100_000_000_000, 1_000_000))))
    assert np.count_nonzero(stamp.valid(first[:-1], second[1:])) < 100
    assert np.count_nonzero(stamp.valid(first[1:], second[:-1])) < 100


def test_other_bytes_are_no_stamp():
    chance = np.random.default_rng(1)
    first, second = chance.integers(1, 2**64, (2, 200_000), np.uint64)
    assert 0 < np.count_nonzero(stamp.valid(first, second)) < 20  # 2^-16 of them: 3


def test_a_canary_has_a_tag_that_no_trial_has():
    first, second = words(written(513 | stamp.CANARY, 2, [0], [0]))
    assert stamp.valid(first, second).all()
    assert stamp.tags_of(first)[0] == 513 | stamp.CANARY
    assert stamp.tags_of(first)[0] > 0x7FFF
