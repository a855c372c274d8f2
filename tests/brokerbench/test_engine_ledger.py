"""The fate of every message: bitmaps joined page by page against a person with a list."""

from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from brokerbench.engine.ledger import KEPT_IDS, SentSide, reckon
from brokerbench.engine.pages import PAGE, Pages

FATES = ("confirmed", "refused", "unknown")


@dataclass
class World:
    """Random fates: what each producer's messages met, and how often each consumer got them."""

    fates: list[list[str]]  # producer -> sequence -> fate
    windows: list[tuple[int, int]]
    got: dict[str, list[Counter[tuple[int, int]]]]  # group -> consumer -> (producer, sequence) -> times


def world(seed: int, *, chance_of: dict[str, float], mean: float, most: int = 400) -> World:
    chance = np.random.default_rng(seed)
    shares = [chance_of[f] for f in FATES]
    fates = [chance.choice(FATES, int(chance.integers(1, most)), p=shares).tolist() for _ in range(3)]
    windows = []
    for row in fates:
        start = int(chance.integers(0, len(row)))
        windows.append((start, int(chance.integers(start, len(row) + 1))))
    got: dict[str, list[Counter[tuple[int, int]]]] = {}
    for name, consumers in (("billing", 3), ("audit", 1), ("nobody", 2)):
        got[name] = [Counter() for _ in range(consumers)]
        for producer, row in enumerate(fates):
            for sequence in range(len(row)):
                for _ in range(0 if name == "nobody" else min(2, int(chance.poisson(mean)))):
                    got[name][int(chance.integers(0, consumers))][producer, sequence] += 1
    return World(fates, windows, got)


def marked(path: Path, sequences: list[int]) -> str:
    pages = Pages(path)
    pages.mark(np.array(sequences, np.int64))
    pages.close()
    return str(path)


def written(folder: Path, made: World, *, confirming: bool):
    """The files that the children of such a trial leave, and what the coordinator was told."""
    senders = []
    for producer, row in enumerate(made.fates):
        files = {}
        for fate in ("confirmed", "refused") if confirming else ():
            files[fate] = marked(folder / f"p{producer}.{fate}", [s for s, f in enumerate(row) if f == fate])
        senders.append(SentSide(producer, len(row), made.windows[producer], files))
    groups = {}
    for name, consumers in made.got.items():
        groups[name] = []
        for index, counts in enumerate(consumers):
            by_producer: dict[int, list[int]] = {}
            for producer, sequence in counts:
                by_producer.setdefault(producer, []).append(sequence)
            groups[name].append(
                {str(p): marked(folder / f"{name}-{index}.from-{p}", s) for p, s in by_producer.items()}
            )
    return senders, groups


@pytest.mark.parametrize("confirming", [True, False])
@pytest.mark.parametrize("mean", [0.3, 1.0, 2.0])
@pytest.mark.parametrize("seed", range(4))
def test_against_a_list(tmp_path, seed, mean, confirming):
    made = world(seed, chance_of={"confirmed": 0.7, "refused": 0.1, "unknown": 0.2}, mean=mean)
    found = reckon(*written(tmp_path, made, confirming=confirming))
    assert found.keys() == made.got.keys()
    for name, consumers in made.got.items():
        # Twice to one consumer is seen by that consumer alone; here only twice to different ones shows.
        times = Counter[tuple[int, int]]()
        for counts in consumers:
            times.update(counts.keys())
        ids = {"lost": [], "outstanding": [], "recovered": [], "refused_delivered": [], "duplicates": []}
        told = Counter[tuple[str, str]]()
        expected = refused_delivered = in_window = 0
        for producer, row in enumerate(made.fates):
            start, end = made.windows[producer]
            for sequence, fate in enumerate(row):
                got = times[producer, sequence]
                promised = fate == "confirmed" or not confirming
                expected += promised
                if promised and not got:
                    ids["lost"].append([producer, sequence])
                    in_window += start <= sequence < end
                if confirming and fate == "unknown":
                    ids["recovered" if got else "outstanding"].append([producer, sequence])
                if confirming and fate == "refused" and got:
                    refused_delivered += 1
                    ids["refused_delivered"].append([producer, sequence])
                told[fate if confirming else "handed-over", "delivered" if got else "absent"] += 1
                if got > 1:
                    ids["duplicates"].append([producer, sequence])
        group = found[name]
        assert group.expected == expected
        assert group.unique == len(times)
        assert (group.lost, group.lost_in_window) == (len(ids["lost"]), in_window)
        assert (group.outstanding, group.recovered) == (len(ids["outstanding"]), len(ids["recovered"]))
        assert group.refused_delivered == refused_delivered
        assert group.phantom == 0
        cells = {(fate, where): n for fate, row in group.fates.items() for where, n in row.items() if n}
        assert cells == dict(told)
        assert group.ids == {fate: rows[:KEPT_IDS] for fate, rows in ids.items()}
        assert group.settled == (not ids["lost"] and not ids["outstanding"])
    assert found["nobody"].unique == 0
    assert not found["nobody"].settled


def test_all_is_well(tmp_path):
    made = World([["confirmed"] * 5000], [(0, 5000)], {"all": [Counter({(0, s): 1 for s in range(5000)})]})
    group = reckon(*written(tmp_path, made, confirming=True))["all"]
    assert group.settled
    assert (group.expected, group.unique, group.lost) == (5000, 5000, 0)
    assert not any(group.ids.values())


@pytest.mark.parametrize("confirming", [True, False])
def test_a_sequence_that_was_never_sent_is_a_phantom(tmp_path, confirming):
    got = Counter({(0, s): 1 for s in [0, 1, 2, 5, 2 * PAGE + 7]})
    made = World([["confirmed"] * 3], [(0, 3)], {"all": [got]})
    group = reckon(*written(tmp_path, made, confirming=confirming))["all"]
    assert group.phantom == 2
    assert group.unique == 3
    assert not group.settled


def test_fates_across_pages_keep_their_sequences(tmp_path):
    sent = 2 * PAGE + 100
    lost = [3, PAGE - 1, PAGE, 2 * PAGE + 99]
    got = Counter({(0, s): 1 for s in range(sent) if s not in lost})
    made = World([["confirmed"] * sent], [(PAGE - 1, 2 * PAGE)], {"all": [got]})
    group = reckon(*written(tmp_path, made, confirming=True))["all"]
    assert group.ids["lost"] == [[0, s] for s in lost]
    assert group.lost_in_window == 2
    assert (group.expected, group.unique) == (sent, sent - 4)


def test_the_first_hundred_of_a_fate_are_named(tmp_path):
    made = World([["confirmed"] * 70, ["confirmed"] * 70], [(0, 70)] * 2, {"all": [Counter()]})
    group = reckon(*written(tmp_path, made, confirming=True))["all"]
    assert group.lost == 140
    assert group.ids["lost"] == [[0, s] for s in range(70)] + [[1, s] for s in range(30)]
    assert KEPT_IDS == 100
