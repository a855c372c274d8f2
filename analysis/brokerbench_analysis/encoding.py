"""A histogram as a line of a HdrHistogram log holds it: what `histograms` reads, written.

For exports: the log of a trial itself is written by the engine, while the load runs.
"""

import base64
import struct
import zlib

import numpy as np
from numpy.typing import NDArray

from .histograms import Histogram

__all__ = ["encode"]

# The V2 encoding, words of up to 8 bytes; 3 significant digits, unit 1 ns, up to 2^47 ns, as the engine records.
_COOKIE, _COMPRESSED_COOKIE = 0x1C849313, 0x1C849314
_HEADER = struct.Struct(">IIIIQQd")
_DIGITS, _LOWEST_NS, _HIGHEST_NS = 3, 1, (1 << 47) - 1
_FAST = 1  # of zlib: a smaller file is not worth ten times the time


def encode(histogram: Histogram) -> str:
    """Base64 of the compressed V2 form, as HdrHistogram's own tools read it."""
    words = _words(histogram)
    header = _HEADER.pack(_COOKIE, len(words), 0, _DIGITS, _LOWEST_NS, _HIGHEST_NS, 1.0)
    packed = zlib.compress(header + words, _FAST)
    return base64.b64encode(struct.pack(">II", _COMPRESSED_COOKIE, len(packed)) + packed).decode("ascii")


def _words(histogram: Histogram) -> bytes:
    """ZigZag LEB128: before each count the number of empty bins that lead to it, as a negative number."""
    gaps = np.diff(histogram.index, prepend=-1) - 1
    values = np.column_stack((-gaps, histogram.count)).ravel()
    values = values[values != 0]
    zigzag = (values << 1) ^ (values >> 63)
    return _leb128(zigzag)


def _leb128(words: NDArray[np.int64]) -> bytes:
    """Seven bits a byte, the lowest first; all but a word's last byte have the eighth bit set."""
    if not len(words):
        return b""
    place = np.arange(-(-int(words.max()).bit_length() // 7) or 1)  # bytes of the longest word: seldom more than two
    parts = (words[:, None] >> (7 * place)) & 127
    last = np.max(np.where(parts > 0, place, 0), axis=1)[:, None]
    parts |= np.where(place < last, 128, 0)
    return bytes(parts[place <= last].astype(np.uint8))
