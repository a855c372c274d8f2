"""`validate` prints the plan as it will be run."""

import json
from pathlib import Path

import pytest

from brokerbench.cli._main import run
from brokerbench.cli._scenario import load_scenario
from brokerbench.cli.validate import on_top
from brokerbench.engine.planner import make_plan

FILE = """\
scenario: small
question: Is it fast?
brokers:
  jet: {driver: nats, mode: jetstream}
  core: {driver: nats, mode: core}
  floor: {driver: nats, mode: core, role: floor}
message: {size: 1KiB}
load:
  model: open
  warmup: 1s
  stages: [{steady: 4s, rate: 2.5k/s}]
  drain: 5s
repeats: {blocks: 3}
slo: {end_to_end.p99: < 50ms, lost: 0, delivered_msgs_s: ">= 2k/s"}
"""


@pytest.fixture
def file(tmp_path: Path) -> str:
    path = tmp_path / "small.yaml"
    path.write_text(FILE)
    return str(path)


def test_it_prints_question_candidates_trials_and_length(file: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["validate", file, "--seed", "5"]) == 0
    told = capsys.readouterr().out.splitlines()
    assert told[0] == "small: Is it fast?"
    assert "  load       open, 2,500 msg/s in total; warm-up 1 s, measured 4 s, drain up to 5 s" in told
    assert "  slo        end_to_end.p99 < 50 ms" in told
    assert "  slo        delivered_msgs_s >= 2,000 msg/s" in told
    jet = told.index("  jet (nats, client nats-py, server embedded)")
    assert "at-least-once" in told[jet + 1]
    assert "stronger than asked" in told[jet + 1]
    assert told[jet + 2].startswith("    ")
    assert "  floor (nats, client nats-py, server embedded, floor: not ranked)" in told
    assert next(line for line in told if line.startswith("  core: ")).endswith("survives: nothing")
    assert "trials (order by seed 5)" in told
    blocks = [line.partition(": ")[2].split(", ") for line in told if line.startswith("  block ")]
    assert [sorted(block) for block in blocks] == [["floor", "jet"]] * 3
    assert told[-1].startswith("length: 6 trials, 30 s of load, at most 1 min with drains; on top: ")
    assert told[-1].endswith("starting servers, ceilings, repeats of disturbed trials (2 each at most)")


def test_json_says_the_same(file: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["validate", file, "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["length_s"] == 30
    assert told["scenario"]["load"]["stages"] == [{"steady_s": 4.0, "rate_msgs_s": 2500.0}]
    assert told["candidates"]["jet"]["promise"]["point"] == "confirmed"
    assert told["candidates"]["core"]["promise"] is None
    assert "at-most-once" in told["candidates"]["core"]["excluded"]
    assert len(told["trials"]) == 6


def test_overrides_change_the_plan(file: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["validate", file, "-o", "repeats.blocks=1", "-o", "load.warmup=0s", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["length_s"] == 8


def test_what_a_candidate_has_of_its_own_is_said(file: str, capsys: pytest.CaptureFixture[str]) -> None:
    own = ["brokers.jet.delivery.in_flight=1", "brokers.jet.topology.groups.all.prefetch=2"]
    assert run(["validate", file, "-o", own[0], "-o", own[1]]) == 0
    told = [line for line in capsys.readouterr().out.splitlines() if "its own" in line]
    assert told == [
        "    its own: producers 1, partitions 1; all: 1 consumer, prefetch 2",
        "    its own: 1 in flight per producer",
    ]


def test_a_second_look_is_said_before_it(file: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["validate", file, "-o", "repeats={blocks: 2, look_again: 3}", "-o", "margins={latency: 20%}"]) == 0
    told = capsys.readouterr().out.splitlines()
    assert "  repeats    looks after 2 blocks, goes on to 3 if undecided" in told
    assert "  margins    latency 20 %: a smaller difference is none" in told
    blocks = [line.partition(":")[0] for line in told if line.startswith("  block ")]
    assert blocks == ["  block 1", "  block 2", "  block 3 (if undecided)"]
    assert told[-1].startswith("length: at most 6 trials, 30 s of load")


def test_where_no_candidate_is_left_it_says_so_and_ends_with_2(file: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["validate", file, "-o", "brokers={core: {driver: nats, mode: core}}"]) == 2
    told = capsys.readouterr().out
    assert "Nothing can be run: no candidate is left." in told
    assert "  core: nats core neither stores nor confirms" in told


def test_a_plan_of_hours_is_said(file: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["validate", file, "-o", "load.stages.0.steady=2h"]) == 0
    assert "This is long (12 h)" in capsys.readouterr().out


def test_secrets_are_not_printed(
    file: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("BROKERBENCH_TEST_PASSWORD", "s3cr3t-pw")
    for url in ("nats://u:${BROKERBENCH_TEST_PASSWORD}@h", "http://u:${BROKERBENCH_TEST_PASSWORD}@h"):
        for extra in ([], ["--json"]):
            run(["validate", file, "-o", f'brokers.jet.url="{url}"', *extra])
            told = capsys.readouterr()
            assert "jet" in told.out
            assert "s3cr3t-pw" not in told.out + told.err


def test_a_file_that_is_not_there_is_told_with_what_is(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["validate", "nowhere.yaml"]) == 2
    told = capsys.readouterr().err
    assert "cannot read nowhere.yaml: No such file or directory" in told
    assert "compare-brokers" in told


def test_a_folder_is_no_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["validate", str(tmp_path)]) == 2
    assert "Is a directory" in capsys.readouterr().err


def test_a_shipped_scenario_goes_by_its_name(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["validate", "saturate", "-o", "brokers={jet: {driver: nats}}"]) == 0
    told = capsys.readouterr().out
    assert "as fast as messages are confirmed" in told
    assert told.endswith("repeats of disturbed trials (2 each at most), probes\n")


def test_a_smoke_run_has_nothing_on_top_but_servers() -> None:
    loaded = load_scenario("saturate", ["brokers={jet: {driver: nats}}"])
    assert on_top(make_plan(loaded.scenario, loaded.drivers, 1, smoke=True)) == "on top: starting servers"


def test_each_candidates_answers_to_the_needs_are_printed(file: str, capsys: pytest.CaptureFixture[str]) -> None:
    needs = "needs=[replay, message-size: 2MiB, dead-letter, language: java]"
    assert run(["validate", file, "-o", needs]) == 0
    told = capsys.readouterr().out.splitlines()
    assert "  needs      replay, message-size: 2MiB, dead-letter, language: java" in told
    jet = told[told.index("  jet (nats, client nats-py, server embedded)") :]
    assert any(line.startswith("    message-size: 2MiB: met (64MiB") for line in jet)
    assert "    dead-letter: not known (nothing is recorded about it)" in jet
    assert any(line.startswith("    language: java: met (c, dotnet, go, java") for line in jet)
    assert run(["validate", file, "-o", needs, "--json"]) == 0
    answer = json.loads(capsys.readouterr().out)["candidates"]["jet"]["needs"][1]
    assert (answer["having"], answer["proof"]) == ("met", "source")
    assert answer["source"].startswith("https://docs.nats.io/")


def test_what_consumers_are_asked_to_do_is_said_with_what_they_can_work_off(capsys: pytest.CaptureFixture[str]) -> None:
    group = "{consumers: 2, processing: 1ms, stall: {every: 10s, for: 1s}, requeue: 5%}"
    assert run(["validate", "order-events", "-o", f"topology.groups.audit={group}"]) == 0
    told = capsys.readouterr().out
    words = (
        "audit: 2 consumers, prefetch 500: 1 ms each, stands still 1 s every 10 s, gives back 5 %; at most 1,710 msg/s"
    )
    assert f"{words}: LESS THAN THE LOAD" in told  # of 2,000 msg/s
    assert "billing: 2 consumers, prefetch 500\n" in told


def test_connections_that_churn_are_said_and_who_cannot_take_part(
    file: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["validate", file, "-o", "topology.churn={every: 2s, who: all}"]) == 2
    told = capsys.readouterr().out.splitlines()
    assert "  churn      each producer and consumer reopens its connection every 2 s" in told
    assert next(line for line in told if line.startswith("  jet: ")).endswith("or a shorter ack_wait")
