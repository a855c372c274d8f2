"""What the page says of advice: seen, price, proof, and the commands that go on from there."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from brokerbench_analysis import Study, load
from brokerbench_analysis.advice import note
from brokerbench_reports import render
from tests.analysis.folders import Behaviour, Broker, write_run
from tests.reports.html import read

RABBIT = Broker("rabbitmq", Behaviour(confirm_ms=1.95, end_to_end_ms=2.5, spread=0.0), version="3.10.8")
CHANGE = {"delivery.in_flight": "500"}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Advised both, and the second one proved."""
    home = tmp_path_factory.mktemp("runs") / "20261123-170000_advised"
    how = {"model": "saturate", "rate": 500}
    write_run(home, [RABBIT], blocks=2, prefetch=1, delivery={"in_flight": 1}, **how)
    arms = [replace(RABBIT, behaviour=Behaviour(delivered_share=0.4)), Broker("1-x", driver="rabbitmq")]
    proof = write_run(home / "proofs" / "20261123-180000_proof", arms, blocks=3, **how)
    steps = [("1-x", {"rule": "rabbitmq-confirms", "change": CHANGE})]
    (proof / "proof.json").write_text(json.dumps(note("rabbitmq", steps, jams=True)))
    return home


@pytest.fixture(scope="module")
def study(folder: Path) -> Study:
    return load(folder)


def test_the_page_says_what_was_seen_its_price_and_where_it_stands(study: Study) -> None:
    reader = read(render(study))
    assert "advice" in {a["id"] for _, a, _ in reader.elements if "id" in a}
    (text,) = reader.find("section", id="advice")
    assert "topology.groups.all.prefetch (basic.qos): 1 → 200" in text
    assert "delivery.in_flight: 1 → 500" in text
    assert "waits for confirms before it may send on" in text
    assert "more unsettled messages in memory" in text
    assert "(measured here: 3.10.8)" in text
    assert "times higher (3 blocks, 95 % interval)" in text
    assert "brokerbench run synthetic.yaml -o topology.groups.all.prefetch=200" in text
    assert "brokerbench run synthetic.yaml --prove 1" in text
    assert "--prove 2" not in text  # proved already
    links = [a["href"] for tag, a, _ in reader.elements if tag == "a" and not a["href"].startswith("#")]
    assert "proofs/20261123-180000_proof/report.html" in links
    assert sum(href.startswith("https://www.rabbitmq.com/") for href in links) == 2


def test_markdown_says_the_same_in_a_table(study: Study) -> None:
    rows = [line for line in render(study, "md").splitlines() if "rabbitmq" in line and "→" in line]
    assert len(rows) == 2
    assert "unproved (brokerbench run synthetic.yaml --prove 1)" in rows[0]
    assert "| proved (throughput " in rows[1]


def test_proved_advice_is_the_next_thing_to_do_and_what_brought_nothing_is_none(study: Study) -> None:
    from brokerbench_analysis.actions import next_actions

    told = [action.do for action in next_actions(study)]
    assert told[0] == "Set delivery.in_flight from 1 to 500 for rabbitmq"
    summary = dict(study.summary)
    summary["advice"] = [row | {"proved": False} for row in summary["advice"] if row["proof"]]
    assert not any("in_flight" in action.do for action in next_actions(replace(study, summary=summary)))


def test_without_advice_there_is_no_section(study_of: Callable[[str], Study]) -> None:
    page = render(study_of("saturate"))
    assert 'id="advice"' not in page
    assert "## Advice" not in render(study_of("saturate"), "md")
