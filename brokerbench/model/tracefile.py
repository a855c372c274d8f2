"""The file of a trace: one row a message, with the time it was sent at."""

import csv
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

__all__ = ["TraceError", "TraceFile", "read_trace"]

SHORTEST_S, LONGEST_S = 0.5, 7 * 24 * 3600
LATEST_NS = 1 << 62
USED = ("time",)
KNOWN = ("time", "size", "key")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_FORM = "seconds, like 0.25, or ISO 8601, like 2026-01-31T12:00:00.250Z"


class TraceError(ValueError):
    """One line for the user, with the file's own line where there is one."""


@dataclass(frozen=True)
class TraceFile:
    times_ns: "NDArray[np.int64]"  # since the first message, at the speed asked
    length_s: float  # whole milliseconds, after the last message
    unused: tuple[str, ...]  # columns that have a meaning, which is not given to them yet


def read_trace(path: str, speed: float) -> TraceFile:
    """Raises TraceError, OSError."""
    import numpy as np

    columns, stamps = _parquet(path) if Path(path).suffix == ".parquet" else _csv(path)
    if len(stamps) < 2:
        raise TraceError(f"needs two messages at least; found {len(stamps)}")
    times = np.array(stamps, np.int64)
    times -= times[0]
    if speed != 1:
        times = np.rint(times / speed).astype(np.int64)
    length_s = (int(times[-1]) // 1_000_000 + 1) / 1000
    if not SHORTEST_S <= length_s <= LONGEST_S:
        raise TraceError(f"it lasts {length_s:g} s at speed {speed:g}; allowed: {SHORTEST_S:g} s to 7 days")
    return TraceFile(times, length_s, tuple(name for name in KNOWN if name in columns and name not in USED))


def _csv(path: str) -> tuple[Sequence[str], list[int]]:
    """Columns, and ns of each row."""
    with open(path, encoding="utf-8-sig", newline="") as file:
        rows = csv.reader(file)
        try:
            columns = [name.strip() for name in next(rows, [])]
            return columns, list(_stamps(rows, _time_column(columns)))
        except (csv.Error, UnicodeDecodeError) as error:
            raise TraceError(f"line {rows.line_num + 1} is no CSV in UTF-8: {error}") from None


def _stamps(rows: Any, column: int) -> Iterator[int]:
    parse, before = None, None
    for row in rows:
        if not row:
            continue
        text = row[column].strip() if column < len(row) else ""
        try:
            parse = parse or (_iso_ns if "-" in text[1:] and "e" not in text.lower() else _seconds_ns)
            at = parse(text)
        except (ValueError, OverflowError, InvalidOperation):
            raise TraceError(f"line {rows.line_num}: time is {_FORM}; found {text!r}") from None
        if before is not None and at < before:
            raise TraceError(_backwards(f"line {rows.line_num}", before - at))
        before = at
        yield at


def _backwards(place: str, ns: int) -> str:
    return f"{place}: time goes back by {ns / 1e9:g} s; sort the file by time"


def _seconds_ns(text: str) -> int:
    """Exactly: as a float, seconds since 1970 are right to a quarter of a microsecond only."""
    at = int(Decimal(text).scaleb(9).to_integral_value())
    if abs(at) > LATEST_NS:
        raise OverflowError
    return at


def _iso_ns(text: str) -> int:
    at = datetime.fromisoformat(text)
    since = (at if at.tzinfo else at.replace(tzinfo=UTC)) - _EPOCH
    return since // timedelta(microseconds=1) * 1000


def _time_column(columns: Sequence[str]) -> int:
    if "time" not in columns:
        found = ", ".join(columns) if any(columns) else "nothing"
        raise TraceError(f"its first line names the columns, one of them time; found {found}")
    return columns.index("time")


def _parquet(path: str) -> tuple[Sequence[str], Any]:
    try:
        import pyarrow as pa
        import pyarrow.compute as pc
        import pyarrow.parquet as pq
    except ImportError:
        raise TraceError("a parquet file needs pip install 'brokerbench[parquet]', or write it as CSV") from None
    try:
        columns = pq.read_schema(path).names
        time = pq.read_table(path, columns=[columns[_time_column(columns)]]).column(0)
    except pa.ArrowInvalid as error:
        raise TraceError(f"cannot be read as parquet: {str(error).splitlines()[0]}") from None
    if time.null_count:
        row = pc.index(pc.is_null(time), True).as_py()
        raise TraceError(f"row {row + 1}: no time; each message has one")
    if pa.types.is_timestamp(time.type):
        stamps = time.cast(pa.timestamp("ns", time.type.tz)).cast(pa.int64()).to_numpy()
    elif pa.types.is_integer(time.type) or pa.types.is_floating(time.type):
        stamps = _whole_ns(time.to_numpy())
    else:
        raise TraceError(f"time is a timestamp, or a number of seconds; found {time.type}")
    row = pc.index(pa.array(stamps[1:] < stamps[:-1]), True).as_py() + 1
    if row:
        raise TraceError(_backwards(f"row {row + 1}", int(stamps[row - 1] - stamps[row])))
    return columns, stamps


def _whole_ns(seconds: Any) -> Any:
    import numpy as np

    sane = np.abs(seconds) < LATEST_NS / 1e9  # neither is nan
    if not sane.all():
        row = int(np.argmin(sane))
        raise TraceError(f"row {row + 1}: time is a number of seconds; found {seconds[row]}")
    whole = np.floor(seconds)
    return whole.astype(np.int64) * 1_000_000_000 + np.rint((seconds - whole) * 1e9).astype(np.int64)
