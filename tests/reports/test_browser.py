"""The page in a real browser: charts there, silent, self-contained, readable on a phone, printable."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.reports.browser import Visit
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
