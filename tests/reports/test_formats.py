"""Markdown, CSV and JSON, and the table that names all formats."""

import csv
import io
import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from brokerbench_analysis import Study, write_summary
from brokerbench_reports import FORMATS, NotExportable, files, render
from tests.reports.conftest import CASES

Studies = Callable[[str], Study]


def rows(study: Study) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(render(study, "csv"))))


@pytest.mark.parametrize("fmt", FORMATS)
@pytest.mark.parametrize("case", CASES)
def test_every_format_of_every_case_is_stable_or_says_why_not(fmt: str, case: str, study_of: Studies) -> None:
    if (fmt, case) in {("jtl", "invalid"), ("jtl", "excluded"), ("hlog", "excluded")}:
        with pytest.raises(NotExportable, match=r"no (valid )?trial of this run holds latencies"):
            files(study_of(case), fmt)
        return
    made = {name: b"".join(content) for name, content in files(study_of(case), fmt).items()}
    assert all(content for content in made.values())
    assert made == {name: b"".join(content) for name, content in files(study_of(case), fmt).items()}
    if fmt != "parquet":
        assert render(study_of(case), fmt).endswith("\n")


def test_an_unknown_format_names_those_there_are(study_of: Studies) -> None:
    with pytest.raises(ValueError, match=r"no report format 'pdf'; choose one of html, md, json, csv, parquet"):
        render(study_of("one"), "pdf")


def test_json_is_the_summary(folder_of: Callable[[str], Path], study_of: Studies) -> None:
    assert json.loads(render(study_of("mixed"), "json")) == study_of("mixed").summary
    write_summary(folder_of("mixed"))
    assert render(study_of("mixed"), "json") == (folder_of("mixed") / "summary.json").read_text(encoding="utf-8")


def test_csv_has_one_row_a_trial_and_one_an_excluded_candidate(study_of: Studies) -> None:
    summary = study_of("mixed").summary
    found = rows(study_of("mixed"))
    assert len(found) == sum(max(len(c["trials"]), 1) for c in summary["candidates"].values())
    trial = summary["candidates"]["jetstream"]["trials"][1]
    (row,) = [row for row in found if row["trial"] == trial["id"]]
    assert float(row["end_to_end_ms_p99"]) == trial["end_to_end_ms"]["p99"]
    assert row["ledger_lost"] == "0"
    (out,) = [row for row in found if row["candidate"] == "nats-core"]
    assert "no publisher confirms" in out["excluded"]


def test_csv_says_from_which_figure_on_a_latency_is_a_lower_bound(study_of: Studies) -> None:
    bounds = {row["candidate"]: row["end_to_end_ms_at_least_from"] for row in rows(study_of("mixed"))}
    assert (bounds["rabbitmq-classic"], bounds["kafka"]) == ("p99", "")


def test_csv_leaves_unmeasured_cells_empty(study_of: Studies) -> None:
    floor = next(row for row in rows(study_of("mixed")) if row["candidate"] == "zeromq")
    assert floor["confirm_ms_p99"] == ""
    assert floor["broker_cpu_s_per_million"] == ""
    assert floor["broker_rss_mib_max"] == ""


def test_markdown_puts_validity_before_figures(study_of: Studies) -> None:
    text = render(study_of("mixed"), "md")
    heads = [line for line in text.splitlines() if line.startswith("#")]
    wanted = ["# synthetic", "## Validity", "## What was asked", "## Side by side"]
    wanted += ["## Decision", "### By each figure alone", "## Broker or generator"]
    wanted += ["## What can be claimed", "## Service level objectives", "## Answers and arrivals"]
    assert heads == wanted


@pytest.mark.parametrize("case", CASES)
def test_markdown_tables_are_even(case: str, study_of: Studies) -> None:
    for table in re.findall(r"(?:^\|.*\n)+", render(study_of(case), "md"), re.M):
        widths = {line.replace("\\|", "").count("|") for line in table.splitlines()}
        assert len(widths) == 1, table
