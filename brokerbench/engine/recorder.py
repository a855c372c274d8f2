"""The received side: decodes stamps, feeds ledger and histogram. Works on columns, never on single messages.

Small deliveries are gathered and worked through every few thousand messages or 100 ms, so that the fixed cost of
array operations is paid rarely; large ones go straight through.
"""

from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from brokerbench import stamp
from brokerbench.contract import Deliveries
from brokerbench.model import STAMP_BYTES

from .bodies import Bodies, Tape, UnlikeBodies
from .histogram import Histogram
from .ledger import KEPT_IDS
from .messages import bodies_of
from .pages import Pages
from .reply_pipe import ReplyWriter
from .spec import ChildSpec

__all__ = ["Recorder"]

_ROWS = 8192
_BODY_CHECKS = 1000  # a second at most

Ints = NDArray[np.int64]
Words = NDArray[np.uint64]
Flags = NDArray[np.bool_]


class Recorder:
    """One consumer's. `counts` are totals since t0; `canaries` counts readiness messages by producer."""

    def __init__(self, spec: ChildSpec) -> None:
        self._spec = spec
        self._replies = ReplyWriter(spec) if spec.replies_through else None
        self._window = spec.window_ns
        self._t0 = 0
        self._bodies = bodies_of(spec)
        self._words = np.empty((_ROWS, 2), np.uint64)
        self._received = np.empty(_ROWS, np.int64)
        self._partitions = np.empty(_ROWS, np.int32)
        self._flagged = np.empty(_ROWS, np.bool_)
        self._fill = 0
        self._pages: dict[int, Pages] = {}
        self._newest: dict[tuple[int, int], int] = {}
        self._checks_left = _BODY_CHECKS
        self._rows_seen = 0
        self.histogram = Histogram()
        self.first_ns: int | None = None  # the first and the last receipt, since t0
        self.last_ns: int | None = None
        self.canaries: Counter[int] = Counter()
        self.received_sum_ns = 0  # of the distinct messages intended in the window, ns since t0
        self.carried_in_ns: int | None = None  # the longest latency that reached into the window from before it
        self.ids: dict[str, list[list[int]]] = {fate: [] for fate in ("duplicates", "reordered", "corrupt")}
        self.foreign_ids: list[str] = []
        self.counts: Counter[str] = Counter()

    @property
    def started(self) -> bool:
        return self._t0 > 0

    def start(self, t0_ns: int) -> None:
        self._t0 = t0_ns

    def second(self) -> None:
        """Once a second: allow body checks again."""
        self._checks_left = _BODY_CHECKS

    def tick(self) -> None:
        """Every now and then, whatever came."""
        self.flush()
        if self._replies is not None:
            self._replies.push()

    def add(self, deliveries: Deliveries, now_ns: int) -> None:
        words = self._decode(deliveries)
        if deliveries.redelivered is not None:
            self.counts["redelivered"] += int(np.count_nonzero(deliveries.redelivered))
        count = len(words)
        if count == 0:
            return
        if deliveries.payloads is not None:
            self.counts["by_one"] += count
        received: Any = now_ns
        partitions: Any = 0
        flagged: Any = False
        if count == deliveries.count:  # else something was not ours, and the other columns no longer line up
            received = now_ns if deliveries.received_ns is None else deliveries.received_ns
            partitions = 0 if deliveries.partitions is None else deliveries.partitions
            flagged = False if deliveries.redelivered is None else deliveries.redelivered
        if self._replies is not None:
            self._replies.add(words, received)
        if self._fill + count > _ROWS:
            self.flush()
        if count > _ROWS // 4:
            self.flush()
            self._work(
                np.ascontiguousarray(words[:, 0]),
                np.ascontiguousarray(words[:, 1]),
                np.broadcast_to(np.asarray(received, np.int64), count),
                np.broadcast_to(np.asarray(partitions, np.int32), count),
                np.broadcast_to(np.asarray(flagged, np.bool_), count),
            )
            return
        rows = slice(self._fill, self._fill + count)
        self._words[rows] = words
        self._received[rows] = received
        self._partitions[rows] = partitions
        self._flagged[rows] = flagged
        self._fill += count

    def give_back(self, deliveries: Deliveries) -> None:
        """Its consumer requeues these: they are no receipts, and come again."""
        words = self._decode(deliveries)
        first, second = np.ascontiguousarray(words[:, 0]), np.ascontiguousarray(words[:, 1])
        self.counts["returned"] += int(np.count_nonzero(self._ours(first, second)))
        if deliveries.redelivered is not None:
            self.counts["redelivered"] += int(np.count_nonzero(deliveries.redelivered))

    def _ours(self, first: Words, second: Words) -> Flags:
        ours: Flags = stamp.valid(first, second) & (stamp.tags_of(first) == self._spec.tag)
        return ours

    def flush(self) -> None:
        """Work through what was gathered."""
        count, self._fill = self._fill, 0
        if count:
            first, second = self._words[:count, 0].copy(), self._words[:count, 1].copy()
            self._work(first, second, self._received[:count], self._partitions[:count], self._flagged[:count])

    def sync(self) -> None:
        """Everything received so far stands in the bitmap files."""
        self.flush()
        for pages in self._pages.values():
            pages.flush()

    def close(self) -> None:
        self.tick()
        if self._replies is not None:
            self._replies.close()
        for pages in self._pages.values():
            pages.close()

    def files(self) -> dict[str, str]:
        return {str(producer): str(pages.path) for producer, pages in self._pages.items()}

    def _decode(self, deliveries: Deliveries) -> NDArray[np.uint64]:
        """(n, 2) stamp words. Payloads of another size than ours are foreign and set aside."""
        size, count = self._spec.size_bytes, deliveries.count
        if count == 0:
            return np.empty((0, 2), np.uint64)
        if not isinstance(self._bodies, Bodies):
            return self._decode_unlike(deliveries, self._bodies)
        if deliveries.payloads is None:
            blob: Any = deliveries.buffer
            rows = np.frombuffer(blob, np.uint8, count * size).reshape(count, size)
        else:
            joined = b"".join(deliveries.payloads)
            if len(joined) != count * size or (count > 1 and any(len(p) != size for p in deliveries.payloads)):
                ours = [p for p in deliveries.payloads if len(p) == size]
                self._foreign([p for p in deliveries.payloads if len(p) != size])
                joined, count = b"".join(ours), len(ours)
            if not count:
                return np.empty((0, 2), np.uint64)
            rows = np.frombuffer(joined, np.uint8).reshape(count, size)
        words = np.ndarray((count, 2), "<u8", buffer=rows.data, strides=(size, 8))
        self._check_body(rows, words)
        return words

    def _decode_unlike(self, deliveries: Deliveries, bodies: UnlikeBodies | Tape) -> NDArray[np.uint64]:
        """As `_decode`, where sizes differ. What has not even room for a stamp is foreign; what has a stamp of ours,
        and not its size, is corrupt."""
        payloads = deliveries.payloads
        if payloads is None:
            blob: Any = deliveries.buffer
            sizes = np.full(deliveries.count, deliveries.size_bytes, np.int64)
            data = np.frombuffer(blob, np.uint8, int(sizes.sum()))
        else:
            sizes = np.fromiter(map(len, payloads), np.int64, len(payloads))
            if (sizes < STAMP_BYTES).any():
                self._foreign([payload for payload in payloads if len(payload) < STAMP_BYTES])
                payloads, sizes = [p for p in payloads if len(p) >= STAMP_BYTES], sizes[sizes >= STAMP_BYTES]
            data = np.frombuffer(b"".join(payloads), np.uint8)
        starts = np.cumsum(sizes) - sizes
        words = stamp.read_at(data, starts)
        first, second = words[:, 0], words[:, 1]
        ours = stamp.valid(first, second) & (stamp.tags_of(first) == self._spec.tag)
        producers, sequences = stamp.producers_of(first).astype(np.int64), stamp.sequences_of(first)
        wrong = ours & (bodies.sizes(producers, sequences) != sizes)
        for producer, sequence in zip(producers[wrong].tolist(), sequences[wrong].tolist(), strict=True):
            self.counts["corrupt"] += 1
            self._keep("corrupt", producer, np.array([sequence]))
        if self._checks_left > 0 and len(words):
            self._rows_seen += 1
            at = self._rows_seen % len(words)
            if ours[at] and not wrong[at] and sizes[at] > STAMP_BYTES:
                body = data[starts[at] : starts[at] + sizes[at]]
                self._compare(int(producers[at]), int(sequences[at]), body)
        return words

    def _foreign(self, payloads: list[bytes]) -> None:
        self.counts["foreign"] += len(payloads)
        room = KEPT_IDS - len(self.foreign_ids)
        self.foreign_ids += [p[:STAMP_BYTES].hex() for p in payloads[:room]]

    def _check_body(self, rows: NDArray[np.uint8], words: NDArray[np.uint64]) -> None:
        """Compare one body of each delivery (a moving place in it), up to 1000 a second."""
        if self._checks_left <= 0 or self._spec.size_bytes == STAMP_BYTES:
            return
        self._rows_seen += 1
        at = self._rows_seen % len(rows)
        first, second = words[at : at + 1, 0], words[at : at + 1, 1]
        if int(first[0]) >> 48 != self._spec.tag or not stamp.valid(first, second)[0]:
            return
        self._compare(int(first[0]) >> 32 & 0xFFFF, int(first[0]) & 0xFFFFFFFF, rows[at])

    def _compare(self, producer: int, sequence: int, payload: NDArray[np.uint8]) -> None:
        self._checks_left -= 1
        self.counts["bodies_checked"] += 1
        if not self._bodies.same(producer, sequence, payload):
            self.counts["bodies_wrong"] += 1
            self.counts["corrupt"] += 1
            self._keep("corrupt", producer, np.array([sequence]))

    def _work(self, first: Words, second: Words, received: Ints, parts: NDArray[np.int32], flagged: Flags) -> None:
        good = self._ours(first, second)
        if self._spec.topics > 1:
            good &= stamp.producers_of(first) % self._spec.topics == self._spec.index % self._spec.topics
        if not good.all():
            self._strangers(first[~good], second[~good])
            if not good.any():
                return
            first, second, received = first[good], second[good], received[good]
            parts, flagged = parts[good], flagged[good]
        if not self.started:
            raise RuntimeError(f"{self._spec.name}: a message of the load came before t0 was known; run it again")
        ns = stamp.ns_of(second).view(np.int64)
        sequences = stamp.sequences_of(first)
        producers = stamp.producers_of(first)
        relative = received - self._t0
        if self.first_ns is None:
            self.first_ns = int(relative[0])
        self.last_ns = int(relative[-1])
        self.counts["delivered"] += len(first)
        if producers[0] == producers[-1] and (producers == producers[0]).all():
            self._of_producer(int(producers[0]), sequences, ns, relative, parts, flagged)
            return
        for producer in np.unique(producers).tolist():
            mine = producers == producer
            self._of_producer(producer, sequences[mine], ns[mine], relative[mine], parts[mine], flagged[mine])

    def _of_producer(
        self, producer: int, sequences: Ints, ns: Ints, relative: Ints, parts: NDArray[np.int32], flagged: Flags
    ) -> None:
        start, end = self._window
        pages = self._pages.get(producer)
        if pages is None:
            path = Path(self._spec.ledger) / f"{self._spec.name}.from-{producer}.bits"
            pages = self._pages[producer] = Pages(path)
        by_time = (relative >= start) & (relative < end)
        self.counts["delivered_by_time"] += int(np.count_nonzero(by_time))
        new = pages.mark(sequences)
        if new is not None and not self._spec.canned:
            self._keep("duplicates", producer, sequences[~new])
            self.counts["duplicates_flagged"] += int(np.count_nonzero(flagged[~new]))
            sequences, ns, relative, parts, by_time = sequences[new], ns[new], relative[new], parts[new], by_time[new]
        self.counts["unique"] += len(sequences)
        self.counts["unique_by_time"] += int(np.count_nonzero(by_time))
        inside = (ns >= start) & (ns < end)
        if self._spec.ordered and len(sequences):
            self._inversions(producer, sequences, parts)
        if not inside.all():
            carried = by_time & (ns < start)
            if carried.any():
                self.carried_in_ns = max(self.carried_in_ns or 0, int((relative - ns)[carried].max()))
            relative, ns = relative[inside], ns[inside]
        self.counts["in_window"] += len(relative)
        self.received_sum_ns += int(relative.sum())
        self.histogram.record(relative - ns)

    def _keep(self, fate: str, producer: int, sequences: Ints) -> None:
        """The first ids of each fate, for whoever looks into it."""
        kept = self.ids[fate]
        kept += [[producer, s] for s in sequences[: KEPT_IDS - len(kept)].tolist()]

    def _inversions(self, producer: int, sequences: Ints, parts: NDArray[np.int32]) -> None:
        """Messages that came after a later one of the same producer and partition."""
        partitions = np.unique(parts).tolist() if parts[0] != parts[-1] or len(parts) > 2 else [int(parts[0])]
        for partition in partitions:
            row = sequences if len(partitions) == 1 else sequences[parts == partition]
            newest = self._newest.get((producer, partition), -1)
            peaks = np.maximum.accumulate(row)
            np.maximum(peaks, newest, out=peaks)
            late = row < peaks
            if late.any():
                self.counts["reordered"] += int(np.count_nonzero(late))
                self._keep("reordered", producer, row[late])
            self._newest[producer, partition] = int(peaks[-1])

    def _strangers(self, first: NDArray[np.uint64], second: NDArray[np.uint64]) -> None:
        """Canaries, messages of others or of another topic, and stamps that are ours but damaged."""
        whole = stamp.valid(first, second)
        tags = stamp.tags_of(first)
        canary = whole & (tags == self._spec.tag | stamp.CANARY)
        for producer in stamp.producers_of(first[canary]).tolist():
            self.canaries[producer] += 1
        damaged = ~whole & (tags == self._spec.tag)
        self.counts["corrupt"] += int(np.count_nonzero(damaged))
        for first_word in first[damaged].tolist():  # as it reads now: which part is damaged is not known
            self._keep("corrupt", first_word >> 32 & 0xFFFF, np.array([first_word & 0xFFFFFFFF]))
        foreign = ~canary & ~damaged
        if foreign.any():
            pairs = np.stack((first[foreign], second[foreign]), axis=1)
            self._foreign([row.tobytes() for row in pairs])
