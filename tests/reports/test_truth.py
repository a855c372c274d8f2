"""What a reader must see before and beside every figure: validity, whose limit it was, what came, what agrees."""

import csv
import io
import re
from collections.abc import Callable
from dataclasses import replace

import pytest

from brokerbench_analysis import Study
from brokerbench_reports import render
from tests.reports.html import read, table_of

Pages, Studies = Callable[[str], str], Callable[[str], Study]


def text_of(markup: str) -> str:
    return " ".join(re.sub(r"<[^>]+>", " ", markup).split()).replace("&#39;", "'")


def words(page: str, section: str) -> str:
    return text_of(table_of(page, section))


def rows(page: str, section: str) -> list[str]:
    return [text_of(row) for row in re.findall(r"<tr.*?</tr>", table_of(page, section), re.S)]


@pytest.mark.parametrize("case", ["mixed", "rich", "saturate", "eight"])
def test_validity_stands_before_any_figure_and_chart(case: str, page_of: Pages) -> None:
    page = page_of(case)
    standing = page.index('class="standing"')
    assert standing < min(page.index(mark) for mark in ('class="sentence"', '<td class="n', "<svg"))
    (told,) = read(page).find("p", **{"class": "standing"})
    assert re.match(r"(valid|partly valid|suspect|invalid) (All \d+ trials are valid|\d+ of \d+ trials valid, )", told)
    lead = read(table_of(page, "validity")).find("p", **{"class": "lead"})
    assert re.match(r"\d+ of \d+ trials valid", lead[0])


def test_a_headline_has_no_figure_where_no_trial_is_valid(study_of: Studies) -> None:
    study = study_of("one")  # a smoke run; make its only trial suspect
    summary = dict(study.summary)
    candidate = dict(summary["candidates"]["kafka"])
    judged = {"state": "suspect", "reasons": ["measured too briefly"], "codes": ["short"], "labels": []}
    candidate["trials"] = [trial | {"validity": judged} for trial in candidate["trials"]]
    page = render(replace(study, summary=summary | {"candidates": {"kafka": candidate}}))
    (sentence,) = read(page).find("p", **{"class": "sentence"})
    assert sentence.startswith("No answer to rely on: no trial of kafka is valid.")
    assert not re.search(r"\d", sentence)
    assert study.verdict.sentence in words(page, "comparison")


def test_trials_that_do_not_count_stand_apart_with_what_they_are_for(page_of: Pages, study_of: Studies) -> None:
    text = words(page_of("rich"), "validity")
    assert "2 more trials in no figure and no comparison: 1 disturbed and repeated, 1 made to find" in text
    assert "other machines took 4.1 % of the CPU time" in text
    assert "b02-2-kafka-repeat counts in its place" in text
    assert "one more producer and one more consumer a group" in text
    trials = study_of("rich").summary["candidates"]["kafka"]["trials"]
    kept = next(row for row in rows(page_of("rich"), "validity") if row.startswith("kafka "))
    assert f"{len(trials) - 2} valid" in kept
    assert "repeat of b02-2-kafka" in words(page_of("rich"), "trials")


def test_a_maximum_is_the_brokers_only_where_the_analysis_says_so(page_of: Pages) -> None:
    for section in ("comparison", "generator"):
        found = {row.split()[0]: row for row in rows(page_of("rich"), section)}
        assert [name for name, row in found.items() if "the broker's maximum" in row] == ["jetstream"]
        assert "client-bound" in found["kafka"]
        assert "one more worker carried 23 % more" in found["kafka"]
        assert "not known" in found["kafka-python"]
    assert "whose limit" not in words(page_of("mixed"), "comparison")


def test_ceilings_say_how_they_came_and_how_much_was_used(page_of: Pages) -> None:
    found = {row.split()[0]: row for row in rows(page_of("rich"), "generator")}
    assert "kept from 2026-11-23" in found["kafka"]
    assert found["kafka"].count("more than half") == 2
    assert "more than half" not in found["jetstream"]
    assert "measured for this run" in found["jetstream"]
    assert "not measured: no stand-in for Kafka" in found["kafka-python"]
    assert "warning kafka : producer-0 was busy 78 % of the time" in words(page_of("rich"), "generator")


def test_two_kinds_of_rows_stand_apart_but_in_one_ranking(page_of: Pages, study_of: Studies) -> None:
    names = [row.split()[0] for row in rows(page_of("rich"), "comparison")]
    assert {"Broker, fast generator", "With the client you would use"} <= set(rows(page_of("rich"), "comparison"))
    middle = names.index("With")
    assert {"jetstream", "kafka"} == set(names[names.index("Broker,") + 1 : middle])
    assert {"kafka-python", "rabbitmq-pika"} == set(names[middle + 1 : names.index("Not")])
    for place, row in enumerate(study_of("rich").verdict.ranking, 1):
        told = f"{row['candidate']} rank {place} "
        assert any(line.startswith(told) for line in rows(page_of("rich"), "comparison"))
    described = read(table_of(page_of("rich"), "verdict")).find("desc")[0]
    assert "kafka (Broker, fast generator)" in described
    assert "kafka-python (With the client you would use)" in described
    assert "unlike: fast generator against client library" in words(page_of("rich"), "claims")


def test_trials_tell_whether_they_were_steady_and_whether_the_generator_stood_still(page_of: Pages) -> None:
    found = {row.split()[0]: row for row in rows(page_of("rich"), "trials")}
    drifting = next(row for name, row in found.items() if name.startswith("b02-1-jetstream"))
    assert "drifting" in drifting
    assert "rose by 31 %" in drifting
    first = next(row for name, row in found.items() if name.startswith("b01-1-jetstream"))
    assert "58.0" in first
    assert "3 pauses" in first
    text = words(page_of("rich"), "generator")
    assert re.search(r"The generator stood still in \d+ of \d+ trials, 58\.0 ms at the longest", text)
    assert "caused it, not the broker" in text


def test_the_matrix_adds_up_to_the_ledger(page_of: Pages, study_of: Studies) -> None:
    trials = study_of("rich").summary["candidates"]["redis"]["trials"]
    groups = [trial["ledger"]["groups"]["billing"] for trial in trials]
    kept = sum(group["fates"]["confirmed"]["delivered"] for group in groups)
    lost = sum(group["lost"] for group in groups)
    cells = r'redis</bdi></th><td class="" data-label="group"><bdi>billing</bdi></td>.*?</tr>'
    row = re.sub(r"<[^>]+>", " ", re.findall(cells, table_of(page_of("rich"), "ledger"), re.S)[-1])
    numbers = [int(number.replace(",", "")) for number in re.findall(r"\b[\d,]+\b", row)]
    assert numbers[:2] == [kept, lost]
    assert len(numbers) == 6
    assert "18 flagged, 9 unannounced" in words(page_of("rich"), "ledger")
    assert "refused, delivered in" in words(page_of("rich"), "ledger")


def test_a_loss_is_loud_only_where_it_breaks_a_promise(page_of: Pages) -> None:
    part = table_of(page_of("rich"), "ledger")
    matrix = part[part.index("Answers and arrivals") :]
    found = {name: re.findall(rf"<bdi>{name}</bdi></th>.*?</tr>", matrix, re.S)[0] for name in ("redis", "void")}
    assert 'class="n loud" data-label="confirmed, absent"' in found["redis"]
    assert "loud" not in found["void"]
    assert "allowed: at most once" in found["void"]
    assert "allowed" not in found["redis"]


def test_an_unfinished_run_counts_what_was_planned_apart_from_what_was_added(study_of: Studies) -> None:
    study = study_of("rich")
    trials = [
        t | ({"state": "skipped"} if t["block"] == 3 and t["kind"] == "planned" else {}) for t in study.run["trials"]
    ]
    ended = tuple(m for m in study.measured if m.files.id not in {t["id"] for t in trials if t["state"] == "skipped"})
    page = render(replace(study, run={**study.run, "status": "running", "trials": trials}, measured=ended))
    assert "12 of 12 planned trials ended, and 2 repeats or probes; the page" in page


def test_what_does_not_agree_is_open_and_the_rest_collapsed(page_of: Pages) -> None:
    part = table_of(page_of("rich"), "checks")
    shown = part[: part.index("<details>")]
    assert "does not hold" in shown
    assert "Little" not in shown
    assert "not applicable" in part
    assert re.search(r"\d+ of \d+ checks that applied hold", part)


def test_claims_show_margin_level_and_look(page_of: Pages) -> None:
    text = words(page_of("rich"), "claims")
    assert "a look after 5 blocks, one after 10" in text
    assert "2.5 % and 2.5 %, 5 % in all" in text
    tested = next(row for row in rows(page_of("rich"), "claims") if "kafka against jetstream" in row)
    assert "look 2" in tested
    assert "5 %" in tested
    explored = [row for row in rows(page_of("rich"), "claims") if row.startswith("end-to-end p99")]
    assert explored
    assert all("exploratory" in row or "no claim" in row for row in explored)


def test_the_machine_is_told_in_words(page_of: Pages) -> None:
    text = words(page_of("rich"), "environment")
    assert "at most 1.50 cores, at most 4,096 MiB (cgroup v2)" in text
    assert "vda, QEMU, solid state, ext4; a flush: 0.243 ms" in text
    assert "on a 5 ms disk this ranking may change" in text
    assert "3.10.8, released 2026-01-01, 11 months old when this was measured" in text
    assert "9f86d081884c" in text


def test_bounds_and_gaps_are_explained_where_they_stand(page_of: Pages) -> None:
    void = next(row for row in rows(page_of("rich"), "trials") if row.startswith("b01-6-void "))
    assert void.count("≥ ") == 2
    assert "≥ stands where" in words(page_of("rich"), "trials")
    assert "≥ stands where" in words(page_of("mixed"), "comparison")
    assert "≥" not in words(page_of("one"), "comparison")


def test_csv_tells_what_counts(study_of: Studies) -> None:
    found = list(csv.DictReader(io.StringIO(render(study_of("rich"), "csv"))))
    apart = {row["trial"]: row for row in found if row["superseded"] == "true" or row["kind"] == "probe"}
    assert set(apart) == {"b02-2-kafka", "b03-2-kafka-probe"}
    assert apart["b02-2-kafka"]["steal_share"] == "0.041"
    first = next(row for row in found if row["trial"] == "b01-1-jetstream")
    assert (first["limit_by"], first["checks_broken"], first["pauses_max_ms"]) == ("broker", "closed-loop", "58.0")
    columns = list(first)
    assert columns.index("state") < columns.index("offered_msgs_s")


def test_an_old_folder_has_no_empty_parts(study_of: Studies) -> None:
    study = study_of("saturate")
    summary = dict(study.summary)
    new = {"generator", "ceiling", "limit", "warnings"}
    newer = {"kind", "repeats", "superseded", "contamination", "steady", "pauses", "checks"}
    summary["candidates"] = {
        name: {key: value for key, value in candidate.items() if key not in new}
        | {"trials": [{k: v for k, v in trial.items() if k not in newer} for trial in candidate["trials"]]}
        for name, candidate in summary["candidates"].items()
    }
    bare = {name: {k: v for k, v in c.items() if k != "generator"} for name, c in study.run["candidates"].items()}
    page = render(replace(study, summary=summary, run={**study.run, "candidates": bare}))
    assert 'id="generator"' not in page
    assert 'id="checks"' not in page
    assert 'href="#generator"' not in page
    assert "rank 1" not in page
