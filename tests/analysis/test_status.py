"""The exit status: first that holds."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from brokerbench_analysis import exit_status, write_summary
from tests.analysis.folders import Behaviour, Broker

Run = Callable[..., Path]
FAILED = {2: "failed"}
FAST = {"metric": "end_to_end.p99", "op": "<", "value": 0.001, "text": "< 1us"}
UNTOLD = {"metric": "end_to_end.p99_9", "op": "<", "value": 50, "text": "< 50ms"}
AT_MOST_ONCE = {"delivery": {"guarantee": "at-most-once"}}


@pytest.mark.parametrize(
    ("brokers", "question", "expected"),
    [
        ([Broker("a"), Broker("b")], {}, 0),
        ([Broker("a", Behaviour(steal=0.1))], {}, 0),
        ([Broker("a"), Broker("x", excluded="because")], {}, 0),
        ([Broker("a"), Broker("b", states=FAILED)], {}, 1),
        ([Broker("a", Behaviour(corrupt=1), states=FAILED)], {"slo": [FAST]}, 1),
        ([Broker("a")], {"status": "failed"}, 1),
        ([Broker("a"), Broker("b", Behaviour(unknown=2))], {}, 3),
        ([Broker("a", Behaviour(unsent_share=0.3))], {"slo": [FAST]}, 3),
        ([Broker("a", states={1: "planned", 2: "planned"})], {"status": "interrupted"}, 3),
        ([Broker("a")], {"slo": [FAST]}, 4),
        ([Broker("a")], {"slo": [UNTOLD]}, 4),
        ([Broker("a")], {"slo": [UNTOLD], "smoke": True}, 0),
        ([Broker("a"), Broker("b", Behaviour(lost=1))], {}, 4),
        ([Broker("a", Behaviour(lost=1, confirms=False), guarantee="at-most-once")], AT_MOST_ONCE, 0),
        ([Broker("a", Behaviour(lost=10**6))], {"warmup_s": 0}, 3),
        ([Broker("a", Behaviour(steal=0.1, unsent_share=0.3), repeats={1: Behaviour(), 2: Behaviour()})], {}, 0),
        ([Broker("a", Behaviour(steal=0.1), repeats={1: Behaviour(corrupt=1)})], {}, 3),
        ([Broker("a", probe=1.2)], {"model": "saturate"}, 0),
        ([Broker("a", Behaviour(steal=0.1, lost=1), repeats={1: Behaviour(), 2: Behaviour()})], {}, 4),
    ],
)
def test_exit_status(run: Run, brokers: list[Broker], question: dict[str, Any], expected: int) -> None:
    assert exit_status(write_summary(run(*brokers, rate=200, blocks=2, **question))) == expected
