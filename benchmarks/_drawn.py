"""Runs drawn by chance from a world whose truth is known, and judged by the code that judges real ones.

A trial's figure is its candidate's true level, times the luck of the trial (lognormal), times what has drifted on the
machine since the run began. Trials are in blocks, each block in random order, as the planner has them.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from brokerbench_analysis import undecided
from brokerbench_analysis.claims import Comparison
from brokerbench_analysis.comparisons import decide
from brokerbench_analysis.looks import Look
from brokerbench_analysis.metrics import Metric
from brokerbench_analysis.pairs import Values

__all__ = ["Decide", "World", "judged", "judged_twice"]

Decide = Callable[[dict[str, Values], str, Metric, Look], Sequence[Comparison]]


@dataclass(frozen=True)
class World:
    """`effects`: how much better than the plain level each candidate is, as shares; their number is the candidates'.

    `spread` is the standard deviation of a trial's log figure. `drift` is the change from the first trial to the last,
    up or down by chance: in a straight line, or as the standard deviation of where a random `walk` ends.
    """

    effects: tuple[float, ...]
    blocks: int = 5
    spread: float = 0.06
    drift: float = 0.10
    walk: bool = False


def draw(world: World, of: Metric, runs: int, seed: int) -> NDArray[np.float64]:
    """Figures by run, block and candidate."""
    rng = np.random.default_rng(seed)
    shape = (runs, world.blocks, len(world.effects))
    trials = world.blocks * len(world.effects)
    if world.walk:
        steps = rng.normal(0, world.drift / np.sqrt(trials - 1), (runs, trials))
        drift = np.cumsum(steps, axis=1) - steps[:, :1]
    else:
        drift = rng.choice([-1, 1], (runs, 1)) * np.linspace(0, np.log1p(world.drift), trials)
    order = np.argsort(rng.random(shape), axis=2)  # the place of each candidate in its block
    drifted = np.take_along_axis(drift.reshape(shape), order, axis=2)
    levels = np.log1p(world.effects) * (1 if of.higher_is_better else -1)
    return np.exp(levels + drifted + rng.normal(0, world.spread, shape))


def judged(world: World, of: Metric, runs: int, seed: int, by: Decide = decide) -> Iterator[list[Comparison]]:
    """The leader's comparisons, run by run."""
    for figures in draw(world, of, runs, seed):
        yield _of_best(figures, of, Look(), by)


def judged_twice(
    world: World, of: Metric, runs: int, seed: int, first: int, levels: tuple[float, float]
) -> Iterator[list[Comparison]]:
    """What a plan of two looks ends with: the claims of the first, or those of all blocks where it went on."""
    for figures in draw(world, of, runs, seed):
        rows = _of_best(figures[:first], of, Look(1, levels[0]), decide)
        if undecided({"comparisons": [c.record() for c in rows]}):
            rows = _of_best(figures, of, Look(2, levels[1]), decide)
        yield rows


def _of_best(figures: NDArray[np.float64], of: Metric, look: Look, by: Decide) -> list[Comparison]:
    """Who has the best mean leads, as in a real run."""
    means = figures.mean(axis=0)
    best = int(means.argmax() if of.higher_is_better else means.argmin())
    return list(by(_values(figures), f"c{best}", of, look))


def _values(figures: NDArray[np.float64]) -> dict[str, Values]:
    """As `Candidate.values` gives them; the first candidate is c0."""
    return {
        f"c{i}": {block: (value, False) for block, value in enumerate(column, 1)}
        for i, column in enumerate(figures.T.tolist())
    }
