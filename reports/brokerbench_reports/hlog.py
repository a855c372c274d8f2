"""All trials in one HdrHistogram interval log, format 1.3, for that project's own tools.

Each trial and metric has a tag of its own, so nothing is mixed that was measured apart; lines of one tag add up.
"""

import datetime as dt
import re
from collections.abc import Iterator, Mapping

from brokerbench_analysis import Study
from brokerbench_analysis.encoding import encode
from brokerbench_analysis.histograms import Interval
from brokerbench_analysis.measure import Measured

from .moments import began_s
from .refusal import NotExportable
from .words import clean

__all__ = ["as_hlog"]

_NO_TAG = re.compile(r"[^A-Za-z0-9._:/-]")  # a comma or a blank would end the tag


def as_hlog(study: Study) -> Mapping[str, Iterator[bytes]]:
    """Raises NotExportable where no trial holds a histogram."""
    trials = [trial for trial in study.measured if trial.files.latency]
    if not trials:
        raise NotExportable("no trial of this run holds latencies; there is nothing to write into a log")
    return {"report.hlog": (line.encode() for line in _lines(study, trials))}


def _lines(study: Study, trials: list[Measured]) -> Iterator[str]:
    base = min(began_s(trial.files) for trial in trials)
    day = dt.datetime.fromtimestamp(base, dt.UTC).isoformat(sep=" ")
    yield "#[Histogram log format version 1.3]\n"
    yield f"#[brokerbench run {_line(study.folder_name)}; values in nanoseconds; one tag a trial and metric]\n"
    for trial in trials:
        yield f"#[{_tag(trial.files.id)}: {_line(trial.files.candidate)}, {trial.validity.state.value}]\n"
    yield f"#[StartTime: {base:.3f} (seconds since epoch), {day}]\n"
    yield f"#[BaseTime: {base:.3f} (seconds since epoch)]\n"
    yield '"StartTimestamp","Interval_Length","Interval_Max","Interval_Compressed_Histogram"\n'
    # In the order of time: HdrHistogram's readers pass over a line that is older than the first one.
    for start_s, tag, interval in sorted(_intervals(trials, base), key=lambda line: line[:2]):
        top_ms = interval.histogram.max_ms() or 0.0
        payload = encode(interval.histogram)
        yield f"Tag={tag},{start_s:.3f},{interval.length_s:.3f},{top_ms:.3f},{payload}\n"


def _intervals(trials: list[Measured], base_s: float) -> Iterator[tuple[float, str, Interval]]:
    for trial in trials:
        offset = began_s(trial.files) - base_s
        for metric, intervals in trial.files.latency.items():
            tag = _tag(f"{trial.files.id}/{metric}")
            for interval in intervals:
                yield offset + interval.start_s, tag, interval


def _tag(name: str) -> str:
    return _NO_TAG.sub("_", name)


def _line(text: str) -> str:
    return " ".join(clean(text).split())
