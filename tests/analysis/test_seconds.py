"""The time axis: children look at the clock late, stall, and stop at different moments."""

from typing import Any

from brokerbench_analysis.folder import Json, TrialFiles
from brokerbench_analysis.seconds import Second, measured, seconds_of

LOAD = {"load": {"model": "open", "rate_msgs_s": 100}, "phases": {"warmup_s": 1, "measure_s": 3}}


def produced(t: float, sent: int, **other: Any) -> Json:
    counts = {"scheduled": sent, "sent": sent, "confirmed": sent, "refused": 0, "outstanding": 0, "cpu_s": 0.1}
    return {"t": t, "child": "producer-0", "role": "producer", "group": None, **counts, **other}


def consumed(t: float, unique: int, group: str = "all", index: int = 0) -> Json:
    counts = {"delivered": unique, "unique": unique, "foreign": 0, "corrupt": 0, "redelivered": 0, "cpu_s": 0.1}
    return {"t": t, "child": f"{group}-{index}", "role": "consumer", "group": group, **counts}


def rows(*lines: Json, resources: tuple[Json, ...] = (), readings: tuple[Json, ...] = ()) -> list[Second]:
    return seconds_of(TrialFiles({"id": "x", "candidate": "a"}, LOAD, lines, resources, readings=readings))


def column(found: list[Second], name: str) -> list[Any]:
    return [None if (value := row[name]) is None else round(float(value), 6) for row in found]


def test_counts_become_rates_over_the_intervals_own_length() -> None:
    found = rows(produced(1.25, 125), produced(2.05, 80), produced(3.05, 100))
    assert column(found, "sent") == [100, 100, 100]
    assert [row["phase"] for row in found] == ["warm-up", "measured", "measured"]


def test_the_interval_in_which_the_load_ends_is_not_slow() -> None:
    """The load ends at 4.0; the child says so at 4.2 and once more, for the rest, at 4.6."""
    found = rows(*(produced(t, 100) for t in (1.0, 2.0, 3.0)), produced(4.2, 100), produced(4.6, 4))
    assert column(found, "sent") == [100, 100, 100, 100, 10]
    assert len(measured(found)) == 3


def test_a_stalled_child_leaves_a_hole_not_a_zero() -> None:
    found = rows(produced(1.0, 100), produced(3.6, 260), produced(4.0, 40))
    assert column(found, "sent") == [100, None, 100, 100]


def test_rates_of_children_add_up_and_groups_are_averaged() -> None:
    found = rows(
        *(produced(1.0, 60), produced(1.0, 40, child="producer-1")),
        *(consumed(1.0, 50, "a", 0), consumed(1.0, 50, "a", 1), consumed(1.0, 80, "b")),
    )
    assert column(found, "sent") == [100]
    assert column(found, "delivered") == [90]


def test_backlog_counts_what_was_due_and_not_yet_delivered() -> None:
    sends = [produced(float(t), 100) for t in (1, 2, 3)]
    receives = [consumed(1.0, 90), consumed(2.0, 100), consumed(3.0, 95), consumed(4.0, 15)]
    assert column(rows(*sends, *receives), "backlog") == [10, 10, 15, 0]


def test_usage_is_cores_and_none_where_there_is_no_broker() -> None:
    line = {
        "t": 1.25,
        "host": {"cpu_share": 1.5, "steal_share": 0.01, "flushes": None},
        "broker": None,
        "producers": {"cpu_s": 0.5, "rss_mib": 50.0},
        "consumers": {"cpu_s": 0.25, "rss_mib": 25.0},
        "coordinator": {"cpu_s": 0.125, "rss_mib": 9.0},
        "other_servers": None,
    }
    (found,) = rows(produced(1.0, 100), resources=(line,))
    assert (found["producers_cpu"], found["consumers_cpu"], found["generator_cpu"]) == (0.4, 0.2, 0.6000000000000001)
    assert (found["broker_cpu"], found["broker_rss_mib"], found["flushes"]) == (None, None, None)
    assert (found["other_cpu"], found["generator_rss_mib"], found["steal_share"]) == (0.1, 75.0, 0.01)


def told(t: float, published: int | None, stored: int | None, **delivered: int | None) -> Json:
    return {"t": t, "took_ms": 1.0, "published": published, "delivered": delivered, "stored": stored}


def test_the_brokers_counters_are_rates_between_readings_and_a_gauge_where_it_was_read() -> None:
    readings = (told(0.0, 5, 0, a=5, b=5), told(2.0, 205, 40, a=205, b=165), told(3.0, 305, 0, a=305, b=305))
    found = rows(*(produced(float(t), 100) for t in (1, 2, 3, 4)), readings=readings)
    assert column(found, "broker_in") == [100, 100, 100, None]
    assert column(found, "broker_out") == [90, 90, 120, None]
    assert column(found, "broker_stored") == [None, 40, 0, None]


def test_what_a_broker_did_not_tell_stays_open() -> None:
    """A counter that went back is another one; after a failure nothing was read."""
    readings = (
        told(0.0, 50, None, a=None),
        told(1.0, 20, None, a=None),
        told(2.0, 120, None, a=None),
        {"t": 3.0, "error": "ConnectionLost: gone"},
    )
    found = rows(*(produced(float(t), 100) for t in (1, 2, 3)), readings=readings)
    assert column(found, "broker_in") == [None, 100, None]
    assert column(found, "broker_out") == column(found, "broker_stored") == [None, None, None]


def test_no_line_no_row() -> None:
    assert rows() == []
