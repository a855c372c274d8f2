"""Which trials count: not a contaminated one that was repeated, and never a probe."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from brokerbench_analysis import exit_status
from brokerbench_analysis.folder import Json
from brokerbench_analysis.summary import analyse
from tests.analysis.edits import age, edit
from tests.analysis.folders import Behaviour, Broker

Run = Callable[..., Path]
STOLEN = Behaviour(steal=0.1, end_to_end_ms=40)


def candidate(folder: Path, name: str = "a") -> Json:
    found: Json = analyse(folder).summary["candidates"][name]
    return found


def told(found: Json) -> list[tuple[str, str, bool, str]]:
    return [(t["id"], t["kind"], t["superseded"], t["validity"]["state"]) for t in found["trials"]]


def test_a_clean_repeat_stands_in_for_a_contaminated_trial(run: Run) -> None:
    found = candidate(run(Broker("a", STOLEN, repeats={1: Behaviour(), 2: Behaviour()}), rate=250, blocks=2))
    assert told(found) == [
        ("b01-1-a", "planned", True, "suspect"),
        ("b02-1-a", "planned", True, "suspect"),
        ("b01-1-a-repeat", "repeat", False, "valid"),
        ("b02-1-a-repeat", "repeat", False, "valid"),
    ]
    assert found["trials"][0]["validity"]["codes"] == ["contaminated"]
    assert found["trials"][2]["repeats"] == "b01-1-a"
    assert found["merged"]["trials"] == 2
    assert found["merged"]["end_to_end_ms"]["p99"] < 20
    assert found["merged"]["end_to_end_ms"]["count"] == 3_000


def test_of_two_contaminated_trials_the_last_counts(run: Run) -> None:
    again = Behaviour(steal=0.1, end_to_end_ms=3)
    found = candidate(run(Broker("a", STOLEN, repeats={1: again}), rate=250, blocks=1))
    assert told(found)[1] == ("b01-1-a-repeat", "repeat", False, "suspect")
    assert found["merged"]["end_to_end_ms"]["p99"] < 20


def test_a_repeat_that_failed_leaves_the_first_one_in_place(run: Run) -> None:
    made = run(Broker("a", STOLEN, repeats={1: Behaviour()}), rate=250, blocks=1)
    edit(made / "run.json", lambda value: value["trials"][1].update(state="failed"))
    found = candidate(made)
    assert [t["superseded"] for t in found["trials"]] == [False, False]
    assert found["merged"]["trials"] == 1


def test_a_repeat_is_paired_in_the_block_of_its_original(run: Run) -> None:
    slow = Broker("b", STOLEN, repeats={2: Behaviour(end_to_end_ms=40), 1: Behaviour(end_to_end_ms=40)})
    (primary,) = (c for c in analyse(run(Broker("a"), slow, rate=250, blocks=2)).summary["comparisons"] if c["primary"])
    assert (primary["blocks"], primary["claim"]) == (2, "better")


def test_a_probe_is_in_no_figure(run: Run) -> None:
    question = {"model": "saturate", "rate": 200, "blocks": 2}
    alone = candidate(run(Broker("a"), **question))
    probed = candidate(run(Broker("a", probe=3.0), **question))
    assert told(probed)[2] == ("b02-1-a-probe", "probe", False, "valid")
    assert probed["merged"] == alone["merged"]


def test_a_probe_is_in_no_comparison(run: Run) -> None:
    question = {"model": "saturate", "rate": 200, "blocks": 2}
    plain = analyse(run(Broker("a"), Broker("b"), **question)).summary["comparisons"]
    assert analyse(run(Broker("a"), Broker("b", probe=3.0), **question)).summary["comparisons"] == plain


@pytest.mark.parametrize("index", [1, 2])
def test_what_does_not_count_decides_no_exit_status(run: Run, index: int) -> None:
    """A superseded trial and a probe that are invalid, or failed."""
    made = run(Broker("a", STOLEN, repeats={1: Behaviour()}, probe=1.0), rate=250, blocks=1)
    name = ("", "b01-1-a", "b01-1-a-probe")[index]
    edit(made / "trials" / name / "trial.json", lambda trial: trial["consumers"][0].update(bodies_wrong=3))
    summary = analyse(made).summary
    states = {t["id"]: t["validity"]["state"] for t in summary["candidates"]["a"]["trials"]}
    assert states[name] == "invalid"
    assert exit_status(summary) == 0


def test_a_loss_is_a_fact_whether_its_trial_counts_or_not(run: Run) -> None:
    lossy = Behaviour(steal=0.1, lost=3, end_to_end_ms=0.5)
    summary = analyse(run(Broker("a"), Broker("b", lossy, repeats={1: Behaviour()}), rate=250, blocks=1)).summary
    found = summary["candidates"]["b"]
    assert found["merged"]["ledger"]["lost"] == 0
    assert found["lost"] == 3
    assert found["warnings"] == ["3 promised messages were lost in b01-2-b, which is in no figure (repeated)"]
    assert summary["verdict"]["unranked"] == [{"candidate": "b", "why": "lost 3 of 3,500 promised messages"}]
    assert exit_status(summary) == 4


def test_lost_is_not_measured_where_no_account_is_whole(run: Run) -> None:
    made = run(Broker("a"), rate=250, blocks=1)
    edit(made / "trials" / "b01-1-a" / "ledger.json", lambda ledger: ledger.update(lost=7))
    assert candidate(made)["lost"] is None


def test_a_candidate_is_not_told_by_the_trials_it_carried(run: Run) -> None:
    """Overloaded in three of five blocks, and quick in the others."""
    slow = Behaviour(end_to_end_ms=0.5, delivered_share=0.7)
    uneven = Broker("b", replace(slow, delivered_share=1.0), blocks=dict.fromkeys((1, 2, 4), slow))
    summary = analyse(run(Broker("a"), uneven, rate=250, blocks=5)).summary
    assert summary["candidates"]["b"]["merged"]["trials"] == 2
    assert summary["verdict"]["unranked"] == [{"candidate": "b", "why": "did not carry the load in 3 of 5 trials"}]
    (primary,) = (c for c in summary["comparisons"] if c["primary"])
    assert (primary["claim"], primary["why"]) == ("not-comparable", "b did not carry the load in 3 of 5 trials")


def test_a_cost_that_one_trial_lacks_is_no_mean_of_the_others(run: Run) -> None:
    partly = Broker("a", blocks={2: Behaviour(broker_cpu=None)})
    found = candidate(run(partly, rate=250, blocks=3))["merged"]["resources"]
    assert (found["broker_cpu_s_per_million"], found["broker_rss_mib_max"]) == (None, None)
    assert found["generator_cpu_s_per_million"] > 0


def test_fates_are_added_over_groups_and_trials(run: Run) -> None:
    behaviour = Behaviour(lost=5, refused=4, duplicates=3, unflagged=1)
    found = candidate(run(Broker("a", behaviour), rate=200, blocks=2, groups={"x": 1, "y": 2}))
    each = {
        "confirmed": {"delivered": 2 * 1391, "absent": 2 * 5},
        "refused": {"delivered": 2 * 2, "absent": 2 * 2},
        "unknown": {"delivered": 0, "absent": 0},
    }
    assert found["trials"][0]["ledger"]["fates"] == each
    assert found["trials"][0]["ledger"]["groups"]["x"]["fates"]["confirmed"] == {"delivered": 1391, "absent": 5}
    assert found["merged"]["ledger"]["fates"]["confirmed"] == {"delivered": 4 * 1391, "absent": 4 * 5}
    assert (found["merged"]["ledger"]["duplicates"], found["merged"]["ledger"]["duplicates_flagged"]) == (12, 8)


def test_where_nothing_confirms_handing_over_is_the_promise(run: Run) -> None:
    found = candidate(run(Broker("a", Behaviour(lost=5, confirms=False)), rate=200, blocks=1))
    assert found["trials"][0]["ledger"]["fates"] == {"handed-over": {"delivered": 1395, "absent": 5}}
    assert found["trials"][0]["ledger"]["lost"] == 5


def test_an_old_folder_has_none_of_it_and_keeps_its_figures(run: Run) -> None:
    made = run(Broker("a", Behaviour(steal=0.1)), rate=250, blocks=2)
    new = candidate(made)
    age(made)
    old = candidate(made)
    (trial, _) = old["trials"]
    assert (trial["kind"], trial["repeats"], trial["superseded"]) == ("planned", None, False)
    assert (trial["pauses"], trial["ledger"]["fates"], trial["ledger"]["duplicates_flagged"]) == (None, None, None)
    assert (old["generator"], old["ceiling"], old["limit"]["by"]) == (None, None, None)
    assert trial["contamination"] == {"steal_share": pytest.approx(0.1), "throttled_share": None, "contaminated": True}
    assert trial["validity"]["codes"] == ["contaminated"]
    assert old["merged"]["end_to_end_ms"] == new["merged"]["end_to_end_ms"]
