"""Regression gates: `end_to_end.p99 > +10%`, `delivered_msgs_s < -5%`, `lost > 0`, `confirm.p99 > 20ms`."""

import math
import re
from difflib import get_close_matches
from typing import Literal, cast

from brokerbench.model import Gate

from .slo import METRICS, METRICS_SHOWN, read_slo

__all__ = ["read_gate"]

_GATE = re.compile(r"\s*([a-z_][a-z0-9_.]*)\s*(<=|>=|<|>)\s*(\S.*?)\s*", re.IGNORECASE)
_CHANGE = re.compile(r"([+-])(\d+(?:\.\d+)?)\s*%")
_EXAMPLE = "like 'end_to_end.p99 > +10%', 'delivered_msgs_s < -5%' or 'lost > 0'"


def read_gate(text: str) -> Gate:
    """Raises ValueError with one line."""
    match = _GATE.fullmatch(text)
    if match is None:
        raise ValueError(f"takes a figure, a comparison and a change or a value, {_EXAMPLE}; found {text!r}")
    metric, op = match[1], cast(Literal["<", "<=", ">", ">="], match[2])
    if metric not in METRICS:
        near = get_close_matches(metric, METRICS, n=1)
        raise ValueError(f"knows no figure {metric!r}{f', but {near[0]!r}' if near else ''}; known are {METRICS_SHOWN}")
    change = _CHANGE.fullmatch(match[3])
    if change is None:
        if "%" in match[3]:
            raise ValueError(f"a change has a sign, {_EXAMPLE}; found {text!r}")
        value = read_slo(metric, f"{op} {match[3]}").value
        return Gate(metric=metric, op=op, value=value, relative=False, text=text.strip())
    share = float(change[1] + change[2]) / 100
    if share <= -1 or not math.isfinite(share):
        raise ValueError(f"a change is more than -100 %; found {text!r}")
    return Gate(metric=metric, op=op, value=share, relative=True, text=text.strip())
