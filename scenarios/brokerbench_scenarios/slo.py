"""Conditions of a scenario: `end_to_end.p99: < 50ms`, `lost: 0`, `delivered_msgs_s: ">= 5k/s"`."""

import re
from typing import Literal, cast

from brokerbench.model import LoadModel, Scenario, Slo, count, duration_s, rate_msgs_s

__all__ = ["METRICS", "METRICS_SHOWN", "default_primary", "read_slo"]

_LATENCIES = ("send_delay", "confirm", "end_to_end", "response")
_FIGURES = ("mean", "p50", "p90", "p95", "p99", "p99_9", "max")
_COUNTS = ("lost", "duplicates", "reordered")
_RATES = ("delivered_msgs_s", "confirmed_msgs_s", "fill_msgs_s", "drain_msgs_s")
_CONDITION = re.compile(r"\s*(<=|>=|<|>|=)?\s*([^<>=]+?)\s*")

METRICS = (*(f"{name}.{figure}" for name in _LATENCIES for figure in _FIGURES), *_COUNTS, *_RATES)

METRICS_SHOWN = f"{{{','.join(_LATENCIES)}}}.{{{','.join(_FIGURES)}}}, {', '.join((*_COUNTS, *_RATES))}"


def read_slo(metric: str, text: str) -> Slo:
    """`metric` is one of METRICS. Raises ValueError with one line."""
    match = _CONDITION.fullmatch(text)
    if match is None:
        raise ValueError(f"takes a comparison and a value, like {_example(metric)}; found {text!r}")
    op, value = match[1], match[2]
    if op is None and metric not in _COUNTS:
        raise ValueError(f"needs a comparison (<, <=, >, >=, =), like {_example(metric)}; found {text!r}")
    known = cast(Literal["<", "<=", ">", ">=", "="], op or "=")
    return Slo(metric=metric, op=known, value=_value(metric, value), text=text)


def default_primary(scenario: Scenario) -> str:
    """The figure that is tested where the scenario names none."""
    model = scenario.load.model
    if scenario.topology.answered and model is not LoadModel.SATURATE:
        return "response.p99"
    if model is LoadModel.BACKLOG:
        return "drain_msgs_s"
    return {LoadModel.SATURATE: "delivered_msgs_s", LoadModel.CLOSED: "confirm.p99"}.get(model, "end_to_end.p99")


def _value(metric: str, text: str) -> float:
    if metric in _COUNTS:
        return count(text)
    if metric in _RATES:
        return rate_msgs_s(text)
    return round(duration_s(text) * 1000, 9)  # ms


def _example(metric: str) -> str:
    return "0" if metric in _COUNTS else "'>= 5k/s'" if metric in _RATES else "< 50ms"
