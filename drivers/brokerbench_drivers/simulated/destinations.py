"""The destinations of one server, or of one virtual world."""

from collections.abc import Sequence

from .model import SimulatedBroker
from .settings import Settings

__all__ = ["Destinations"]


class Destinations(dict[str, SimulatedBroker]):
    """By name. The n-th that is declared draws its service times from its settings' seed and n."""

    def __init__(self) -> None:
        super().__init__()
        self._declared = 0

    def declare(self, name: str, groups: Sequence[str], settings: Settings) -> SimulatedBroker:
        """Fresh and empty, whatever had that name before."""
        self._declared += 1
        made = self[name] = SimulatedBroker(settings, groups, f"{settings.seed}/{self._declared}")
        return made

    def next_ns(self) -> int | None:
        times = [broker.next_ns() for broker in self.values()]
        return min((at for at in times if at is not None), default=None)

    def advance(self, to_ns: int) -> None:
        for broker in self.values():
            broker.advance(to_ns)
