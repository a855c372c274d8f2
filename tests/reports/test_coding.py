"""The page's section on messages: bytes, costs and effect side by side, and nothing where there is nothing to say."""

import json
from pathlib import Path
from typing import Any

from brokerbench_analysis import load
from brokerbench_reports import render
from tests.analysis.folders import Broker, write_run
from tests.analysis.test_coding import CODING, MESSAGE
from tests.reports.html import read, table_of

LEAN = {**CODING, "model": "lean", "compression": "none", "compress_us": None, "decompress_us": None}


def shown(folder: Path, changes: dict[str, Any], form: str = "html") -> str:
    write_run(folder, [Broker("one"), Broker("two")])
    run = json.loads((folder / "run.json").read_text())
    (folder / "run.json").write_text(json.dumps({**run, **changes}))
    page = render(load(folder), form)
    assert isinstance(page, str)
    return page


def rows(page: str) -> dict[str, dict[str, str]]:
    """Candidate -> label of the column -> what the cell says, of the section's first table that has rows."""
    table = next(part for part in table_of(page, "coding").split("</table>") if "data-label" in part)
    found = {}
    for row in table.partition("<tbody>")[2].partition("</tbody>")[0].split("</tr>"):
        reader = read(f"{row}</tr>") if "<tr" in row else read("")
        cells = [(each["data-label"], text) for tag, each, text in reader.elements if tag == "td"]
        if cells:
            found[reader.find("th", scope="row")[0]] = {label: " ".join(text) for label, text in cells}
    return found


def test_bytes_costs_and_effect_stand_side_by_side_with_intervals(tmp_path: Path) -> None:
    page = shown(tmp_path / "run", {"coding": {"one": CODING, "two": LEAN}, "messages": {"one": MESSAGE}})
    found = rows(page)
    assert list(found) == ["one", "two"]
    one, two = found["one"], found["two"]
    assert one["written as"] == "json, fat, zstd"
    assert one["sent, B"].startswith("673.5")
    for figure in ("encode, µs", "decode, µs", "compress, µs", "coding in all, µs", "end-to-end p99, ms"):
        assert " to " in one[figure], figure
    assert " to " in one["delivered, msg/s"]
    assert two["compress, µs"] == "none"


def test_columns_of_compression_are_there_only_where_something_is_compressed(tmp_path: Path) -> None:
    page = shown(tmp_path / "run", {"coding": {"one": LEAN}})
    assert not any("compress" in label for label in rows(page)["one"])


def test_sizes_and_keys_that_were_drawn_are_shown_without_any_codec(tmp_path: Path) -> None:
    page = shown(tmp_path / "run", {"messages": {"one": MESSAGE}})
    one = rows(page)["one"]
    assert one["bodies, distinct"] == "16,384"
    assert one["distinct keys"] == "9,000 in 100,000 messages"


def test_messages_that_are_all_alike_have_no_section(tmp_path: Path) -> None:
    alike = {**MESSAGE, "smallest_bytes": 700, "saved_share": 0.0, "keys": None}
    assert 'id="coding"' not in shown(tmp_path / "a", {"messages": {"one": alike}})
    assert 'id="coding"' not in shown(tmp_path / "b", {})


def test_markdown_has_it_too(tmp_path: Path) -> None:
    told = shown(tmp_path / "run", {"coding": {"one": CODING}}, "md")
    assert "## Messages and coding" in told
    assert "json, fat, zstd" in told
