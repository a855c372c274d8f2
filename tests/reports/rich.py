"""A study in which everything that a page can say occurs, laid over a run folder's own summary.

The analysis decides when each thing occurs, and has its own tests; here it is said, so that its words can be seen.
"""

import copy
from dataclasses import replace
from typing import Any

from brokerbench_analysis import Study
from tests.analysis.trials import CEILING, Behaviour, Broker

__all__ = ["BROKERS", "QUESTION", "enriched"]

Json = dict[str, Any]

_FAULTS = Behaviour(lost=12, unknown=6, refused=4, duplicates=9, unflagged=3, foreign=2, corrupt=1, end_to_end_ms=5)
BROKERS = [
    Broker("jetstream", Behaviour(end_to_end_ms=1.2, confirm_ms=0.7), survives="power-loss"),
    Broker("kafka", Behaviour(end_to_end_ms=8, confirm_ms=4), repeats={2: Behaviour(end_to_end_ms=8)}, probe=1.2),
    Broker("kafka-python", Behaviour(end_to_end_ms=11, confirm_ms=6), generator="library"),
    Broker("rabbitmq-pika", Behaviour(end_to_end_ms=3, confirm_ms=2), generator="library", version="3.10.8"),
    Broker("redis", _FAULTS),
    Broker("void", Behaviour(lost=10**6), guarantee="at-most-once"),
    Broker("nats-core", excluded="nats core has no publisher confirms; use guarantee: at-most-once"),
]
QUESTION: Json = {"model": "saturate", "rate": 300, "groups": {"billing": 1, "audit": 2}}

_LIMITS = {
    "jetstream": {"by": "broker", "text": "the broker's maximum: the generator had room left"},
    "kafka": {"by": "client-bound", "text": "client-bound: one more worker carried 23 % more"},
    "kafka-python": {"by": None, "text": "the generator was too busy to say, and no probe ran"},
}
_WARNINGS = {"kafka": ["producer-0 was busy 78 % of the time", "the consumers used 61 % of what they reach alone"]}
_CEILINGS: Json = {
    "jetstream": {"producers_msgs_s": 3000.0, "consumers_msgs_s": 5000.0},
    "kafka": {"producers_msgs_s": 500.0, "consumers_msgs_s": 900.0, "cached": True},
    "kafka-python": dict.fromkeys(("producers_msgs_s", "consumers_msgs_s", "producers_busy", "consumers_busy"))
    | {"reason": "no stand-in for Kafka: ceiling not measured"},
}
_ENVIRONMENT: Json = {
    "governor": "powersave",
    "clock_source": "tsc",
    "cgroup": {"version": 2, "cpu_quota_cores": 1.5, "memory_limit_mib": 4096},
    "disk": {"device": "vda", "model": "QEMU", "rotational": False, "filesystem": "ext4", "flush_ms": 0.243},
    "scenario_sha256": "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
}
_CHECKS = (
    ("littles-law", "group billing", 1.234, 1.236, 0.0016, 0.05, True),
    ("closed-loop", "messages in flight", 998.2, 1180.0, 0.182, 0.02, False),
    ("broker-counters", "published", 2100, None, None, 0.01, None),
)


def enriched(study: Study) -> Study:
    """Ceilings, limits, a disturbed trial and its repeat, a probe, pauses, checks, two looks, the machine's disk."""
    run, summary = copy.deepcopy(dict(study.run)), copy.deepcopy(dict(study.summary))
    run["environment"] |= _ENVIRONMENT
    summary["looks"] = {"first": 5, "second": 10, "went_on": True, "alpha_first": 0.025, "alpha_second": 0.025}
    for name, candidate in summary["candidates"].items():
        candidate["generator"] = run["candidates"][name]["generator"]
        candidate["ceiling"] = CEILING | _CEILINGS.get(name, {})
        candidate["limit"] = _LIMITS.get(name)
        candidate["warnings"] = _WARNINGS.get(name, [])
        for number, trial in enumerate(candidate["trials"]):
            _trial(trial, number)
    disturbed = next(t for t in summary["candidates"]["kafka"]["trials"] if t["block"] == 2 and not t["repeats"])
    disturbed |= {"superseded": True, "contamination": {"steal_share": 0.041, "throttled_share": 0.02}}
    for row in summary["comparisons"]:
        row |= {"margin": 0.05, "look": 2}
    return replace(study, run=run, summary=summary)


def _trial(trial: Json, number: int) -> None:
    drifting = {"state": "drifting", "reasons": ["the median end-to-end latency rose by 31 % over the measured window"]}
    trial["kind"] = next((kind for kind in ("repeat", "probe") if trial["id"].endswith(kind)), "planned")
    trial["repeats"] = trial["id"].removesuffix("-repeat") if trial["kind"] == "repeat" else None
    trial["superseded"] = False
    trial["steady"] = drifting if number == 1 else {"state": "steady", "reasons": []}
    stood = {"count": 3, "total_ms": 131.0, "max_ms": 58.0, "child": "producer-0"}
    trial["pauses"] = stood if number == 0 else {"count": 0, "total_ms": 0.0, "max_ms": 0.0, "child": "producer-0"}
    names = ("name", "about", "expected", "found", "off", "limit", "holds")
    trial["checks"] = [dict(zip(names, row, strict=True)) for row in _CHECKS[: 3 if number == 0 else 1]]
