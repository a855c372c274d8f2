"""Both libraries log to the terminal unless told where to: here to Python's logging, silent if nobody asks.

kafka-python tells of a lost connection in its log only, so that is where its events come from.
"""

import logging
from collections.abc import Callable

from brokerbench.contract import Event

__all__ = ["LIBRDKAFKA", "Events", "logger", "quiet_kafka_python", "watch_kafka_python"]

LIBRDKAFKA = {"log.connection.close": False}  # an idle connection's end is no news


def logger() -> logging.Logger:
    log = logging.getLogger("brokerbench.kafka.librdkafka")
    if not log.handlers:
        log.addHandler(logging.NullHandler())
    return log


def quiet_kafka_python() -> logging.Logger:
    log = logging.getLogger("kafka")
    if not log.handlers:
        log.addHandler(logging.NullHandler())
    return log


def watch_kafka_python(say: Callable[[str], None]) -> Callable[[], None]:
    """Call `say` at each lost connection of this process, from the library's threads; the result ends it."""
    handler = _Lost(say)
    log = quiet_kafka_python()
    log.addHandler(handler)
    return lambda: log.removeHandler(handler)


class _Lost(logging.Handler):
    def __init__(self, say: Callable[[str], None]) -> None:
        super().__init__(logging.ERROR)
        self._say = say

    def emit(self, record: logging.LogRecord) -> None:
        if record.name == "kafka.net.connection":
            self._say(record.getMessage())


class Events:
    """What happened since somebody asked; a server that is away is told once each time, not at each attempt."""

    def __init__(self) -> None:
        self._seen: dict[object, Event] = {}

    def dropped(self, text: str, kind: object = "lost") -> None:
        self._seen.setdefault(kind, Event("dropped", text))

    def take(self) -> list[Event]:
        seen, self._seen = self._seen, {}
        return list(seen.values())
