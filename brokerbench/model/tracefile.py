"""The file of a trace: one row a message, with the time it was sent at; if asked, with its size and its key."""

import csv
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .units import LARGEST_BYTES, STAMP_BYTES, format_size

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

__all__ = ["TraceError", "TraceFile", "read_trace"]

SHORTEST_S, LONGEST_S = 0.5, 7 * 24 * 3600
LATEST_NS = 1 << 62
MOST_KEYS = 1_000_000
TIME, SIZE, KEY = "time", "size", "key"
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_FORM = "seconds, like 0.25, or ISO 8601, like 2026-01-31T12:00:00.250Z"
_SIZE_FORM = f"size is whole bytes, {format_size(STAMP_BYTES)} to {format_size(LARGEST_BYTES)}"


class TraceError(ValueError):
    """One line for the user, with the file's own line where there is one."""


@dataclass(frozen=True)
class TraceFile:
    times_ns: "NDArray[np.int64]"  # since the first message, at the speed asked
    length_s: float  # whole milliseconds, after the last message
    unused: tuple[str, ...]  # columns that have a meaning, which nobody asked for
    sizes: "NDArray[np.int64] | None" = None
    keys: "NDArray[np.int32] | None" = None  # of each message, its place in key_names
    key_names: tuple[bytes, ...] = ()


def read_trace(path: str, speed: float, used: Collection[str] = ()) -> TraceFile:
    """`used`: of the columns size and key, which are read too. Raises TraceError, OSError."""
    import numpy as np

    read = _parquet if Path(path).suffix == ".parquet" else _csv
    columns, found = read(path, [TIME, *(name for name in (SIZE, KEY) if name in used)])
    stamps = found[TIME]
    if len(stamps) < 2:
        raise TraceError(f"needs two messages at least; found {len(stamps)}")
    times = np.array(stamps, np.int64)
    times -= times[0]
    if speed != 1:
        times = np.rint(times / speed).astype(np.int64)
    length_s = (int(times[-1]) // 1_000_000 + 1) / 1000
    if not SHORTEST_S <= length_s <= LONGEST_S:
        raise TraceError(f"it lasts {length_s:g} s at speed {speed:g}; allowed: {SHORTEST_S:g} s to 7 days")
    sizes = np.array(found[SIZE], np.int64) if SIZE in found else None
    keys, names = _numbered(found[KEY]) if KEY in found else (None, ())
    unused = tuple(name for name in (SIZE, KEY) if name in columns and name not in used)
    return TraceFile(times, length_s, unused, sizes, keys, names)


def _numbered(keys: Sequence[str]) -> "tuple[NDArray[np.int32], tuple[bytes, ...]]":
    import numpy as np

    places = {key: place for place, key in enumerate(dict.fromkeys(keys))}
    if len(places) > MOST_KEYS:
        raise TraceError(f"it has {len(places):,} distinct keys; allowed: up to {MOST_KEYS:,}")
    return np.array([places[key] for key in keys], np.int32), tuple(key.encode() for key in places)


def _csv(path: str, used: Sequence[str]) -> tuple[Sequence[str], dict[str, list[Any]]]:
    """All columns, and the values of those used."""
    with open(path, encoding="utf-8-sig", newline="") as file:
        rows = csv.reader(file)
        try:
            columns = [name.strip() for name in next(rows, [])]
            places = {name: _place(columns, name) for name in used}
            found: dict[str, list[Any]] = {name: [] for name in used}
            for name, value in _values(rows, places):
                found[name].append(value)
            return columns, found
        except (csv.Error, UnicodeDecodeError) as error:
            raise TraceError(f"line {rows.line_num + 1} is no CSV in UTF-8: {error}") from None


def _values(rows: Any, places: dict[str, int]) -> Iterator[tuple[str, Any]]:
    """Row by row: time, then what else is asked for."""
    parse, before = None, None
    for row in rows:
        if not row:
            continue
        cells = {name: row[place].strip() if place < len(row) else "" for name, place in places.items()}
        text = cells[TIME]
        try:
            parse = parse or (_iso_ns if "-" in text[1:] and "e" not in text.lower() else _seconds_ns)
            at = parse(text)
        except (ValueError, OverflowError, InvalidOperation):
            raise TraceError(f"line {rows.line_num}: time is {_FORM}; found {text!r}") from None
        if before is not None and at < before:
            raise TraceError(_backwards(f"line {rows.line_num}", before - at))
        before = at
        yield TIME, at
        if SIZE in cells:
            yield SIZE, _size(cells[SIZE], f"line {rows.line_num}")
        if KEY in cells:
            yield KEY, _key(cells[KEY], f"line {rows.line_num}")


def _size(text: Any, place: str) -> int:
    try:
        size = int(text)
    except (ValueError, TypeError):
        size = 0
    if not STAMP_BYTES <= size <= LARGEST_BYTES:
        raise TraceError(f"{place}: {_SIZE_FORM}; found {text!r}")
    return size


def _key(text: Any, place: str) -> str:
    key = "" if text is None else str(text)
    if not 1 <= len(key.encode()) <= 255:
        raise TraceError(f"{place}: key is 1 to 255 bytes long; found {key[:20]!r}")
    return key


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


def _place(columns: Sequence[str], name: str) -> int:
    if name not in columns:
        found = ", ".join(columns) if any(columns) else "nothing"
        raise TraceError(f"its first line names the columns, one of them {name}; found {found}")
    return columns.index(name)


def _parquet(path: str, used: Sequence[str]) -> tuple[Sequence[str], dict[str, Any]]:
    try:
        import pyarrow as pa
        import pyarrow.parquet as pq
    except ImportError:
        raise TraceError("a parquet file needs pip install 'brokerbench[parquet]', or write it as CSV") from None
    try:
        columns = pq.read_schema(path).names
        for name in used:
            _place(columns, name)
        table = pq.read_table(path, columns=list(used))
    except pa.ArrowInvalid as error:
        raise TraceError(f"cannot be read as parquet: {str(error).splitlines()[0]}") from None
    checks = {SIZE: _size, KEY: _key}
    found: dict[str, Any] = {TIME: _times(table.column(TIME))}
    for name in used[1:]:
        cells = table.column(name).to_pylist()
        found[name] = [checks[name](cell, f"row {row}") for row, cell in enumerate(cells, 1)]
    return columns, found


def _times(time: Any) -> Any:
    """Of a parquet column, as ns."""
    import pyarrow as pa
    import pyarrow.compute as pc

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
    return stamps


def _whole_ns(seconds: Any) -> Any:
    import numpy as np

    sane = np.abs(seconds) < LATEST_NS / 1e9  # neither is nan
    if not sane.all():
        row = int(np.argmin(sane))
        raise TraceError(f"row {row + 1}: time is a number of seconds; found {seconds[row]}")
    whole = np.floor(seconds)
    return whole.astype(np.int64) * 1_000_000_000 + np.rint((seconds - whole) * 1e9).astype(np.int64)
