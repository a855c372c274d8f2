"""A schedule out of a trace: one file of intended times for each producer, written once and mapped by its process;
beside it what else of the trace is used."""

import json
from collections.abc import Collection
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from brokerbench.contract import BadTarget
from brokerbench.model import Load, Trace, TraceError, TraceFile

from .keys import key_file, key_names_file

__all__ = ["Replay", "replay_file", "tape_file", "write_replays"]

_NEVER = 1 << 62
_BATCH = 64


def replay_file(folder: Path, producer: int) -> Path:
    return folder / f"producer-{producer}.times.npy"


def tape_file(folder: Path, producer: int) -> Path:
    """Where each of its messages begins, were they all one after the other, and where the last one ends."""
    return folder / f"producer-{producer}.ends.npy"


def write_replays(load: Load, producers: int, folder: Path, columns: Collection[str] = ()) -> None:
    """Times in ns since t0: the warm-up, evenly at the trace's mean rate; then the trace. Producers take turns.

    `columns`: what else of the trace is used. Of the warm-up, it is that with which the trace begins.
    Raises BadTarget where the file is not what it was when the scenario was read."""
    trace, rate = load.trace, load.rate_msgs_s
    assert trace is not None
    assert rate is not None
    read = _again(trace, columns)
    times = read.times_ns[read.times_ns < load.measure_s * 1e9]
    if len(times) != trace.messages:
        raise BadTarget(f"the trace {trace.file} had {trace.messages:,} messages before the run, now {len(times):,}")
    warm = np.arange(int(rate * load.warmup_s)) * (1e9 / rate)
    whole = np.concatenate((warm.astype(np.int64), times + round(load.warmup_s * 1e9)))
    rows = np.concatenate((np.arange(len(warm)) % len(times), np.arange(len(times))))
    for producer in range(producers):
        mine = rows[producer::producers]
        np.save(replay_file(folder, producer), whole[producer::producers])
        if read.sizes is not None:
            np.save(tape_file(folder, producer), np.concatenate(([0], np.cumsum(read.sizes[mine]))))
        if read.keys is not None:
            np.save(key_file(folder, producer), read.keys[mine])
    if read.keys is not None:
        names = [name.decode() for name in read.key_names]
        key_names_file(folder).write_text(json.dumps(names), encoding="utf-8")


def _again(trace: Trace, columns: Collection[str]) -> TraceFile:
    try:
        return trace.read(trace.path, columns)
    except (TraceError, OSError) as error:
        raise BadTarget(f"the trace {trace.file} cannot be read any more: {error}") from error


class Replay:
    """Implements Schedule. At the end of the trace nothing more is due."""

    known = owes = True
    batch_cap = _BATCH

    def __init__(self, path: Path) -> None:
        self._times: NDArray[np.int64] = np.load(path, mmap_mode="r")

    def due(self, now_ns: int) -> int:
        return int(np.searchsorted(self._times, now_ns, side="right"))

    def times(self, first: int, count: int) -> NDArray[np.int64]:
        return np.array(self._times[first : first + count])

    def next_ns(self, sequence: int) -> int:
        return int(self._times[sequence]) if sequence < len(self._times) else _NEVER

    def taken(self, count: int) -> None:
        pass

    def freed(self, count: int, now_ns: int) -> None:
        pass
