"""Histograms as sparse bin counts, read from a HdrHistogram interval log.

Percentiles come only from added counts, never from averaged percentiles. The log is decoded here, a line at a time,
because a run holds thousands of them; the layout and the V2 encoding are those of the HdrHistogram project, so its
own tools read the same files.
"""

import base64
import binascii
import math
import re
import struct
import zlib
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

__all__ = ["EMPTY", "DamagedLogError", "Histogram", "Interval", "merge", "read_hlog"]

_HALF_BITS = 10  # 3 significant digits: 1024 sub-buckets in each power of two
_HALF = 1 << _HALF_BITS
_COOKIE, _COMPRESSED_COOKIE = 0x1C849303, 0x1C849304
_HEADER = struct.Struct(">IIIIQQd")  # cookie, payload bytes, offset, digits, lowest, highest, ratio
_LINE = re.compile(r"^(?:Tag=([^,]*),)?([0-9.]+),([0-9.]+),([0-9.]+),([A-Za-z0-9+/=]+)$")
_NS_IN_MS = 1e6


class DamagedLogError(ValueError):
    """A line of the log cannot be what was written; the text names the line."""


@dataclass(frozen=True)
class Histogram:
    """`count[i]` values lie in bin `index[i]`; index ascends. Values are nanoseconds."""

    index: NDArray[np.int64]
    count: NDArray[np.int64]

    @property
    def total(self) -> int:
        return int(self.count.sum())

    def quantiles_ms(self, quantiles: Sequence[float], absent: int = 0) -> list[float | None]:
        """The value at each quantile, in ms: the highest that its bin stands for, as HdrHistogram's tools print.

        `absent` values are beyond every recorded one (they never arrived); a quantile among them is None.
        """
        reached = self.count.cumsum()
        there = len(reached)
        total = (int(reached[-1]) if there else 0) + absent
        if not total:
            return [None] * len(quantiles)
        # The nearest rank, ceil(qN); the small epsilon keeps 0.99 * 100 = 99.00000000000001 at rank 99.
        ranks = [min(max(math.ceil(q * total - 1e-9 * total - 1e-12), 1), total) for q in quantiles]
        at = reached.searchsorted(ranks, side="left").tolist()
        return [_top_ns(int(self.index[i])) / _NS_IN_MS if i < there else None for i in at]

    def values_ms(self) -> NDArray[np.float64]:
        """The middle of each bin, in ms: what one value of it stands for."""
        return (_lowest_ns(self.index) + _highest_ns(self.index)) / 2 / _NS_IN_MS

    def max_ms(self) -> float | None:
        return float(_highest_ns(self.index[-1:])[0]) / _NS_IN_MS if self.total else None

    def mean_ms(self) -> float | None:
        if not self.total:
            return None
        return float(np.dot(self.values_ms(), self.count) / self.total)


@dataclass(frozen=True)
class Interval:
    start_s: float
    length_s: float
    histogram: Histogram


EMPTY = Histogram(np.empty(0, np.int64), np.empty(0, np.int64))


def merge(histograms: Iterable[Histogram]) -> Histogram:
    """Counts of equal bins are added."""
    many = list(histograms)
    if len(many) < 2:
        return many[0] if many else EMPTY
    index, place = np.unique(np.concatenate([h.index for h in many]), return_inverse=True)
    count = np.zeros(len(index), np.int64)
    np.add.at(count, place, np.concatenate([h.count for h in many]))
    return Histogram(index, count)


def read_hlog(path: Path) -> Mapping[str, tuple[Interval, ...]]:
    """Tag -> its intervals in the file's order. Raises DamagedLogError, naming the line."""
    heads: list[tuple[int, str, float, float]] = []
    payloads: list[bytes] = []
    for number, line in enumerate(path.read_text(encoding="utf-8", errors="replace").splitlines(), 1):
        if not line or line[0] in '#"':
            continue
        match = _LINE.match(line)
        if match is None:
            raise DamagedLogError(f"line {number} is not a histogram line")
        tag, start, length, _, payload = match.groups()
        with _named(number):
            payloads.append(_decode(payload))
            heads.append((number, tag or "", float(start), float(length)))
    found: dict[str, list[Interval]] = defaultdict(list)
    for (_, tag, begin, span), histogram in zip(heads, _histograms(heads, payloads), strict=True):
        found[tag].append(Interval(begin, span, histogram))
    return {tag: tuple(intervals) for tag, intervals in found.items()}


@contextmanager
def _named(number: int) -> Iterator[None]:
    try:
        yield
    except (ValueError, binascii.Error, zlib.error, struct.error) as error:
        raise DamagedLogError(f"line {number} cannot be decoded ({error})") from error


def _histograms(heads: Sequence[tuple[int, str, float, float]], payloads: Sequence[bytes]) -> list[Histogram]:
    """All lines of a log at once, which costs a tenth; where one is damaged, line by line, to name it."""
    try:
        return _counts(payloads)
    except ValueError:
        for (number, *_), payload in zip(heads, payloads, strict=True):
            with _named(number):
                _counts([payload])
        raise


def _lowest_ns(index: NDArray[np.int64]) -> NDArray[np.int64]:
    bucket = np.maximum((index >> _HALF_BITS) - 1, 0)
    sub = np.where(index < 2 * _HALF, index, (index & (_HALF - 1)) + _HALF)
    return np.asarray(sub << bucket, np.int64)


def _highest_ns(index: NDArray[np.int64]) -> NDArray[np.int64]:
    bucket = np.maximum((index >> _HALF_BITS) - 1, 0)
    return np.asarray(_lowest_ns(index) + (np.int64(1) << bucket) - 1, np.int64)


def _top_ns(index: int) -> int:
    """`_highest_ns` of one bin, without the price of an array: a run has tens of thousands of seconds."""
    bucket = max((index >> _HALF_BITS) - 1, 0)
    sub = index if index < 2 * _HALF else (index & (_HALF - 1)) + _HALF
    return (sub << bucket) + (1 << bucket) - 1


def _decode(payload: str) -> bytes:
    """The counts of one line, as they were encoded."""
    raw = base64.b64decode(payload, validate=True)
    cookie, length = struct.unpack_from(">II", raw)
    if cookie & ~0xF0 != _COMPRESSED_COOKIE or length != len(raw) - 8:
        raise ValueError("not a compressed V2 histogram of the stated length")
    data = zlib.decompress(raw[8:])
    cookie, length, _, digits, lowest, _, _ = _HEADER.unpack_from(data)
    if cookie & ~0xF0 != _COOKIE or length > len(data) - _HEADER.size:
        raise ValueError("not a V2 histogram of the stated length")
    if digits != 3 or lowest != 1:
        raise ValueError(f"{digits} significant digits and unit {lowest} ns; brokerbench writes 3 and 1")
    return data[_HEADER.size : _HEADER.size + length]


def _counts(payloads: Sequence[bytes]) -> list[Histogram]:
    """ZigZag LEB128 words: a positive one is the next bin's count, a negative one that many empty bins, 0 is one."""
    data = np.frombuffer(b"".join(payloads), np.uint8)
    sizes = np.array([len(payload) for payload in payloads], np.int64)
    ends = np.flatnonzero(data < 128)
    if not len(ends):
        if len(data):
            raise ValueError("a count is cut off or too large")
        return [EMPTY] * len(payloads)
    starts = np.concatenate(([0], ends[:-1] + 1))
    widths = ends - starts + 1
    last = sizes.cumsum() - 1  # byte of each payload
    if (data[last[sizes > 0]] >= 128).any() or widths.max() > 8:
        raise ValueError("a count is cut off or too large")
    shifts = 7 * (np.arange(len(data)) - np.repeat(starts, widths))
    words = np.add.reduceat((data & 127).astype(np.int64) << shifts, starts)
    values = (words >> 1) ^ -(words & 1)
    steps = np.where(values < 0, -values, 1)
    at = steps.cumsum() - steps
    # Bins are counted anew in each payload: from the bin of its first word.
    first = np.searchsorted(starts, last - sizes + 1)
    words_each = np.diff(np.append(first, len(words)))
    at -= np.repeat(at[np.minimum(first, len(words) - 1)], words_each)
    there = np.flatnonzero(values > 0)
    cuts = np.searchsorted(there, np.append(first, len(words))).tolist()
    index, count = at[there], values[there]
    return [Histogram(index[a:b], count[a:b]) for a, b in pairwise(cuts)]
