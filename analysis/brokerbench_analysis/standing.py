"""Where the candidates of a run stand: what every sentence on what would change the answer is made of."""

from collections.abc import Sequence
from dataclasses import dataclass

from .candidates import Candidate
from .claims import Comparison
from .criteria import Order
from .folder import Json
from .metrics import Metric, told, value_of

__all__ = ["Standing"]


@dataclass(frozen=True)
class Standing:
    """`slos`: one row for each candidate and objective, as `slo.evaluate` has them, in the order of the scenario."""

    run: Json
    candidates: tuple[Candidate, ...]
    ranking: tuple[str, ...]
    of: Metric
    found: tuple[Comparison, ...]
    orders: tuple[Order, ...]
    slos: Sequence[Json]
    undecided: bool

    @property
    def leader(self) -> Candidate | None:
        return self.named(self.ranking[0]) if self.ranking else None

    def named(self, name: str) -> Candidate:
        return next(c for c in self.candidates if c.name == name)

    def figure(self, name: str, of: Metric | None = None) -> str:
        of = of or self.of
        value, bound = value_of(self.named(name).merged or {}, of)
        return told(value, bound, of)
