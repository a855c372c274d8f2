"""A partition without an end: a file's messages over and over, as record batches of which only the offset changes.

A batch's base offset is not under its checksum (kafka.apache.org/documentation, "Record Batch"), so batches are built
once. Canned file and batch size decide them; each partition reads the same ones.
"""

from bisect import bisect_right

from kafka.record.default_records import DefaultRecordBatchBuilder

__all__ = ["EndlessLog"]

NOBODY = -1  # the producer of these batches
TIMESTAMP_MS = 0
MOST_BATCHES_BYTES = 64 * 2**20  # in one answer, whatever the client would take


class EndlessLog:
    def __init__(self, canned: bytes, size_bytes: int, batch_bytes: int) -> None:
        messages = [canned[at : at + size_bytes] for at in range(0, len(canned), size_bytes)]
        self._firsts: list[int] = []  # each batch's first message in the file
        self._batches: list[bytes] = []  # without their base offset
        self._count = len(messages)
        at = 0
        while at < self._count:
            builder = DefaultRecordBatchBuilder(2, 0, False, NOBODY, NOBODY, NOBODY, batch_bytes)
            took = 0
            while at + took < self._count and builder.append(took, TIMESTAMP_MS, None, messages[at + took], []):
                took += 1
            self._firsts.append(at)
            self._batches.append(bytes(builder.build())[8:])
            at += took

    def read(self, offset: int, most_bytes: int) -> bytes:
        """Whole batches from the one that holds `offset`; the first one even where it alone is more."""
        before, within = divmod(offset, self._count)
        number = bisect_right(self._firsts, within) - 1
        base = before * self._count
        parts: list[bytes] = []
        left = min(most_bytes, MOST_BATCHES_BYTES)
        while True:
            batch = self._batches[number]
            left -= 8 + len(batch)
            if parts and left < 0:
                return b"".join(parts)
            parts += ((base + self._firsts[number]).to_bytes(8), batch)
            number += 1
            if number == len(self._batches):
                number, base = 0, base + self._count
