"""The page in a real browser: charts there, silent, self-contained, readable on a phone, printable."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.reports.browser import Visit, serious
from tests.reports.conftest import CASES


@pytest.mark.parametrize("case", CASES)
def test_page_is_silent_self_contained_and_fits(case: str, browser: Any, folder_of: Callable[[str], Path]) -> None:
    page = folder_of(case) / "report.html"
    with Visit(browser, page, viewport={"width": 1400, "height": 900}) as visit:
        visit.tab.evaluate("document.querySelectorAll('details').forEach((d) => { d.open = true; })")
        assert list(visit.fits()) == ["light", "dark"]
        assert visit.requests == [page.as_uri()]
        assert visit.complaints == []


def test_charts_are_there_and_have_a_size(browser: Any, folder_of: Callable[[str], Path]) -> None:
    boxes = "[...document.querySelectorAll('svg.chart')].map((s) => s.getBoundingClientRect())"
    sizes = f"{boxes}.map((r) => [r.width, r.height])"
    with Visit(browser, folder_of("mixed") / "report.html", viewport={"width": 360, "height": 800}) as visit:
        charts = visit.tab.evaluate(sizes)
        drawn = visit.tab.evaluate("document.querySelectorAll('svg.chart path').length")
        # the primary figure, its cost and its middle, three percentile charts, five measured candidates
        assert len(charts) == 3 + 3 + 5
        assert all(width > 250 and height > 150 for width, height in charts)
        assert drawn > 100


def test_dark_and_light_differ_and_charts_follow(browser: Any, folder_of: Callable[[str], Path]) -> None:
    seen = {}
    colours = """() => [getComputedStyle(document.body).backgroundColor,
        getComputedStyle(document.querySelector('svg.chart text')).fill]"""
    for scheme in ("light", "dark"):
        with Visit(browser, folder_of("mixed") / "report.html", color_scheme=scheme) as visit:
            seen[scheme] = visit.tab.evaluate(colours)
    assert seen["light"][0] != seen["dark"][0]
    assert seen["light"][1] != seen["dark"][1]
    assert seen["dark"][0] != seen["dark"][1]


def test_prints_with_everything_open(browser: Any, folder_of: Callable[[str], Path]) -> None:
    with Visit(browser, folder_of("mixed") / "report.html", color_scheme="dark") as visit:
        document = visit.tab.pdf(format="A4")
        assert document.startswith(b"%PDF-")
        assert len(document) > 50_000
        visit.tab.evaluate("dispatchEvent(new Event('beforeprint'))")
        assert visit.tab.evaluate("document.querySelectorAll('details:not([open])').length") == 0
        visit.tab.set_viewport_size({"width": 703, "height": 1000})  # A4 less its margins
        visit.tab.emulate_media(media="print")
        assert visit.tab.evaluate("document.documentElement.scrollWidth") <= 703
        assert visit.complaints == []


def test_readable_without_script(browser: Any, folder_of: Callable[[str], Path]) -> None:
    with Visit(browser, folder_of("mixed") / "report.html", java_script_enabled=False) as visit:
        assert visit.tab.locator("#comparison").inner_text().count("jetstream") >= 1
        assert visit.tab.locator("svg.chart").count() == 11


def test_a_table_is_sorted_within_its_parts_by_the_figures(browser: Any, folder_of: Callable[[str], Path]) -> None:
    names = (
        "(table) => [...table.tBodies[0].rows].map((row) => row.querySelector('th').innerText.split('\\n')[0].trim())"
    )
    with Visit(browser, folder_of("mixed") / "report.html") as visit:
        table = visit.tab.locator("#comparison table")
        head = table.locator("th", has_text="end\u2011to\u2011end p99").first
        before = table.evaluate(names)
        assert before[:2] == ["jetstream", "kafka"] or before[1:3] == ["jetstream", "kafka"]
        head.locator("button").click()
        assert head.get_attribute("aria-sort") == "ascending"
        assert table.evaluate(names) == before
        head.locator("button").press("Enter")
        assert head.get_attribute("aria-sort") == "descending"
        after = table.evaluate(names)
        assert after.index("kafka") < after.index("jetstream")
        parts = [name for name in before if name.startswith(("Not ranked", "Floor", "Excluded"))]
        assert [name for name in after if name in parts] == parts
        assert sorted(after) == sorted(before)
        assert visit.complaints == []


def test_a_candidate_is_hidden_below_the_answer_only(browser: Any, folder_of: Callable[[str], Path]) -> None:
    with Visit(browser, folder_of("mixed") / "report.html") as visit:
        own = "tr[data-series]:has(bdi:text-is('kafka')):visible"
        curves = visit.tab.locator("#latency svg .of-0:visible")
        assert curves.count() > 0
        assert visit.tab.locator(f"#comparison {own}").count() == 1
        button = visit.tab.locator("#shown button", has_text="kafka")
        button.click()
        assert button.get_attribute("aria-pressed") == "false"
        assert curves.count() == 0
        assert visit.tab.locator(f"#comparison {own}").count() == 0
        assert visit.tab.locator(f"#verdict {own}").count() == 1
        assert visit.tab.locator("#over-time figure:visible").count() == 4
        button.press("Enter")
        assert visit.tab.locator(f"#comparison {own}").count() == 1


def test_values_are_read_by_pointer_and_by_keys(browser: Any, folder_of: Callable[[str], Path]) -> None:
    with Visit(browser, folder_of("mixed") / "report.html", viewport={"width": 1400, "height": 900}) as visit:
        chart, told = (visit.tab.locator(f"#latency {what}").first for what in ("svg.chart", ".readout"))
        chart.hover(position={"x": 200, "y": 120})
        assert "ms" in told.inner_text()
        assert "jetstream" in told.inner_text()
        visit.tab.mouse.move(0, 0)
        assert told.inner_text() == ""
        chart.focus()
        visit.tab.keyboard.press("Home")
        assert told.inner_text().startswith("p1")
        visit.tab.keyboard.press("End")
        assert told.inner_text().startswith("p99")
        assert visit.tab.evaluate("scrollY") > 0  # the keys move the cursor, not the page
        assert visit.complaints == []


@pytest.mark.parametrize(("case", "scheme", "opened"), [("lost", "light", False), ("alone", "dark", True)])
def test_axe_has_no_serious_finding(
    case: str, scheme: str, opened: bool, browser: Any, folder_of: Callable[[str], Path]
) -> None:
    with Visit(browser, folder_of(case) / "report.html", color_scheme=scheme) as visit:
        visit.tab.evaluate(
            f"document.querySelectorAll('details').forEach((d) => {{ d.open = {str(opened).lower()}; }})"
        )
        assert serious(visit.tab) == []
