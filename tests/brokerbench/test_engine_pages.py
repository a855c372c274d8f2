"""The ledger's bitmaps against a plain set."""

from pathlib import Path

import numpy as np
import pytest

from brokerbench.engine.pages import PAGE, Pages, read_page


def marked(pages: Pages, known: set[int], batch: list[int]) -> None:
    """Mark a batch in both; they must agree on what was new."""
    expected = []
    for sequence in batch:
        expected.append(sequence not in known)
        known.add(sequence)
    new = pages.mark(np.array(batch, np.int64))
    assert (new is None) == all(expected)
    if new is not None:
        assert new.tolist() == expected


def in_file(path: Path, upto: int) -> set[int]:
    found: set[int] = set()
    for number in range(-(-upto // PAGE)):
        found.update((np.flatnonzero(read_page(path, number)) + number * PAGE).tolist())
    return found


@pytest.mark.parametrize("seed", range(6))
def test_random_batches(tmp_path, seed):
    chance = np.random.default_rng(seed)
    path, reach = tmp_path / "some.bits", 7 * PAGE
    pages, known, at = Pages(path), set(), 0
    for _ in range(400):
        kind, count = chance.integers(0, 5), int(chance.integers(1, 300))
        if kind == 0:  # the usual case: the next ones
            batch = list(range(at, at + count))
            at += count
        elif kind == 1:  # a run anywhere, across a page's edge now and then
            start = int(chance.choice([chance.integers(0, reach - 300), PAGE * chance.integers(1, 7) - count // 2]))
            batch = list(range(start, start + count))
        elif kind == 2:  # anything, near and far
            batch = chance.integers(0, reach, count).tolist()
        elif kind == 3 and known:  # what was seen already, some of it twice in the batch
            batch = chance.choice(sorted(known)[: 10 * count], count).tolist()
        else:  # repeats inside the batch, out of order
            start = int(chance.integers(0, reach - 300))
            batch = (start + chance.integers(0, max(1, count // 2), count)).tolist()
        marked(pages, known, batch)
        if chance.random() < 0.05:
            pages.flush()
            assert in_file(path, reach) == known
    pages.close()
    assert in_file(path, reach) == known
    assert path.stat().st_size <= reach // 8


@pytest.mark.parametrize(
    "batch",
    [[5, 5], [5, 7, 5], [7, 5], [5, 6, 6, 5], [5, 6, 8, 7], [6, 4, 5], [PAGE - 1, PAGE], [PAGE, PAGE - 1, PAGE], [9]],
)
def test_a_batch_of_a_few(tmp_path, batch):
    pages, known = Pages(tmp_path / "some.bits"), set()
    for again in ([6], batch, batch, [5]):
        marked(pages, known, again)
    pages.close()
    assert in_file(pages.path, 2 * PAGE) == known


def test_nothing_is_new_in_nothing(tmp_path):
    pages = Pages(tmp_path / "some.bits")
    assert pages.mark(np.empty(0, np.int64)) is None
    pages.close()
    assert not in_file(pages.path, PAGE)


def test_a_late_mark_opens_its_page_again(tmp_path):
    """More pages than stay open, then back to the first one."""
    pages, known = Pages(tmp_path / "some.bits"), set()
    for number in (*range(8), 0, 3, 0):
        marked(pages, known, [number * PAGE + 1, number * PAGE + 2])
        marked(pages, known, [number * PAGE + 2, number * PAGE + len(known) + 3])
    pages.close()
    assert in_file(pages.path, 8 * PAGE) == known


def test_the_last_sequence_there_is(tmp_path):
    pages, top = Pages(tmp_path / "some.bits"), 2**32 - 1
    assert pages.mark(np.array([top])) is None
    assert pages.mark(np.array([top])).tolist() == [False]
    pages.close()
    assert np.flatnonzero(read_page(pages.path, top // PAGE)).tolist() == [top % PAGE]


def test_a_file_that_is_not_there_has_no_marks(tmp_path):
    assert not read_page(tmp_path / "none.bits", 0).any()
