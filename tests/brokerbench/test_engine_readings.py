"""Readings of the broker's counters: not asked, ended in time, and what a broker that fails leaves behind."""

import time
from typing import Any

from brokerbench.contract import ConnectionLost, Counters
from brokerbench.engine.readings import Readings
from tests.support.running import until


class Door:
    """A connection that is only opened and closed."""

    closed = False

    def close(self) -> None:
        self.closed = True


def test_who_is_not_to_be_asked_is_not_even_connected_to() -> None:
    def admin() -> Any:
        raise AssertionError("connected")

    readings = Readings(admin, lambda _: Counters(), None)
    readings.start(time.monotonic_ns())
    readings.stop()
    assert readings.lines == []


def test_the_first_reading_is_not_before_t0_and_the_last_before_the_end() -> None:
    door, t0_ns = Door(), time.monotonic_ns() + 20_000_000
    asked_ns: list[int] = []

    def read(_: Any) -> Counters:
        asked_ns.append(time.monotonic_ns())
        return Counters(len(asked_ns), {"all": None}, 0)

    with Readings(lambda: door, read, 0.01) as readings:  # type: ignore[arg-type,return-value]
        readings.start(t0_ns)
        until(lambda: len(readings.lines) >= 3, "three readings")
    assert door.closed
    assert asked_ns[0] >= t0_ns
    assert [line["published"] for line in readings.lines] == list(range(1, len(asked_ns) + 1))
    assert readings.lines[0]["delivered"] == {"all": None}


def test_a_reading_that_fails_is_the_last_line_and_says_why() -> None:
    door = Door()

    def read(_: Any) -> Counters:
        raise ConnectionLost("gone")

    with Readings(lambda: door, read, 0.01) as readings:  # type: ignore[arg-type,return-value]
        readings.start(time.monotonic_ns())
        until(lambda: readings.lines, "a line")
    assert door.closed
    (line,) = readings.lines
    assert line["error"] == "ConnectionLost: gone"
    assert line.keys() == {"t", "error"}
