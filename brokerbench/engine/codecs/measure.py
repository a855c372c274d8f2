"""What coding costs, apart from any transport: microseconds a message for each step, and bytes.

Rounds over the same distinct orders, each step timed over the whole round, so that the clock's own cost vanishes. The
first round warms up and is not kept. Rounds are kept one by one: analysis says how far they agree.
"""

import gc
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from time import perf_counter_ns
from typing import Any

from brokerbench.model import Codec, Compression, OrderModel

from .bodies import some_orders
from .coding import coding

__all__ = ["BUDGET_S", "Costs", "measure"]

BUDGET_S = 0.3
_ORDERS = 128  # a round stays below a millisecond or two for the fast ones, so that a budget holds many
_LEAST_ROUNDS = 5


@dataclass(frozen=True)
class Costs:
    """Rows are rounds, each a mean over the same `orders` messages. Compression: None where there is none."""

    orders: int
    encoded_bytes: float  # means; without the stamp
    body_bytes: float
    encode_us: tuple[float, ...]
    compress_us: tuple[float, ...] | None
    decompress_us: tuple[float, ...] | None
    decode_us: tuple[float, ...]

    def as_json(self) -> dict[str, Any]:
        return asdict(self)


def measure(
    codec: Codec, compression: Compression, model: OrderModel, lines: int, *, seed: int, budget_s: float = BUDGET_S
) -> Costs:
    """Within the budget, or in the fewest rounds that tell anything. Collects no garbage meanwhile."""
    chosen = coding(codec, compression, model)
    pack = chosen.packer.pack if chosen.packer else None
    unpack = chosen.packer.unpack if chosen.packer else None
    sample = some_orders(seed, model, lines, _ORDERS)
    encoded = [chosen.coder.encode(order) for order in sample]
    bodies = [pack(data) for data in encoded] if pack else encoded
    steps: dict[str, tuple[Callable[[Any], Any], Sequence[Any]]] = {
        "encode_us": (chosen.coder.encode, sample),
        "decode_us": (chosen.coder.decode, encoded),
    }
    if pack and unpack:
        steps |= {"compress_us": (pack, encoded), "decompress_us": (unpack, bodies)}
    rounds = _rounds(steps, budget_s)
    return Costs(
        orders=_ORDERS,
        encoded_bytes=sum(map(len, encoded)) / _ORDERS,
        body_bytes=sum(map(len, bodies)) / _ORDERS,
        encode_us=rounds["encode_us"],
        compress_us=rounds.get("compress_us"),
        decompress_us=rounds.get("decompress_us"),
        decode_us=rounds["decode_us"],
    )


def _rounds(
    steps: dict[str, tuple[Callable[[Any], Any], Sequence[Any]]], budget_s: float
) -> dict[str, tuple[float, ...]]:
    found: dict[str, list[float]] = {name: [] for name in steps}
    collecting = gc.isenabled()
    gc.disable()
    try:
        end = perf_counter_ns() + round(budget_s * 1e9)
        done = 0
        while done <= _LEAST_ROUNDS or perf_counter_ns() < end:
            for name, (step, items) in steps.items():
                found[name].append(_us(step, items))
            done += 1
    finally:
        if collecting:
            gc.enable()
    return {name: tuple(us[1:]) for name, us in found.items()}


def _us(step: Callable[[Any], Any], items: Sequence[Any]) -> float:
    start = perf_counter_ns()
    for item in items:
        step(item)
    return (perf_counter_ns() - start) / len(items) / 1e3
