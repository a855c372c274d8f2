"""Two candidates over the blocks that both were measured in: what drifts on the machine hits both alike."""

import math
from collections.abc import Mapping
from dataclasses import dataclass

from .statistics import ALPHA, FURTHEST, Estimate, log_ratio

__all__ = ["LEAST_BLOCKS", "Pair", "Values"]

LEAST_BLOCKS = 2
Values = Mapping[int, tuple[float, bool]]  # block -> figure, whether it is only a lower bound


@dataclass(frozen=True)
class Pair:
    """`measured`: both have the figure in some block. `figures`: a's and b's of each common block; `a_bounds` and
    `b_bounds`: which of them are only lower bounds."""

    a: str
    b: str
    measured: bool
    figures: tuple[tuple[float, float], ...]
    a_bounds: tuple[bool, ...]
    b_bounds: tuple[bool, ...]

    @classmethod
    def of(cls, values: Mapping[str, Values], a: str, b: str) -> "Pair":
        ours, theirs = values[a], values[b]
        common = sorted(ours.keys() & theirs.keys())
        figures = tuple((ours[k][0], theirs[k][0]) for k in common)
        return cls(
            a, b, bool(ours and theirs), figures, *(tuple(side[k][1] for k in common) for side in (ours, theirs))
        )

    @property
    def a_bound(self) -> bool:
        return any(self.a_bounds)

    @property
    def b_bound(self) -> bool:
        return any(self.b_bounds)

    def has(self, name: str) -> bool:
        return name in {self.a, self.b}

    def other(self, name: str) -> str:
        return self.b if name == self.a else self.a

    def ratio(self, alpha: float, seed: int) -> Estimate | None:
        """a / b with its 1 - alpha interval, a lower bound taken for the figure."""
        return log_ratio(self.figures, alpha, seed)

    def furthest(self, alpha: float, seed: int) -> Estimate | None:
        """The same where the missing messages never arrive: the other end of what the figures may truly be. None
        where neither or both sides have a lower bound.

        A lead that holds at the bounds can be gone here: a few blocks at the far end widen Student's interval more than
        they move its mean. One that holds at both holds between: the mean is linear in the shift of those blocks, the
        width convex.
        """
        if self.a_bound == self.b_bound:
            return None
        far = math.exp(FURTHEST)
        rows = zip(self.figures, self.a_bounds, self.b_bounds, strict=True)
        figures = [(b * far, b) if over else (a, a * far) if under else (a, b) for (a, b), over, under in rows]
        return log_ratio(figures, alpha, seed)

    def p(self, seed: int) -> float:
        """Its place in the family. 1, where nothing can be claimed: such a pair counts, and eases no other's level.

        A lower bound can only show that its side is the larger one, and only where both ends of it do.
        """
        estimate, far = self.ratio(ALPHA, seed), self.furthest(ALPHA, seed)
        if estimate is None or estimate.p is None:
            return 1.0
        against = (self.a_bound and estimate.value <= 1) or (self.b_bound and estimate.value >= 1)
        return 1.0 if against else max(estimate.p, 0.0 if far is None or far.p is None else far.p)

    @property
    def lacks_blocks(self) -> bool:
        """Too few blocks, and nothing that more of them could not mend."""
        return len(self.figures) < LEAST_BLOCKS and self.measured and not self._zero

    @property
    def _zero(self) -> bool:
        return any(min(figures) <= 0 for figures in self.figures)

    @property
    def too_little(self) -> str | None:
        """Why a cannot be held against b; None if it can."""
        blocks = len(self.figures)
        if self._zero:
            return "a figure is zero"
        if blocks < LEAST_BLOCKS:
            return (
                f"{blocks} block{'' if blocks == 1 else 's'} in which both were measured; {LEAST_BLOCKS} are the least"
            )
        return f"{self.a}'s figure is only a lower bound: messages are missing" if self.a_bound else None
