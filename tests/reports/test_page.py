"""The page as text: its order, its honesty, and where each figure comes from."""

import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from brokerbench_analysis import Study, load
from brokerbench_reports import render
from tests.reports.conftest import CASES, studied
from tests.reports.html import read, table_of

Pages, Folders, Studies = Callable[[str], str], Callable[[str], Path], Callable[[str], Study]

ORDER = [
    *("verdict", "validity", "asked", "comparison", "generator", "latency", "over-time", "claims", "slo"),
    *("ledger", "checks", "promises", "environment", "trials", "method"),
]


def test_order_of_the_page(page_of: Pages) -> None:
    ids = [attributes["id"] for _, attributes, _ in read(page_of("rich")).elements if attributes.get("id") in ORDER]
    assert ids == ORDER


@pytest.mark.parametrize("case", CASES)
def test_html_is_sound(case: str, page_of: Pages) -> None:
    reader = read(page_of(case))
    ids = [attributes["id"] for _, attributes, _ in reader.elements if "id" in attributes]
    assert reader.unclosed == []
    assert len(ids) == len(set(ids))
    anchors = {a["href"][1:] for tag, a, _ in reader.elements if tag == "a" and a["href"].startswith("#")}
    assert anchors <= set(ids)
    pointed = re.findall(r'(?:href="#|url\(#)([^")]+)', page_of(case))
    assert set(pointed) <= set(ids)


@pytest.mark.parametrize("case", CASES)
def test_same_folder_same_bytes(case: str, page_of: Pages, folder_of: Folders, tmp_path: Path) -> None:
    copy = shutil.copytree(folder_of(case), tmp_path / "elsewhere" / folder_of(case).name)
    (copy / "report.html").unlink()
    assert render(studied(case, copy)) == page_of(case)
    assert str(tmp_path) not in page_of(case)


@pytest.mark.parametrize("case", CASES)
def test_every_figure_names_files_that_are_there(case: str, page_of: Pages, folder_of: Folders) -> None:
    reader = read(page_of(case))
    named = {name for _, a, _ in reader.elements for name in a.get("data-from", "").split(", ") if name}
    linked = {a["href"] for tag, a, _ in reader.elements if tag == "a" and not a["href"].startswith("#")}
    missing = [name for name in named | linked if not (folder_of(case) / name).is_file()]
    assert missing == []
    figures = [a for tag, a, _ in reader.elements if tag == "td" and a.get("class") == "n" and "data-label" in a]
    assert all("data-from" in a for a in figures if not a["data-label"].startswith(("ratio", "interval", "margin")))


def test_nothing_is_loaded_from_anywhere(page_of: Pages) -> None:
    for _, attributes, _ in read(page_of("mixed")).elements:
        assert "src" not in attributes
        assert not any(value.startswith(("http:", "https:", "//")) for value in attributes.values())
    assert "default-src 'none'" in page_of("mixed")
    assert "@import" not in page_of("mixed")


def test_eight_candidates_five_blocks_stay_small(page_of: Pages) -> None:
    assert len(page_of("eight").encode()) < 3_000_000


def test_validity_tells_state_and_reason_of_each(page_of: Pages, study_of: Studies) -> None:
    part = table_of(page_of("mixed"), "validity")
    states = re.findall(r'<span class="badge (\w+)">', part)
    assert states == ["valid", "valid", "valid", "invalid", "excluded", "valid"]
    for candidate in study_of("mixed").summary["candidates"].values():
        if candidate["excluded"]:
            assert candidate["excluded"] in part
    assert "backlog grew" in part


def test_comparison_shows_the_summary_figures(page_of: Pages, study_of: Studies) -> None:
    text = " ".join(read(table_of(page_of("mixed"), "comparison")).find("td"))
    merged = study_of("mixed").summary["candidates"]["jetstream"]["merged"]
    assert f"{merged['end_to_end_ms']['p99']:.2f}" in text
    assert f"{study_of('mixed').summary['candidates']['rabbitmq-classic']['merged']['ledger']['lost']}" in text
    assert "not measured" in text  # the floor's broker has no CPU to read
    assert "confirms nothing" in text


def test_invalid_and_excluded_candidates_show_no_figure_in_the_comparison(page_of: Pages) -> None:
    rows = re.findall(r"<tr[^>]*>.*?</tr>", table_of(page_of("mixed"), "comparison"), re.S)
    for name in ("overloaded", "nats-core"):
        (row,) = [row for row in rows if f"<bdi>{name}</bdi>" in row]
        assert 'class="n' not in row
        assert 'class="block"' in row


def test_lost_messages_are_listed_by_id(page_of: Pages, study_of: Studies) -> None:
    trial = next(t["id"] for t in study_of("mixed").summary["candidates"]["rabbitmq-classic"]["trials"])
    first, *_, last = sorted(map(tuple, study_of("mixed").ids(trial)["billing"]["lost"]))
    part = table_of(page_of("mixed"), "ledger")
    assert f"{first[0]}:{first[1]}–{last[1]}" in part
    assert f"37 lost in {trial}" in part


def test_what_must_be_said_is_said(page_of: Pages) -> None:
    assert "generator and brokers shared this machine's 2 cores" in page_of("mixed").replace("&#39;", "'")
    assert "not sizing figures" in page_of("mixed")
    assert "Smoke run, no claim" in page_of("one")
    assert 'class="banner"' not in page_of("mixed")
    assert "The run is not complete (interrupted)" in page_of("killed")
    assert "4 of 6 planned trials ended; the page" in page_of("killed")
    assert "Nothing was measured" in page_of("excluded")
    assert "brokerbench run synthetic.yaml --seed 1" in page_of("mixed")


def test_a_tampered_folder_shows_on_the_page(folder_of: Folders, tmp_path: Path) -> None:
    copy = shutil.copytree(folder_of("one"), tmp_path / folder_of("one").name)
    ledger = next(copy.glob("trials/*/ledger.json"))
    content = json.loads(ledger.read_text())
    content["lost"] = 0
    ledger.write_text(json.dumps(content) + " ")
    part = table_of(render(load(copy)), "validity")
    assert re.search(r"<bdi>ledger\.json[^<]*(changed|sha256)", part)
    assert 'class="badge invalid"' in part
