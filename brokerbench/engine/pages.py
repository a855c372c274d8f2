"""Which sequences were seen: the ledger's bitmaps. Bounded memory whatever the number of messages.

While a page is open it is one byte a message, so marking is plain array indexing; the few newest stay open.
A closed page is packed to bits in a file, where the coordinator reads it; a late mark opens it again.
"""

from collections import OrderedDict
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

__all__ = ["PAGE", "Pages", "read_page"]

_SHIFT = 18
PAGE = 1 << _SHIFT  # messages in a page
_BYTES = PAGE // 8
_OPEN = 4


def read_page(path: Path, number: int) -> NDArray[np.bool_]:
    """Page `number` of a bitmap file as PAGE booleans; what was never written is False."""
    if not path.exists():
        return np.zeros(PAGE, np.bool_)
    packed = np.fromfile(path, np.uint8, count=_BYTES, offset=number * _BYTES)
    page = np.zeros(PAGE, np.bool_)
    page[: len(packed) * 8] = np.unpackbits(packed, bitorder="little")
    return page


class Pages:
    """One growing set of sequences (0 .. 2^32 - 1) in the file `path`."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._open: OrderedDict[int, NDArray[np.uint8]] = OrderedDict()
        self._file = path.open("w+b", buffering=0)

    def mark(self, sequences: NDArray[np.int64]) -> NDArray[np.bool_] | None:
        """Add sequences; None if each was new and came once (the usual case), else which of them were new."""
        if sequences.size == 0:
            return None
        first, last = int(sequences[0]) >> _SHIFT, int(sequences[-1]) >> _SHIFT
        if first == last and int(sequences.max()) >> _SHIFT == first and int(sequences.min()) >> _SHIFT == first:
            return self._mark(first, sequences & (PAGE - 1))
        numbers = sequences >> _SHIFT
        fresh = np.ones(len(sequences), np.bool_)
        for number in np.unique(numbers).tolist():
            inside = numbers == number
            new = self._mark(number, sequences[inside] & (PAGE - 1))
            if new is not None:
                fresh[inside] = new
        return None if fresh.all() else fresh

    def flush(self) -> None:
        """Write the open pages, so that a reader sees everything marked so far."""
        for number, page in self._open.items():
            self._write(number, page)

    def close(self) -> None:
        self.flush()
        self._open.clear()
        self._file.close()

    def _mark(self, number: int, at: NDArray[np.int64]) -> NDArray[np.bool_] | None:
        page = self._page(number)
        low, count = int(at[0]), len(at)
        if int(at[-1]) - low == count - 1 and (count < 3 or bool((np.diff(at) == 1).all())):
            run = page[low : low + count]
            if not run.any():
                run[:] = 1
                return None
        new = page[at] == 0
        page[at] = 1
        fresh = at[new]
        if fresh.size > 1 and not bool((np.diff(fresh) > 0).all()):
            # The same sequence may stand in this batch twice: only its first counts as new.
            once = np.zeros(count, np.bool_)
            once[np.unique(at, return_index=True)[1]] = True
            new &= once
        return None if new.all() else new

    def _page(self, number: int) -> NDArray[np.uint8]:
        page = self._open.get(number)
        if page is not None:
            if len(self._open) > 1:
                self._open.move_to_end(number)
            return page
        page = read_page(self.path, number).astype(np.uint8)
        self._open[number] = page
        if len(self._open) > _OPEN:
            oldest, old = self._open.popitem(last=False)
            self._write(oldest, old)
        return page

    def _write(self, number: int, page: NDArray[np.uint8]) -> None:
        self._file.seek(number * _BYTES)
        self._file.write(np.packbits(page, bitorder="little").tobytes())
