"""What a trial's processes know of its messages: files written once by the coordinator, read by both sides.

Which size, body and key a message has is said by its producer and its sequence, nothing else."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from brokerbench.contract import BadTarget
from brokerbench.model import STAMP_BYTES, Keys, Message, PayloadError, Scenario, read_payload

from .bodies import Bodies, Tape, UnlikeBodies, noise, save_rows
from .codecs import order_bodies
from .draw import draw_sizes
from .keys import KeyPicker, TraceKeys
from .replay import tape_file, write_replays
from .spec import ChildSpec

__all__ = ["EQUAL", "ROWS", "TAPE", "bodies_of", "kind_of", "picker_of", "unlike_bodies", "write_messages"]

EQUAL, ROWS, TAPE = "equal", "rows", "tape"


def kind_of(message: Message) -> str:
    """How bodies come: all of one size, rows of unlike sizes, or in the trace's order."""
    if message.size and message.size.trace:
        return TAPE
    return EQUAL if message.equal_bytes else ROWS


def write_messages(scenario: Scenario, seed: int, folder: Path) -> None:
    """All that children will read from `folder`. Raises BadTarget where a trace is not what it was."""
    message = scenario.message
    if scenario.load.trace:
        write_replays(scenario.load, scenario.topology.producers, folder, message.trace_columns)
    if kind_of(message) == ROWS:
        save_rows(folder, *unlike_bodies(message, seed))


def unlike_bodies(message: Message, seed: int) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """The pool, and where each row of it begins."""
    if message.size is None:
        return _laid_out(order_bodies(message, seed) if message.body else _payload(message))
    offsets = np.concatenate(([0], np.cumsum(draw_sizes(message.size, seed))))
    return noise(seed, int(offsets[-1]), message.compressibility), offsets


def _payload(message: Message) -> Sequence[bytes]:
    """Raises BadTarget where it is not what it was when the scenario was read."""
    assert message.found is not None
    try:
        bodies = read_payload(message.found.path)
    except (PayloadError, OSError) as error:
        raise BadTarget(f"the payload {message.payload} cannot be read any more: {error}") from error
    if message.knowing([STAMP_BYTES + len(body) for body in bodies], message.found.path) != message:
        raise BadTarget(f"the payload {message.payload} is another one than before the run")
    return bodies


def _laid_out(bodies: Sequence[bytes]) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """One after the other, each with room for its stamp."""
    room = bytes(STAMP_BYTES)
    pool = bytearray(b"".join(part for body in bodies for part in (room, body)))
    sizes = np.fromiter(map(len, bodies), np.int64, len(bodies)) + STAMP_BYTES
    return np.frombuffer(pool, np.uint8), np.concatenate(([0], np.cumsum(sizes)))


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
