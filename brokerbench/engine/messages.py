"""What a trial's processes know of its messages: files written once by the coordinator, read by both sides.

Which size, body and key a message has is said by its producer and its sequence, nothing else."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from brokerbench.model import Keys, Message, Scenario

from .bodies import Bodies, Tape, UnlikeBodies, noise, save_rows
from .draw import draw_sizes
from .keys import KeyPicker, TraceKeys
from .replay import tape_file, write_replays
from .spec import ChildSpec

__all__ = ["ROWS", "bodies_of", "kind_of", "picker_of", "unlike_bodies", "write_messages"]

EQUAL, ROWS, TAPE = "equal", "rows", "tape"


def kind_of(message: Message) -> str:
    """How bodies come: all of one size, rows of unlike sizes, or in the trace's order."""
    if message.size.trace:
        return TAPE
    return EQUAL if message.equal_bytes else ROWS


def write_messages(scenario: Scenario, message: Message, seed: int, folder: Path) -> None:
    """All that children will read from `folder`. Raises BadTarget where a trace is not what it was."""
    if scenario.load.trace:
        write_replays(scenario.load, scenario.topology.producers, folder, message.trace_columns)
    if kind_of(message) == ROWS:
        save_rows(folder, *unlike_bodies(message, seed))


def unlike_bodies(message: Message, seed: int) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """The pool, and where each row of it begins."""
    sizes = draw_sizes(message.size, seed)
    offsets = np.concatenate(([0], np.cumsum(sizes)))
    return noise(seed, int(offsets[-1]), message.compressibility), offsets


def bodies_of(spec: ChildSpec) -> Bodies | UnlikeBodies | Tape:
    folder = Path(spec.ledger)
    if spec.bodies == ROWS:
        return UnlikeBodies.load(folder)
    if spec.bodies == TAPE:
        ends = [np.load(tape_file(folder, producer), mmap_mode="r") for producer in range(spec.producers)]
        return Tape(spec.seed, ends, spec.size_bytes, spec.compressibility)
    return Bodies(spec.seed, spec.size_bytes, spec.compressibility)


def picker_of(spec: ChildSpec) -> KeyPicker | TraceKeys | None:
    """None: messages have no keys."""
    if spec.keys is None:
        return None
    keys = Keys.from_base(spec.keys)
    return TraceKeys(Path(spec.ledger), spec.index) if keys.trace else KeyPicker(keys, spec.seed, spec.index)
