"""Writes the standard HdrHistogram interval log. The hdrhistogram package encodes; its writer knows no tags, so the
line is put together here, as HdrHistogram's log format 1.3 has it."""

from collections.abc import Iterable
from pathlib import Path

from .histogram import bin_value

__all__ = ["HlogLine", "write_hlog"]

HlogLine = tuple[str, float, float, list[list[int]]]  # tag, start s, length s, [bins, counts]
_HIGHEST_NS = (1 << 47) - 1


def write_hlog(path: Path, lines: Iterable[HlogLine]) -> None:
    """One histogram a line, sorted by start; those without a value are left out."""
    from hdrh.histogram import HdrHistogram

    with path.open("w", encoding="ascii") as log:
        log.write("#[Histogram log format version 1.3]\n")
        log.write("#[StartTime: 0.000 (seconds since t0)]\n#[BaseTime: 0.000 (seconds since t0)]\n")
        log.write('"StartTimestamp","Interval_Length","Interval_Max","Interval_Compressed_Histogram"\n')
        # In the order of time: HdrHistogram's own readers silently pass over a line older than the first one.
        for tag, start_s, length_s, (bins, counts) in sorted(lines, key=lambda line: line[1]):
            if not bins:
                continue
            histogram = HdrHistogram(1, _HIGHEST_NS, 3)
            for index, count in zip(bins, counts, strict=True):
                histogram.record_value(bin_value(index), count)
            top_ms = histogram.get_max_value() / 1e6
            payload = histogram.encode().decode("ascii")
            log.write(f"Tag={tag},{start_s:.3f},{length_s:.3f},{top_ms:.3f},{payload}\n")
