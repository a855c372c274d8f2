"""Two candidates over the blocks that both were measured in: what drifts on the machine hits both alike."""

from collections.abc import Mapping
from dataclasses import dataclass

from .statistics import ALPHA, Estimate, log_ratio

__all__ = ["LEAST_BLOCKS", "Pair", "Values"]

LEAST_BLOCKS = 2
Values = Mapping[int, tuple[float, bool]]  # block -> figure, whether it is only a lower bound


@dataclass(frozen=True)
class Pair:
    """`figures`: a's and b's of each common block. A bound: one of its figures is only a lower bound."""

    a: str
    b: str
    figures: tuple[tuple[float, float], ...]
    a_bound: bool
    b_bound: bool

    @classmethod
    def of(cls, values: Mapping[str, Values], a: str, b: str) -> "Pair":
        ours, theirs = values[a], values[b]
        figures = tuple((ours[k][0], theirs[k][0]) for k in sorted(ours.keys() & theirs.keys()))
        return cls(a, b, figures, *(any(bound for _, bound in side.values()) for side in (ours, theirs)))

    def has(self, name: str) -> bool:
        return name in {self.a, self.b}

    def other(self, name: str) -> str:
        return self.b if name == self.a else self.a

    def ratio(self, alpha: float, seed: int) -> Estimate | None:
        """a / b with its 1 - alpha interval."""
        return log_ratio(self.figures, alpha, seed)

    def p(self, seed: int) -> float:
        """Its place in the family. 1, where nothing can be claimed: such a pair counts, and eases no other's level.

        A lower bound can only show that its side is the larger one.
        """
        estimate = self.ratio(ALPHA, seed)
        if estimate is None or estimate.p is None:
            return 1.0
        against = (self.a_bound and estimate.value <= 1) or (self.b_bound and estimate.value >= 1)
        return 1.0 if against else estimate.p

    @property
    def too_little(self) -> str | None:
        """Why a cannot be held against b; None if it can."""
        blocks = len(self.figures)
        if blocks < LEAST_BLOCKS:
            return (
                f"{blocks} block{'' if blocks == 1 else 's'} in which both were measured; {LEAST_BLOCKS} are the least"
            )
        return f"{self.a}'s figure is only a lower bound: messages are missing" if self.a_bound else None
