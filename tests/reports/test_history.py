"""The page of all runs: what it lists, what it draws, and what it does not believe."""

import copy
import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe

from brokerbench.cli import main
from brokerbench_analysis import write_summary
from brokerbench_analysis.history import read_history
from brokerbench_reports.history import as_index
from tests.reports.browser import Visit
from tests.reports.html import read
from tests.reports.test_hostile import FORMULA, NAME, NASTY

Json = dict[str, Any]
Results = Callable[..., Path]


@pytest.fixture(scope="session")
def template(folder_of: Callable[[str], Path]) -> Json:
    """The summary of a real run folder, to be told again with other figures."""
    summary: Json = write_summary(folder_of("mixed"))
    return summary


@pytest.fixture
def results(tmp_path: Path, template: Json) -> Results:
    """results(day=..., **changes of the summary) adds a run; returns its folder."""

    def add(day: int, *, factor: float = 1.0, page: bool = True, name: str = "", **changes: Any) -> Path:
        summary = copy.deepcopy(template) | {"started": f"2026-{1 + day // 28:02d}-{1 + day % 28:02d}T17:00:00+00:00"}
        for row in summary["verdict"]["ranking"]:
            row |= {end: row[end] * factor for end in ("value", "low", "high")}
        folder = tmp_path / "results" / (name or f"{summary['started'][:10]}_{changes.get('scenario', 'synthetic')}")
        folder.mkdir(parents=True)
        (folder / "summary.json").write_text(json.dumps(summary | changes), encoding="utf-8")
        if page:
            (folder / "report.html").write_text("<title>the run's own page</title>")
        return folder

    return add


def filled(results: Results) -> Path:
    """A year of runs: three scenarios, a change of machine, and all that can be wrong with a folder."""
    for day in range(0, 120, 4):
        cores = 2 if day < 60 else 8
        environment = {"cpu": "Intel Xeon", "cores": cores, "scenario_sha256": "ab"}
        results(day, factor=1 + 0.2 * (day % 7) / 7 - (0.4 if day >= 60 else 0), environment=environment)
    for day in (33, 77):
        results(day, scenario="nightly-orders", question="Does the cluster survive the night?", status="interrupted")
    results(121, scenario="first-look", smoke=True)
    infinite = results(90, scenario=NASTY, question=NASTY, name="javascript:alert(1)") / "summary.json"
    home = infinite.parent.parent
    text = infinite.read_text(encoding="utf-8")
    endless = re.sub(r'"value": [\d.]+', '"value": Infinity', text)
    results(91, name=FORMULA, page=False, scenario="x" * 10_000, question="y" * 10_000)
    for name, text in (
        ("20260301-120000_cut-off", '{"schema": 1, "scen'),
        ("20260302-120000_of-later", '{"schema": 2}'),
        ("20260303-120000_endless", endless),
        ("20260304-120000_deep", "[" * 200_000),
        (NAME, "{}"),
    ):
        (home / name).mkdir()
        (home / name / "summary.json").write_text(text)
    (home / "20260305-120000_killed").mkdir()
    (home / "20260305-120000_killed" / "run.json").write_text("{}")
    (home / "notes").mkdir()
    (home / "index.html").write_text("of yesterday")
    return home


def call(*arguments: object) -> int:
    with pytest.raises(SystemExit) as left:
        main(["report", *map(str, arguments)])
    return int(left.value.code or 0)


def test_a_run_without_a_valid_trial_shows_no_figure_as_its_answer(results: Results, template: Json) -> None:
    candidates = copy.deepcopy(template["candidates"])
    for trial in candidates["jetstream"]["trials"]:
        trial["validity"]["state"] = "suspect"
    folder = results(1, candidates=candidates)
    (said,) = read(as_index(read_history(folder.parent), "1.0")).find("td", **{"class": "said"})
    assert said == "No answer to rely on: no trial of jetstream is valid."


def test_all_runs_are_listed_newest_first_with_their_sentence(results: Results, template: Json) -> None:
    home = filled(results)
    page = as_index(read_history(home), "1.0")
    reader = read(page)
    assert reader.unclosed == []
    whens = reader.find("td", **{"class": "when"})
    assert len(whens) == 30 + 2 + 1 + 2
    assert [when[:16] for when in whens] == sorted((when[:16] for when in whens), reverse=True)
    assert template["verdict"]["sentence"] in reader.find("td", **{"class": "said"})
    states = reader.find("td", **{"class": "states"})
    assert "12 valid3 invalid" in states
    assert any("smoke, no claim" in state for state in states)
    assert any("interrupted" in state for state in states)
    assert "notes" not in " ".join(whens)


def test_what_cannot_be_read_is_named_with_the_reason(results: Results) -> None:
    home = filled(results)
    found = {one.folder: one.why for one in read_history(home).unreadable}
    assert set(found) == {
        *(
            f"2026030{n}-120000_{name}"
            for n, name in enumerate(("cut-off", "of-later", "endless", "deep", "killed"), 1)
        ),
        NAME,
    }
    assert "schema: Input should be 1" in found["20260302-120000_of-later"]
    assert "verdict.ranking.0.value: Input should be a finite number" in found["20260303-120000_endless"]
    assert "brokerbench report" in found["20260305-120000_killed"]
    told = read(as_index(read_history(home), "1.0")).find("dt")
    assert "20260301-120000_cut-off" in told


def test_one_scenario_over_time_has_every_figure_in_words(results: Results) -> None:
    for day, factor in ((1, 1.0), (2, 1.5), (3, 2.0)):
        results(day, factor=factor)
    found = read_history(results(4, scenario="other").parent)
    reader = read(as_index(found, "1.0"))
    [told] = reader.find("desc")
    for row in found.runs[-1].standings:
        line = next(part for part in told.split("; ") if part.startswith(f"{row.candidate}: "))
        assert line.count(" ms") == 3
        assert re.findall(r"on (\d\d-\d\d)", line) == ["01-02", "01-03", "01-04"]
    assert len(reader.find("figure")) == 1  # the other scenario has run once


def test_runs_that_cannot_be_compared_are_not_joined(results: Results) -> None:
    home = filled(results)
    page = as_index(read_history(home), "1.0")
    [caption] = [text for text in read(page).find("figcaption") if "dashed" in text]
    assert "the machine or the question is another (Intel Xeon, 8 cores, since 2026-03-05 17:00)" in caption


def test_smoke_runs_are_listed_and_not_drawn(results: Results) -> None:
    results(1)
    home = results(2, smoke=True).parent
    reader = read(as_index(read_history(home), "1.0"))
    assert reader.find("figure") == []
    assert len(reader.find("td", **{"class": "when"})) == 2


def test_an_empty_folder_has_a_page_too(tmp_path: Path) -> None:
    assert "No run has ended here yet." in as_index(read_history(tmp_path), "1.0")


def test_hundreds_of_runs_stay_one_small_page(results: Results) -> None:
    for day in range(300):
        home = results(day, name=f"run-{day:03d}", scenario=f"scenario-{day % 12:02d}").parent
    page = as_index(read_history(home), "1.0")
    reader = read(page)
    assert len(reader.find("td", **{"class": "when"})) == 300
    assert len(reader.find("figure")) == 8
    assert "4 more scenarios" in page
    assert len(page.encode()) < 2_000_000
    assert page == as_index(read_history(home), "1.0")


def test_names_of_others_are_text(results: Results) -> None:
    page = as_index(read_history(filled(results)), "1.0")
    reader = read(page)
    tags = {tag for tag, *_ in reader.elements}
    assert not tags & {"script", "img", "b", "iframe", "object", "style" if page.count("<style>") > 1 else ""}
    assert not any(name.startswith("on") for _, attributes, _ in reader.elements for name in attributes)
    links = [attributes["href"] for tag, attributes, _ in reader.elements if tag == "a"]
    assert links
    assert all(re.fullmatch(r"\./[^/:<>\"]+/report\.html", link) for link in links)
    assert "\u202e" not in page
    assert "x" * 100 not in page
    assert "default-src 'none'" in page


def test_the_page_is_silent_self_contained_and_fits(results: Results, browser: Any) -> None:
    home = filled(results)
    assert call("--index", home) == 0
    page = home / "index.html"
    with Visit(browser, page, viewport={"width": 1400, "height": 900}) as visit:
        visit.tab.on("dialog", lambda dialog: visit.complaints.append(f"dialog: {dialog.message}"))
        for _ in visit.fits():
            found = Axe().run(visit.tab).response["violations"]
            assert [(v["id"], v["nodes"][0]["html"]) for v in found if v["impact"] in ("serious", "critical")] == []
        charts = visit.tab.evaluate("[...document.querySelectorAll('svg.chart')].map((s) => s.clientWidth)")
        assert charts
        assert min(charts) > 250
        assert visit.requests == [page.as_uri()]
        assert visit.complaints == []
        visit.tab.click("td.when a >> nth=0")
        visit.tab.wait_for_load_state()
        assert visit.tab.title() == "the run's own page"


def test_the_command_says_where_it_is_and_refuses_what_is_no_folder(
    results: Results, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    home = results(1).parent
    assert call("--index", home) == 0
    assert capsys.readouterr().out.strip() == (home / "index.html").as_uri()
    assert not list(home.glob(".*"))
    assert call("--index", tmp_path / "none") == 2
    assert "there is no folder" in capsys.readouterr().err
    assert call("--index", home / "index.html") == 2
    assert "is a file" in capsys.readouterr().err
    assert call() == call(home, "--index", home) == 2


def test_a_run_that_is_moved_away_is_gone_from_the_page(results: Results) -> None:
    home = results(1).parent
    shutil.rmtree(results(2))
    call("--index", home)
    assert len(read((home / "index.html").read_text(encoding="utf-8")).find("td", **{"class": "when"})) == 1
