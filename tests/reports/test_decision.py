"""The decision's section: each answer with its proof or page, each figure's order, and words for what is not known."""

import json
from pathlib import Path
from typing import Any

import pytest

from brokerbench_analysis import Study, load
from brokerbench_reports import render
from brokerbench_reports.sections import page
from tests.analysis.folders import Behaviour, Broker, write_run

Json = dict[str, Any]
PAGE = "https://example.org/docs"


def answered(need: str, having: str, **more: Any) -> Json:
    return {"need": need, "having": having, "says": "", "proof": None, "source": None, "read": None, **more}


QUEUE = [
    answered("replay", "not met", says="queues forget", proof="source", source=PAGE, read="2026-11-01"),
    answered("tls", "met", proof="conformance"),
    answered(
        "licence: open-source", "met", says="MPL-2.0", proof="source", source=f"{PAGE}/licence", read="2026-11-02"
    ),
]
LOG = [
    answered("replay", "met", proof="conformance"),
    answered("tls", "not known", says="nothing is recorded about it"),
    answered("licence: open-source", "met", proof="source", source=PAGE, read="2026-11-01"),
]
LINES = [
    {"about": "licence", "answer": ["MPL-2.0"], "versions": "<2", "source": f"{PAGE}/licence", "read": "2026-11-02"},
    {"about": "licence", "answer": ["MIT"], "versions": ">=2", "source": f"{PAGE}/licence", "read": "2026-11-02"},
    {"about": "support", "says": "two years <b>sold</b>", "source": PAGE, "read": "2026-11-01"},
]


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> Study:
    folder: Path = tmp_path_factory.mktemp("runs") / "20261123-170000_needs"
    brokers = [
        Broker("queue", excluded="does not have what the scenario needs: replay (queues forget)", needs=QUEUE),
        Broker("log", Behaviour(exact_ms=(2.0,), broker_cpu=0.4), needs=LOG, qualities=LINES),
        Broker("other", Behaviour(exact_ms=(6.0,), broker_cpu=0.1), needs=LOG),
    ]
    write_run(folder, brokers, rate=250)
    made = json.loads((folder / "run.json").read_text())
    made["candidates"]["queue"]["promise"] = {"guarantee": "at-least-once", "survives": "nothing", "settings": {}}
    (folder / "run.json").write_text(json.dumps(made))
    return load(folder)


def test_each_need_has_an_answer_of_each_candidate_with_its_proof(study: Study) -> None:
    part = page(study).parts["decision"]
    assert part["lead"] == "log (shown by this run): log is shown to be better than other."
    assert [column.label for column in part["needs"]["columns"]] == ["need", "queue", "log", "other"]
    table = {row.cells[0].text: [(cell.text, cell.note) for cell in row.cells[1:3]] for row in part["needs"]["rows"]}
    assert table == {
        "replay": [("not met", "queues forget; source 1"), ("met", "proved by the conformance suite")],
        "tls": [
            ("met", "proved by the conformance suite; measured without it"),
            ("not known", "nothing is recorded about it"),
        ],
        "licence: open-source": [("met", "MPL-2.0; source 2"), ("met", "source 1")],
    }
    assert [(source["url"], source["read"]) for source in part["sources"]] == [
        (PAGE, "2026-11-01"),
        (f"{PAGE}/licence", "2026-11-02"),
    ]


def test_a_factor_is_of_the_version_that_was_measured(study: Study) -> None:
    rows = page(study).parts["decision"]["factors"]["rows"]
    told = {row.cells[0].text: [cell.text for cell in row.cells[1:]] for row in rows}
    assert told == {
        "licence": ["not known", "MPL-2.0 (version <2)", "not known"],
        "support": ["not known", "two years <b>sold</b>", "not known"],
    }


def test_a_figure_that_names_another_leader_says_so(study: Study) -> None:
    rows = {row.cells[0].text: row.cells for row in page(study).parts["decision"]["orders"]["rows"]}
    assert rows["end-to-end p99"][1].text == "log 2.00 ms, other 6.00 ms"
    assert rows["end-to-end p99"][2].text == "the figure that is tested"
    cpu = rows["broker CPU seconds per million messages"]
    assert cpu[1].text.startswith("other ")
    assert (cpu[2].text, cpu[2].note) == ("yes", "other; explored, not tested")
    assert rows["throughput"][2].text == "no"


def test_the_page_and_markdown_have_it_and_escape_what_files_say(study: Study) -> None:
    html, text = render(study, "html"), render(study, "md")
    assert 'href="#decision"' in html
    assert "two years <b>sold</b>" not in html
    assert "If replay were not needed, queue could take part" in html
    assert "## Decision" in text
    assert f"2. {PAGE}/licence (read 2026-11-02)" in text
    assert "two years &lt;b&gt;sold" in text


def test_the_first_screen_counts_what_is_lacking_and_what_is_not_known(study: Study) -> None:
    rows = {row.who.name: row for row in page(study).parts["first"]["rows"] if row.who}
    must_haves = rows["log"].cells[1]
    assert (must_haves.text, must_haves.note, must_haves.badge) == ("not known", "tls", "undecided")
