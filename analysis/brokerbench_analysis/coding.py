"""What writing and reading orders costs, apart from the transport and end to end, each with its interval.

Costs were measured in passes before the load, in which all ways of writing took turns: a pass is their unit. The
effect end to end has trials as its unit, as everything else.
"""

import math
from collections.abc import Sequence

from .candidates import Candidate
from .folder import Json
from .metrics import metric
from .statistics import mean_interval

__all__ = ["coding_of"]

_STEPS = ("encode_us", "compress_us", "decompress_us", "decode_us")
_SAID = ("codec", "model", "compression", "encoded_bytes", "body_bytes", "sent_bytes")
_EFFECT = {
    "end_to_end_p50_ms": "end_to_end.p50",
    "end_to_end_p99_ms": "end_to_end.p99",
    "delivered_msgs_s": "delivered_msgs_s",
    "broker_cpu_s_per_million": "broker_cpu",
}


def coding_of(candidate: Candidate, run: Json) -> Json | None:
    """None where no order was sent, or a folder of before does not say."""
    found = (run.get("coding") or {}).get(candidate.name)
    if found is None:
        return None
    steps = {step: found[step] for step in _STEPS}
    given = [us for us in steps.values() if us]
    # Of each pass the sum of its steps: what one message costs both applications together.
    both = [math.fsum(parts) for parts in zip(*given, strict=True)]
    return {
        **{name: found[name] for name in _SAID},
        **{step: _level(us) if us else None for step, us in steps.items()},
        "application_us": _level(both),
        "effect": {name: _over_trials(candidate, of) for name, of in _EFFECT.items()},
    }


def _over_trials(candidate: Candidate, of: str) -> Json | None:
    found = candidate.values(metric(of))
    level = _level([value for value, _ in found.values()])
    return level and {**level, "at_least": any(bound for _, bound in found.values())}


def _level(values: Sequence[float]) -> Json | None:
    """The geometric mean with its 95 % interval; no interval of one value, no level of none or of zeros."""
    if not values or min(values) <= 0:
        return None
    found = mean_interval([math.log(value) for value in values])
    ends = (found.value, found.low, found.high)
    value, low, high = (None if end is None else math.exp(end) for end in ends)
    return {"value": value, "low": low, "high": high, "n": len(values)}
