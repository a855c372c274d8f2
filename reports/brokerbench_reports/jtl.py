"""JMeter's own result file, so that its dashboard reads our runs. docs/formats.md says what it can hold and what not.

A line is one message. Runs hold histograms a second, so each line has the value of its bin and a moment inside that
second; whole milliseconds are JMeter's. Written are the columns without which JMeter refuses a file.
"""

import csv
import io
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from brokerbench.model import REPLIES
from brokerbench_analysis import Study
from brokerbench_analysis.histograms import Interval
from brokerbench_analysis.latency import Sample, sample_of
from brokerbench_analysis.measure import Measured

from .moments import began_s
from .refusal import NotExportable
from .words import cell

__all__ = ["MOST_LINES", "as_jtl"]

MOST_LINES = 1_000_000  # about 90 MB; JMeter makes its dashboard of them in half a minute
_HEADER = (
    *("timeStamp", "elapsed", "label", "responseCode", "responseMessage", "threadName", "success", "failureMessage"),
    *("bytes", "grpThreads", "allThreads", "Latency"),
)
_WORDS = {"end_to_end": "end-to-end", "confirm": "confirm", "send_delay": "send delay"}
_ABSENT = {
    "end_to_end": (
        "LOST",
        "promised, and not delivered by the end of the drain; elapsed is how long it was waited for",
    ),
    "confirm": ("UNANSWERED", "neither confirmed nor refused; elapsed is how long it was waited for"),
}
_GOLDEN = 0.6180339887498949  # multiples of it fill a second evenly at any number of lines, in no order of value


@dataclass(frozen=True)
class _Stream:
    """What goes under one label, of one trial."""

    trial: Measured
    metric: str
    label: str
    sample: Sample
    intervals: tuple[Interval, ...]
    tail: tuple[int, int, int]  # bytes received, processes on this side, processes on both


def as_jtl(study: Study) -> Mapping[str, Iterator[bytes]]:
    """Of the trials that figures are made of. Raises NotExportable where there is none."""
    size = study.run["scenario"].get("message", {}).get("size_bytes")
    each_bytes = size if isinstance(size, int) else 0
    trials = (trial for trial in study.measured if trial.counts and trial.usable)
    streams = [stream for trial in trials for stream in _streams(trial, each_bytes)]
    if not streams:
        raise NotExportable(
            "no valid trial of this run holds latencies; `--format hlog` writes those that are not valid"
        )
    of = thinned(sum(stream.sample.size for stream in streams))
    name = "report.jtl" if of == 1 else f"report-1-of-{of}.jtl"
    return {name: _lines(streams, of)}


def thinned(samples: int) -> int:
    """Of how many messages one is written: 1, 2, 5, 10, 20 ... so that at most MOST_LINES are."""
    factor = 1
    while samples > factor * MOST_LINES:
        factor = factor * 5 // 2 if str(factor)[0] == "2" else factor * 2
    return factor


def _streams(trial: Measured, size_bytes: int) -> Iterator[_Stream]:
    files = trial.files
    producers, consumers = files.trial["producers"], files.trial["consumers"]
    several = len(files.groups) - files.answered > 1
    wanted: list[tuple[str, str | None]] = [("end_to_end", group) for group in files.groups]
    for metric, group in [*wanted, ("confirm", None), ("send_delay", None)]:
        sample = sample_of(files, metric, group)
        if sample is not None:
            way = "response" if files.answered and group == REPLIES else _WORDS[metric]
            label = f"{files.candidate} {way}" + (f" ({group})" if several and group else "")
            tag = metric if group is None else f"{metric}:{group}"
            side = producers if group is None else [c for c in consumers if c["group"] == group]
            tail = (0 if group is None else size_bytes, len(side), len(producers) + len(consumers))
            yield _Stream(trial, metric, label, sample, tuple(files.latency.get(tag, ())), tail)


def _lines(streams: Iterable[_Stream], of: int) -> Iterator[bytes]:
    yield (",".join(_HEADER) + "\n").encode()
    seen: dict[str, int] = {}
    for stream in streams:
        label = cell(stream.label + (f", 1 of {of}" if of > 1 else ""))
        who = cell(stream.trial.files.id)
        for interval in stream.intervals:
            before = seen.get(label, of // 2)
            seen[label] = before + interval.histogram.total
            rows = _rows(stream, interval, before, of)
            yield _text((*row, label, "OK", "", who, "true", "", *stream.tail, row[1]) for row in rows)
        if stream.sample.absent:
            yield _text(_missing(stream, label, who, of))


def _rows(stream: _Stream, interval: Interval, before: int, of: int) -> Iterator[tuple[int, int]]:
    """When each message began and how long it took, in ms: every `of`-th, counted over seconds and rising values, so
    that a thinned second keeps its percentiles."""
    base_s = began_s(stream.trial.files) + interval.start_s
    number = 0
    for value_ms, count in zip(interval.histogram.values_ms().tolist(), interval.histogram.count.tolist(), strict=True):
        elapsed = round(value_ms)
        after = before + count
        for _ in range(after // of - before // of):
            number += 1
            ended = base_s + interval.length_s * (number * _GOLDEN % 1.0)
            yield round(1000 * ended) - elapsed, elapsed
        before = after


def _missing(stream: _Stream, label: str, who: str, of: int) -> Iterator[tuple[object, ...]]:
    """Messages that never came, thinned too, but rounded up: none of them may vanish. At the end of the window,
    because the run keeps their number and not their seconds."""
    code, why = _ABSENT[stream.metric]
    files = stream.trial.files
    at = round(1000 * (began_s(files) + files.warmup_s + files.measure_s))
    elapsed = round(stream.sample.bound_ms())
    row = (at, elapsed, label, code, why, who, "false", why, 0, *stream.tail[1:], elapsed)
    for _ in range(-(-stream.sample.absent // of)):
        yield row


def _text(rows: Iterable[tuple[object, ...]]) -> bytes:
    out = io.StringIO()
    csv.writer(out, lineterminator="\n").writerows(rows)
    return out.getvalue().encode("utf-8")
