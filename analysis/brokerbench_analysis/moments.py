"""When something happened to a message: the second in which its turn to be sent came, from the counters of each second.

No time is recorded for a single message; a producer's messages are numbered in the order of its schedule, so the
seconds in which its counter passed a number bound the time of that message.
"""

from collections.abc import Iterable, Sequence

from .folder import TrialFiles

__all__ = ["when_sent"]


def when_sent(files: TrialFiles, ids: Iterable[Sequence[int]]) -> tuple[float, float] | None:
    """Seconds since t0 between which all of these (producer, sequence) were due; None where that is not recorded."""
    wanted: dict[str, list[int]] = {}
    for producer, sequence in ids:
        wanted.setdefault(f"producer-{int(producer)}", []).append(int(sequence))
    found = [
        span for child, numbers in wanted.items() for span in (_span(files, child, min(numbers), max(numbers)),) if span
    ]
    if not found or len(found) < len(wanted):
        return None
    return min(begin for begin, _ in found), max(end for _, end in found)


def _span(files: TrialFiles, child: str, first: int, last: int) -> tuple[float, float] | None:
    before, total = 0.0, 0
    begin = None
    for line in files.intervals:
        if line.get("child") != child:
            continue
        total += int(line["scheduled"])
        if begin is None and total > first:
            begin = before
        if begin is not None and total > last:
            return begin, float(line["t"])
        before = float(line["t"])
    return None
