"""A trace: read exactly, shared by the producers, sent at its own times."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from brokerbench.contract import BadTarget
from brokerbench.engine.replay import Replay, replay_file, write_replays
from brokerbench.model import Load, Trace, TraceError, read_trace
from tests.support.truth import assert_agrees
from tests.support.virtual import run_virtual

S = 1_000_000_000
TIMES_S = ("0.5", "0.5", "0.75", "1.000000001", "2.25", "3.5")
SINCE_NS = [0, 0, 250_000_000, 500_000_001, 1_750_000_000, 3_000_000_000]


def csv(folder: Path, *rows: str, head: str = "time") -> Path:
    path = folder / "orders.csv"
    path.write_text("\n".join((head, *rows)) + "\n", encoding="utf-8")
    return path


def replay(path: Path, speed: float = 1.0, warmup: str = "2s") -> Load:
    trace = Trace(file=path.name, speed=speed).found(str(path))
    stages = [{"trace": trace.model_dump()}]
    return Load.model_validate({"model": "open", "warmup": warmup, "stages": stages})


def test_seconds_are_read_exactly(tmp_path: Path) -> None:
    read = read_trace(str(csv(tmp_path, *TIMES_S)), 1.0)
    assert read.times_ns.tolist() == SINCE_NS
    assert read.length_s == 3.001  # all of them are before its end
    epoch = [f"17699904{row}" for row in ("00.123456789", "00.123456790", "01.000000000")]
    assert read_trace(str(csv(tmp_path, *epoch)), 1.0).times_ns.tolist() == [0, 1, 876_543_211]


def test_moments_are_read_exactly(tmp_path: Path) -> None:
    rows = ("2026-01-31T23:59:59.999999Z", "2026-02-01T01:00:00+01:00", "2026-02-01T00:00:01.5")
    assert read_trace(str(csv(tmp_path, *rows)), 1.0).times_ns.tolist() == [0, 1000, 1_500_001_000]


def test_a_trace_can_be_faster(tmp_path: Path) -> None:
    read = read_trace(str(csv(tmp_path, *TIMES_S)), 4.0)
    assert read.times_ns.tolist() == [round(at / 4) for at in SINCE_NS]
    assert read.length_s == 0.751


@pytest.mark.parametrize("kind", ["seconds", "timestamps"])
def test_parquet_says_the_same(tmp_path: Path, kind: str) -> None:
    seconds = [float(at) for at in ("0.5", "0.5", "0.75", "1", "2.25", "3.5")]
    first = datetime(2026, 1, 31, tzinfo=UTC)
    times = seconds if kind == "seconds" else [first + timedelta(seconds=at) for at in seconds]
    path = tmp_path / "orders.parquet"
    pq.write_table(pa.table({"key": ["k"] * 6, "time": times}), path)
    read = read_trace(str(path), 1.0)
    assert read.times_ns.tolist() == [round((at - 0.5) * S) for at in seconds]
    assert read.unused == ("key",)


@pytest.mark.parametrize(
    ("times", "told"),
    [
        ([0.0, 2.0, 1.5], "row 3: time goes back by 0.5 s"),
        ([0.0, float("nan"), 1.5], "row 2: time is a number of seconds; found nan"),
        ([0.0, None, 1.5], "row 2: no time"),
        (["a", "b"], "time is a timestamp, or a number of seconds; found string"),
    ],
)
def test_what_is_wrong_in_parquet_is_told_with_its_row(tmp_path: Path, times: list[object], told: str) -> None:
    path = tmp_path / "orders.parquet"
    pq.write_table(pa.table({"time": times}), path)
    with pytest.raises(TraceError, match=told):
        read_trace(str(path), 1.0)
    path.write_bytes(b"no parquet")
    with pytest.raises(TraceError, match="cannot be read as parquet"):
        read_trace(str(path), 1.0)


@pytest.mark.parametrize("producers", [1, 2, 3])
def test_producers_take_turns_and_leave_nothing_out(tmp_path: Path, producers: int) -> None:
    """The warm-up has the trace's mean rate; then each message stands where the trace has it."""
    write_replays(replay(csv(tmp_path, *TIMES_S)), producers, tmp_path)
    schedules = [Replay(replay_file(tmp_path, index)) for index in range(producers)]
    parts = [each.times(0, each.due(100 * S)) for each in schedules]
    whole = np.sort(np.concatenate(parts))
    assert whole[whole >= 2 * S].tolist() == [2 * S + at for at in SINCE_NS]
    assert len(whole) == 6 + int(2 * 6 / 3.001)
    for schedule, part in zip(schedules, parts, strict=True):
        for sequence, due in enumerate(part.tolist()):
            assert schedule.next_ns(sequence) == due
            assert schedule.due(due - 1) == np.searchsorted(part, due)
        assert schedule.next_ns(len(part)) > 1000 * S


def test_more_producers_than_messages(tmp_path: Path) -> None:
    write_replays(replay(csv(tmp_path, *TIMES_S), warmup="0s"), 8, tmp_path)
    assert [Replay(replay_file(tmp_path, index)).due(100 * S) for index in range(8)] == [1] * 6 + [0] * 2


def test_a_shortened_trace_is_its_beginning(tmp_path: Path) -> None:
    load = replay(csv(tmp_path, *TIMES_S), warmup="0s")
    short = load.model_copy(update={"stages": (load.stages[0].shortened(1.0),)})
    assert (short.measure_s, short.rate_msgs_s) == (1.0, 4.0)
    write_replays(short, 1, tmp_path)
    assert Replay(replay_file(tmp_path, 0)).due(100 * S) == 4


def test_a_file_that_has_changed_since_is_refused(tmp_path: Path) -> None:
    load = replay(csv(tmp_path, *TIMES_S))
    csv(tmp_path, *TIMES_S[:-1])
    with pytest.raises(BadTarget, match=r"had 6 messages before the run, now 5"):
        write_replays(load, 1, tmp_path)


def test_a_dump_can_be_read_again_without_the_file(tmp_path: Path) -> None:
    path = csv(tmp_path, "0,100,a", "2,100,b", head="time,size,key")
    load = replay(path)
    path.unlink()
    again = Load.from_base(load.model_dump(mode="json"))
    assert again == load
    assert again.how == "orders.csv, 2 messages in 2 s; its size and key not used"


def test_a_run_sends_what_the_trace_says(tmp_path: Path) -> None:
    """In virtual time: bursts of 50, 100 ms apart; each waits for the ones before it, 1 ms each."""
    rows = [f"{burst * 0.1:.1f}" for burst in range(60) for _ in range(50)]
    stage = {"trace": Trace(file="orders.csv").found(str(csv(tmp_path, *rows))).model_dump()}
    truth = run_virtual(
        tmp_path / "results", {"service": {"constant_s": 0.001}}, rate=None, steady_s=0.0, stages=[stage], producers=2
    )
    assert_agrees(truth)
    assert truth.record["end_to_end_ms"]["max"] == pytest.approx(50.0, rel=2e-3)
    assert truth.record["end_to_end_ms"]["p50"] == pytest.approx(25.0, rel=0.05)
    assert truth.record["send_delay_ms"]["max"] == 0.0
    assert truth.record["load"]["rate_msgs_s"] == pytest.approx(3000 / 5.901)
