"""Turns delivery tags into the fewest acknowledgements. No I/O: this is bookkeeping.

"Multiple" settles every earlier delivery of the channel too, so it is used only where all of those are settled.
"""

from collections.abc import Iterator

__all__ = ["Unsettled"]


class Unsettled:
    def __init__(self) -> None:
        self._low = 1  # tags count from 1; all before it are settled
        self._ahead: set[int] = set()

    def settle(self, tags: list[int]) -> Iterator[tuple[int, bool]]:
        """The (tag, multiple) frames to send, in order."""
        tags.sort()
        if tags[0] == self._low and tags[-1] - tags[0] == len(tags) - 1:
            self._low = tags[-1] + 1  # a block that follows what is settled: the usual case
            yield tags[-1], True
        else:
            yield from self._scattered(tags)
        while self._low in self._ahead:
            self._ahead.discard(self._low)
            self._low += 1

    def _scattered(self, tags: list[int]) -> Iterator[tuple[int, bool]]:
        leading = 0
        while leading < len(tags) and tags[leading] == self._low:
            leading += 1
            self._low += 1
            while self._low in self._ahead:
                self._ahead.discard(self._low)
                self._low += 1
        if leading:
            yield tags[leading - 1], True
        for tag in tags[leading:]:
            self._ahead.add(tag)
            yield tag, False
