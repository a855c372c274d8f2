"""Charts are sound SVG that the page can style, and their helpers do what the eye expects."""

import re
from dataclasses import replace
from xml.etree import ElementTree

import numpy as np
import pytest

from brokerbench_analysis.metrics import Reading
from brokerbench_reports.charts import Curve, Line, Row, Strip, percentiles, primary, timeline
from brokerbench_reports.charts.axes import apart, log_ticks
from brokerbench_reports.charts.percentiles import rarity
from brokerbench_reports.words import reading

QUANTILES = [0.01, 0.5, 0.9, 0.99, 0.999]


def exact(*values: float) -> list[Reading]:
    return [(value, False) for value in values]


def dots(key: str = "primary", name: str = "kafka") -> str:
    rows = [Row(name, 0, (2.0, False), exact(1.9, 2.0, 2.2)), Row("nats", 1, None, [], exact(40.0))]
    return str(primary(rows, "end-to-end p99, ms", "ms", key))


def curves() -> str:
    found = [Curve("kafka", 0, QUANTILES, [1, 2, 4, 8, 20]), Curve("none", 1, [], [])]
    return str(percentiles(found, "End-to-end", "curve"))


def strips(seconds: int = 30) -> str:
    table = np.linspace(1, 2, seconds) * np.ones((3, 1))
    nothing = np.full((3, seconds), np.nan)
    lines = [Line("broker", table), Line("generator", nothing, dashed=True)]
    return str(timeline([Strip("CPU, cores", lines, 1, 2)], np.arange(1.0, seconds + 1), 5, 0, "time"))


@pytest.mark.parametrize("svg", [dots(), curves(), strips()])
def test_svg_is_sound_and_styled_by_the_page(svg: str) -> None:
    root = ElementTree.fromstring(svg)
    assert root.get("role") == "img"
    assert root.get("viewBox", "").startswith("0 0 400 ")
    named = {element.get("id") for element in root.iter() if element.get("id")}
    assert set((root.get("aria-labelledby") or "").split()) <= named
    assert set(re.findall(r"(?:url\(#|href=\"#)([^)\"]+)", svg)) <= named
    assert not re.search(r"#[0-9a-f]{6}\b", svg)
    assert "var(--" in svg
    assert "font-family" not in svg
    assert not re.search(r"<metadata|<style|<!--|xlink", svg)


def test_the_same_chart_twice_on_a_page_shares_no_id() -> None:
    ids = [set(re.findall(r' id="([^"]+)"', dots(key))) for key in ("first", "second")]
    assert ids[0]
    assert not ids[0] & ids[1]


def test_description_tells_the_figures() -> None:
    described = ElementTree.fromstring(dots()).findtext("desc") or ""
    assert "kafka: 2.00 ms, interval 1.90 to 2.20, trials 1.90, 2.00, 2.20" in described
    assert "generator: not measured" in strips()


@pytest.mark.parametrize(
    ("values", "ends", "arrows"),
    [
        ([(1.9, False), (2.2, True)], "1.90–≥ 2.20", 1),
        ([(1.9, True), (2.2, False)], "≥ 1.90–≥ 2.20", 1),
        ([(1.9, True), (1.9, False), (2.2, False)], "1.90–≥ 2.20", 1),
        ([(1.9, False), (2.2, False)], "1.90–2.20", 0),
        ([(1.9, True), (1.9, True)], "", 2),
    ],
)
def test_each_end_that_is_a_lower_bound_is_marked(values: list[Reading], ends: str, arrows: int) -> None:
    svg = str(primary([Row("kafka", 0, (2.0, True), values)], "end-to-end p99, ms", "ms"))
    assert f">≥ 2.00 ms{f' ({ends})' if ends else ''}<" in svg
    without = str(primary([Row("kafka", 0, (2.0, True), exact(*(v for v, _ in values)))], "end-to-end p99, ms", "ms"))
    assert svg.count("<use") - without.count("<use") == arrows
    assert f"trials {', '.join(map(reading, values))}" in svg


def test_a_name_is_text_never_mathematics_or_markup() -> None:
    svg = dots(name="$\\frac{a}{b}$ <b>&\u202e")
    ElementTree.fromstring(svg)
    assert "$\\frac{a}{b}$" in svg
    assert "<b>" not in svg
    assert "\u202e" not in svg


def test_rows_of_a_kind_stand_under_its_name_and_rows_without_one_under_none() -> None:
    plain = [Row("kafka", 0, (2.0, False), exact(2.0)), Row("nats", 1, (3.0, False), exact(3.0))]
    kinds = [replace(row, kind=kind) for row, kind in zip(plain, ("fast", "library"), strict=True)]
    drawn, grouped = (str(primary(rows, "p99, ms", "ms")) for rows in (plain, kinds))
    heights = [float(re.findall(r'viewBox="0 0 400 ([\d.]+)"', svg)[0]) for svg in (drawn, grouped)]
    assert heights[1] > heights[0]
    assert "kafka (fast): 2.00 ms" in grouped
    order = [grouped.index(f">{text}<") for text in ("fast", "kafka", "library", "nats")]
    assert order == sorted(order)


def test_nothing_measured_draws_nothing() -> None:
    assert primary([Row("kafka", 0, None, [])], "x", "ms") is None
    assert percentiles([Curve("kafka", 0, [], [])], "x", "c") is None


def test_long_runs_are_drawn_by_their_worst_seconds() -> None:
    assert "each point the highest of 25 seconds" in strips(4000)
    assert len(strips(4000)) < 3 * len(strips(160))


def test_labels_keep_apart_and_in_order() -> None:
    assert apart([0.5, 0.5, 0.51], 0.1, 0, 1) == pytest.approx([0.5, 0.6, 0.7])
    assert apart([0.98, 0.99], 0.1, 0, 1) == pytest.approx([0.9, 1.0])
    assert apart([0.1, 0.9], 0.1, 0, 1) == [0.1, 0.9]
    assert max(apart([1.0] * 40, 0.1, 0, 1)) <= 1


@pytest.mark.parametrize(("low", "high"), [(0.3, 0.4), (0.02, 5000), (1, 1), (3, 41), (1e-3, 1e6)])
def test_log_ticks_hold_the_data_and_stay_few(low: float, high: float) -> None:
    ticks, bottom, top = log_ticks(low, high, 7)
    assert bottom <= low * 1.001
    assert top >= high * 0.999
    assert 1 <= len(ticks) <= 8


def test_percentile_axis() -> None:
    assert [rarity(q) for q in (0, 0.9, 0.99, 0.999)] == pytest.approx([0, 1, 2, 3])
