"""Whose limit a figure is: the broker's only where the generator had room to spare."""

from collections.abc import Callable
from pathlib import Path

import pytest

from brokerbench_analysis.folder import Json
from brokerbench_analysis.summary import analyse
from tests.analysis.edits import edit
from tests.analysis.folders import CEILING, Behaviour, Broker

Run = Callable[..., Path]
SATURATE = {"model": "saturate", "rate": 200, "blocks": 2}


def candidate(folder: Path) -> Json:
    found: Json = analyse(folder).summary["candidates"]["a"]
    return found


def ceiling(producers: float | None, consumers: float | None = 1e6) -> Json:
    return {**CEILING, "producers_msgs_s": producers, "consumers_msgs_s": consumers}


def test_the_broker_where_there_was_room(run: Run) -> None:
    found = candidate(run(Broker("a", ceiling=ceiling(1_000)), **SATURATE))
    assert found["limit"]["by"] == "broker"
    assert found["limit"]["text"] == "the generator's cores were at most 20 % busy, and it used 20 % of its ceiling"
    assert found["warnings"] == []
    assert found["ceiling"]["producers_msgs_s"] == 1_000
    assert found["generator"] == "fast"


@pytest.mark.parametrize(
    ("busy", "by", "warned"), [(0.45, "broker", 0), (0.65, "broker", 1), (0.75, "client-bound", 1)]
)
def test_a_busy_core(run: Run, busy: float, by: str, warned: int) -> None:
    found = candidate(run(Broker("a", Behaviour(consumer_busy=busy)), **SATURATE))
    assert found["limit"]["by"] == by
    told = [f"all-0 was busy {100 * busy:.0f} % of the time (more than 50 %)"] * warned
    assert [warning.partition(":")[0] for warning in found["warnings"]] == told
    assert {t["validity"]["state"] for t in found["trials"]} == {"valid"}


@pytest.mark.parametrize("side", ["producers", "consumers"])
@pytest.mark.parametrize(("most", "by", "warned"), [(450, "broker", 0), (330, "broker", 1), (250, "client-bound", 1)])
def test_a_near_ceiling(run: Run, side: str, most: float, by: str, warned: int) -> None:
    """200 msg/s of 450, 330, 250."""
    found = candidate(run(Broker("a", ceiling={**CEILING, f"{side}_msgs_s": most}), **SATURATE))
    assert found["limit"]["by"] == by
    used = found["trials"][0][{"producers": "sent_msgs_s", "consumers": "deliveries_msgs_s"}[side]] / most
    told = [f"the {side} used {100 * used:.0f} % of what they reach without a broker (more than 50 %)"] * warned
    assert [warning.partition(":")[0] for warning in found["warnings"]] == told


@pytest.mark.parametrize(("more", "by"), [(1.2, "client-bound"), (1.05, "broker")])
def test_a_probe(run: Run, more: float, by: str) -> None:
    found = candidate(run(Broker("a", probe=more), **SATURATE))
    assert found["limit"]["by"] == by
    assert ("one more producer and consumer brought 20 % more" in found["limit"]["text"]) is (by == "client-bound")


def test_a_probe_that_brought_nothing_makes_no_broker_maximum(run: Run) -> None:
    found = candidate(run(Broker("a", Behaviour(producer_busy=0.9), probe=1.0), **SATURATE))
    assert found["limit"]["by"] == "client-bound"
    assert "though one more producer and consumer brought little" in found["limit"]["text"]


@pytest.mark.parametrize("missing", [None, ceiling(None), ceiling(1e6, None)])
def test_no_ceiling_no_broker_maximum(run: Run, missing: Json | None) -> None:
    found = candidate(run(Broker("a", ceiling=missing), **SATURATE))
    assert found["limit"]["by"] is None
    assert "its ceiling was not measured" in found["limit"]["text"]
    assert found["warnings"] == []


@pytest.mark.parametrize(("most", "by"), [(450, "broker"), (250, None)])
def test_a_ceiling_that_is_a_lower_bound_shows_no_client(run: Run, most: float, by: str | None) -> None:
    """200 of at least 450 is little; 200 of at least 250 may be little or much."""
    least = ceiling(most) | {"reason": "at least: the stand-in itself was busy"}
    found = candidate(run(Broker("a", ceiling=least), **SATURATE))
    assert found["limit"]["by"] == by
    assert any("their ceiling is at least 250 msg/s" in w for w in found["warnings"]) is (by is None)


@pytest.mark.parametrize("bad", [{"lost": 10**6}, {"corrupt": 1}])
def test_a_trial_that_is_invalid_shows_no_broker_maximum(run: Run, bad: Json) -> None:
    """Nothing delivered, or what arrived was not what was sent."""
    found = candidate(run(Broker("a", Behaviour(**bad)), **SATURATE))
    assert found["limit"]["by"] is None
    assert "no valid trial delivered anything: whose limit this is stays open" in found["limit"]["text"]


def test_an_invalid_trial_may_show_the_client(run: Run) -> None:
    found = candidate(run(Broker("a", blocks={1: Behaviour(corrupt=1, producer_busy=0.9)}), **SATURATE))
    assert found["limit"]["by"] == "client-bound"


@pytest.mark.parametrize("side", ["producers", "consumers"])
def test_a_child_that_nobody_looked_at_may_be_the_full_one(run: Run, side: str) -> None:
    made = run(Broker("a"), **SATURATE)
    edit(made / "trials" / "b01-1-a" / "trial.json", lambda trial: trial[side][0].update(busy_share=None))
    limit = candidate(made)["limit"]
    assert limit["by"] is None
    assert "not every one of them was looked at: whose limit this is stays open" in limit["text"]


def test_a_producer_that_cannot_send_the_rate(run: Run) -> None:
    found = candidate(run(Broker("a", Behaviour(unsent_share=0.5, producer_busy=0.98)), rate=200, blocks=1))
    assert found["limit"]["by"] == "client-bound"
    assert found["trials"][0]["validity"]["state"] == "invalid"


def test_a_given_rate_looks_for_no_maximum(run: Run) -> None:
    found = candidate(run(Broker("a"), rate=200, blocks=1))
    assert found["limit"] == {"by": None, "text": "the load asked for a rate; no maximum was looked for"}
    nothing = candidate(run(Broker("a", excluded="because"), rate=200, blocks=1))
    assert nothing["limit"] == {"by": None, "text": "not measured"}
