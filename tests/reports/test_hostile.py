"""Names, reasons and facts come from other people: none of them may become markup, a formula or a turned line."""

import csv
import io
import json
import re
from pathlib import Path
from xml.etree import ElementTree

import pytest

from brokerbench_analysis import Study, load
from brokerbench_reports import render
from tests.analysis.edits import reseal
from tests.analysis.folders import Behaviour, Broker, write_run
from tests.reports.browser import Visit
from tests.reports.html import read

NASTY = (
    "</title><script>alert(1)</script><img src=x onerror=alert(2)>\u202egnp.exe\u2066"
    " `|*[a](javascript:alert(3))*|` {{7*7}}"
)
FORMULA = "=1+1|cmd"
ENDLESS = "<i>" + "w" * 10_000
NAME = "<b onmouseover=alert(4)>$x^2$\u202e&amp;"


@pytest.fixture
def study(tmp_path: Path) -> Study:
    brokers = [
        Broker(NAME, Behaviour(lost=3)),
        Broker("nats"),
        Broker(FORMULA, excluded=NASTY),
        Broker("out", excluded="why"),
    ]
    folder = write_run(tmp_path / "run", brokers, rate=200, blocks=2)
    run = json.loads((folder / "run.json").read_text())
    run["scenario"]["question"] = NASTY
    run["scenario_text"] = NASTY
    run["environment"]["cpu"] = NASTY
    run["candidates"][NAME]["title"] = NASTY
    run["candidates"][NAME]["client"] = FORMULA
    run["candidates"][NAME]["promise"]["notes"] = [NASTY, ENDLESS]
    run["candidates"]["out"]["excluded"] = ENDLESS
    run["candidates"][NAME]["promise"]["settings"] = {NASTY: NASTY}
    run["scenario"]["slo"] = [{"metric": "lost", "op": "=", "value": 0.0, "text": NASTY}]
    (folder / "run.json").write_text(json.dumps(run))
    for facts in folder.glob("trials/*/facts.json"):
        facts.write_text(json.dumps({"version": NASTY, NASTY: NASTY, "banner": ENDLESS}))
        reseal(facts.parent, "facts.json")
    return load(folder)


def test_page_shows_the_text_and_nothing_more(study: Study) -> None:
    page = render(study)
    reader = read(page)
    assert reader.unclosed == []
    assert [text for text in reader.find("script") if "alert" in text] == []
    assert len(reader.find("script")) == 1
    tags = {tag for tag, *_ in reader.elements}
    assert not tags & {"img", "b", "iframe", "object"}
    assert not any(name.startswith("on") for _, attributes, _ in reader.elements for name in attributes)
    links = [attributes["href"] for tag, attributes, _ in reader.elements if tag == "a"]
    assert all(link.startswith(("#", "trials/")) for link in links)
    assert "\u202e" not in page
    assert "\u2066" not in page
    assert "⟨U+202E⟩" in page
    assert "{{7*7}}" in page
    assert "w" * 10_000 in page
    drawn = re.findall(r"<svg.*?</svg>", page, re.S)
    assert any("onmouseover=alert(4)" in svg for svg in drawn)
    for svg in drawn:
        ElementTree.fromstring(svg)
        assert not re.search(r"<(?!/?(?:svg|g|path|use|defs|clipPath|rect|text|title|desc|circle|style)\b)", svg)


def test_page_runs_nothing_in_a_browser(study: Study, browser: object, tmp_path: Path) -> None:
    page = tmp_path / "run" / "report.html"
    page.write_text(render(study), encoding="utf-8")
    with Visit(browser, page, viewport={"width": 360, "height": 800}) as visit:
        visit.tab.on("dialog", lambda dialog: visit.complaints.append(f"dialog: {dialog.message}"))
        visit.tab.reload()
        assert set(visit.requests) == {page.as_uri()}
        assert visit.complaints == []
        assert visit.tab.evaluate("document.documentElement.scrollWidth") <= 360


def test_csv_cells_are_no_formulas(study: Study) -> None:
    text = render(study, "csv")
    cells = [cell for row in csv.reader(io.StringIO(text)) for cell in row if cell]
    assert [cell for cell in cells if cell[0] in "=+-@|%\t\r"] == []
    assert f"'{FORMULA}" in cells
    assert "\u202e" not in text
    assert [len(cell) for cell in cells if "w" * 10_000 in cell] == [len(ENDLESS)]


def test_the_summary_and_junit_keep_their_words_as_text(study: Study) -> None:
    assert json.loads(render(study, "json"))["candidates"]["out"]["excluded"] == ENDLESS
    ElementTree.fromstring(render(study, "junit"))


def test_markdown_has_no_markup_of_theirs(study: Study) -> None:
    text = render(study, "md")
    assert "<" not in text
    assert "\u202e" not in text
    assert "\\[a\\](javascript" in text  # both brackets escaped: no link
    assert "w" * 10_000 in text
    for table in re.findall(r"(?:^\|.*\n)+", text, re.M):
        assert len({line.replace("\\|", "").count("|") for line in table.splitlines()}) == 1
