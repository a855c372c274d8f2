"""What writing and reading the run's orders costs, apart from any transport: run.json's `coding`.

Every way of writing is measured in turn, again and again in random order, so that what disturbs one disturbs all.
"""

import random
from collections.abc import Callable, Mapping
from statistics import fmean, median
from typing import Any

from brokerbench.model import STAMP_BYTES, Compression, Message, Plan

from .codecs import Costs, measure, order_bodies

__all__ = ["PASSES", "coding_costs"]

PASSES = 10  # an interval is made of them
_BUDGET_S, _SHORT_S = 0.05, 0.01  # of one way of writing in one pass
_STEPS = ("encode_us", "compress_us", "decompress_us", "decode_us")


def coding_costs(plan: Plan, observe: Callable[[str, dict[str, Any]], None]) -> dict[str, Any] | None:
    """For each candidate that takes part; None where no order is sent. To be called while no server runs."""
    taking_part = [each.name for each in plan.candidates if each.excluded is None]
    messages = {name: plan.scenario.of(name).message for name in taking_part}
    ways = {message.coding: message for message in messages.values() if message.body is not None}
    if not ways:
        return None
    observe("say", {"text": f"what coding costs: {'; '.join(ways)}"})
    chance, budget_s = random.Random(plan.seed), _SHORT_S if plan.smoke else _BUDGET_S
    passes: dict[str, list[Costs]] = {way: [] for way in ways}
    for _ in range(PASSES):
        for way in chance.sample(sorted(ways), len(ways)):
            passes[way].append(_once(ways[way], plan.seed, budget_s))
    return {name: _record(message, plan.seed, passes[message.coding]) for name, message in messages.items()}


def _once(message: Message, seed: int, budget_s: float) -> Costs:
    assert message.codec is not None
    assert message.compression is not None
    assert message.model is not None
    assert message.lines is not None
    return measure(message.codec, message.compression, message.model, message.lines, seed=seed, budget_s=budget_s)


def _record(message: Message, seed: int, passes: list[Costs]) -> Mapping[str, Any]:
    """Bytes are means over all orders that are sent. Times are one a pass: the median of its rounds, since a round that
    was interrupted says nothing of coding."""
    plain = message.model_copy(update={"compression": Compression.NONE})
    encoded, bodies = (fmean(map(len, order_bodies(each, seed))) for each in (plain, message))
    steps = {step: [getattr(costs, step) for costs in passes] for step in _STEPS}
    return {
        "codec": message.codec,
        "model": message.model,
        "compression": message.compression,
        "encoded_bytes": round(encoded, 1),
        "body_bytes": round(bodies, 1),
        "sent_bytes": round(bodies + STAMP_BYTES, 1),
        **{step: [round(median(us), 4) for us in all_of] if all_of[0] else None for step, all_of in steps.items()},
    }
