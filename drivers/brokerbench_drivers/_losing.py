"""A connection that a library's own thread may lose at any moment, while the engine calls from another one."""

from collections.abc import Callable

from brokerbench.contract import ConnectionLost, Event

__all__ = ["Losable"]


class Losable:
    """What was lost is told once to each who listens, to late ones too, and to the engine at its next `check`."""

    def __init__(self) -> None:
        self._listeners: list[Callable[[Exception], None]] = []
        self._events: list[Event] = []
        self._lost: ConnectionLost | None = None
        self._closing = False

    @property
    def usable(self) -> bool:
        return self._lost is None and not self._closing

    def on_lost(self, listener: Callable[[Exception], None]) -> None:
        self._listeners.append(listener)
        if self._lost is not None:
            listener(self._lost)

    def _lose(self, text: str) -> None:
        """The first cause is kept; what we close ourselves is not lost."""
        if self.usable:
            self._lost = ConnectionLost(text)
            self._events.append(Event("dropped", text))
            for listener in self._listeners:
                listener(self._lost)

    def check(self) -> None:
        """Raises ConnectionLost."""
        if self._lost is not None:
            raise self._lost

    def take_events(self) -> list[Event]:
        taken, self._events = self._events, []
        return taken
