"""What the engine's parts are told in tests: a child's spec, and payloads stamped as the engine stamps them."""

from pathlib import Path
from typing import Any

import numpy as np

from brokerbench import stamp
from brokerbench.engine.bodies import Bodies
from brokerbench.engine.spec import ChildSpec

__all__ = ["child_spec", "payload"]


def child_spec(ledger: Path, **changes: Any) -> ChildSpec:
    """A child of a small trial: 1 s of warm-up, 2 s measured, 64 B messages, trial tag 77."""
    spec: dict[str, Any] = {
        "name": "it-0",
        "role": "consumer",
        "driver": "none:NONE",
        "client": "none",
        "endpoints": {},
        "settings": {},
        "index": 0,
        "group": "it",
        "producers": 1,
        "in_flight": 100,
        "prefetch": 100,
        "size_bytes": 64,
        "keys": None,
        "confirming": True,
        "settling": True,
        "ordered": True,
        "tag": 77,
        "seed": 5,
        "rate_msgs_s": 1000.0,
        "profile": (),
        "arrivals": "constant",
        "warmup_s": 1.0,
        "measure_s": 2.0,
        "drain_s": 1.0,
        "ledger": str(ledger),
    }
    return ChildSpec(**{**spec, **changes})


def payload(bodies: Bodies, tag: int, producer: int, sequence: int, due_ns: int) -> bytes:
    """One message as the engine sends it."""
    row = bodies.block(producer, sequence, 1).copy()
    stamp.write(row, stamp.head(tag, producer), np.array([sequence], np.uint64), np.array([due_ns], np.uint64))
    return row.tobytes()
