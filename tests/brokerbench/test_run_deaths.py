"""Whoever is killed in mid-load: nothing of ours is left, and what was measured so far stands in the folder."""

import os
import shutil
import signal
import subprocess
from pathlib import Path

import pytest

from tests.support.absent import require
from tests.support.live import Live, command, live_run
from tests.support.run_folder import check_run, check_trial
from tests.support.running import planned, read

pytestmark = pytest.mark.timeout(300)
LOAD = """
message: {size: 256B}
delivery: {guarantee: %s, survives: nothing, in_flight: 100}
load: {model: open, warmup: 300ms, stages: [{steady: %s, rate: 1k/s}], drain: 2s}
repeats: {blocks: %s}
"""


def scenario(brokers: dict[str, str], *, steady: str = "1500ms", blocks: int = 1, guarantee="at-least-once") -> str:
    lines = "".join(f"  {name}: {{{settings}}}\n" for name, settings in brokers.items())
    return f"scenario: deaths\nbrokers:\n{lines}" + LOAD % (guarantee, steady, blocks)


RABBIT = {"rabbit": "driver: rabbitmq, queue_type: classic"}
NATS = {"jetstream": "driver: nats, mode: jetstream"}
KAFKA = {"kafka": "driver: kafka, client: confluent"}


def report_works(live: Live, finished: list[str]) -> None:
    """From what is on disk, with no broker up."""
    again = live.results.parent / "again.html"
    done = subprocess.run(
        command("report", str(live.folder), "-o", str(again)), capture_output=True, text=True, check=False, timeout=120
    )
    assert done.returncode == 0, done.stdout + done.stderr
    page = again.read_text(encoding="utf-8")
    assert page.rstrip().endswith("</html>")
    for trial in finished:
        assert trial in page


def states(folder: Path) -> list[str]:
    return [entry["state"] for entry in planned(folder)]


def kept(live: Live, count: int) -> list[str]:
    """The finished trials are whole, though nobody was left to tidy up."""
    entries = [entry for entry in planned(live.folder) if entry["state"] == "finished"]
    assert len(entries) == count
    for entry in entries:
        check_trial(live.folder / "trials" / entry["id"], entry)
        assert read(live.folder / "trials" / entry["id"] / "ledger.json")["closed"]
    return [entry["id"] for entry in entries]


def test_main_is_killed(tmp_path):
    require("rabbitmq", "nats", "kafka")
    with live_run(scenario({**RABBIT, **NATS, **KAFKA}, steady="4s"), tmp_path) as live:
        live.in_load(finished=1)
        live.note()
        there = " ".join(live.names.values())
        for name in ("beam.smp", "epmd", "java", "nats-server", "engine.child", "servers.guardian"):
            assert name in there
        assert len(live.ports) >= 6  # AMQP, management, distribution, epmd, NATS, Kafka
        live.popen.kill()
        live.popen.wait()
        live.all_gone()
        assert states(live.folder) == ["finished", "running", "planned"]
        report_works(live, kept(live, 1))


def test_the_guardian_is_killed(tmp_path):
    require("rabbitmq", "nats")
    with live_run(scenario({**RABBIT, **NATS}, steady="4s"), tmp_path) as live:
        running = live.in_load(finished=1)
        live.note()
        os.kill(live.guardian, signal.SIGKILL)
        live.all_gone()
        assert live.ends() == 1
        assert "guardian" in live.says()
        check_run(live.folder)
        assert read(live.folder / "run.json")["status"] == "failed"
        assert states(live.folder) == ["finished", "failed"]
        assert running == read(live.folder / "run.json")["trials"][1]["id"]
        report_works(live, kept(live, 1))


@pytest.mark.parametrize("name", ["producer-0", "all-0"])
def test_a_load_process_is_killed_and_the_run_goes_on(tmp_path, name):
    require("nats")
    with live_run(scenario(NATS, blocks=2, steady="6s"), tmp_path) as live:
        struck = live.in_load()
        live.note()
        os.kill(live.child(name), signal.SIGKILL)
        assert live.ends() == 1
        live.all_gone()
        check_run(live.folder)
        run = read(live.folder / "run.json")
        assert run["status"] == "finished"
        assert states(live.folder) == ["failed", "finished"]
        assert run["trials"][0]["id"] == struck
        assert run["trials"][0]["reason"] == f"{name}: the process ended (exit status -9)"
        assert f"failed; {name}: the process ended (exit status -9)" in live.says()
        kept(live, 1)


def test_a_server_is_killed_and_comes_back_for_the_next_trial(tmp_path):
    require("nats")
    with live_run(scenario(NATS, blocks=2, steady="6s"), tmp_path) as live:
        live.in_load()
        live.note()
        [server] = [pid for pid, line in live.names.items() if line.startswith("nats-server")]
        os.kill(server, signal.SIGKILL)
        assert live.ends() == 1
        live.all_gone()
        check_run(live.folder)
        assert states(live.folder) == ["failed", "finished"]
        struck = read(live.folder / "run.json")["trials"][0]
        assert struck["reason"].startswith("its server ended by itself (process ")
        assert struck["reason"] in live.says()
        ledger = read(live.folder / "trials" / struck["id"] / "ledger.json")
        assert 0 < ledger["unique"] <= ledger["sent"] < 6300  # what the load would have been
        kept(live, 1)


def test_ctrl_c_once(tmp_path):
    require("rabbitmq")
    with live_run(scenario(RABBIT, steady="60s"), tmp_path) as live:
        running = live.in_load()
        live.note()
        live.popen.send_signal(signal.SIGINT)
        assert live.ends() == 130
        live.all_gone()
        check_run(live.folder)
        assert read(live.folder / "run.json")["status"] == "interrupted"
        assert states(live.folder) == ["interrupted"]
        ledger = read(live.folder / "trials" / running / "ledger.json")
        assert ledger["closed"]
        assert ledger["lost"] == 0
        assert ledger["unique"] == ledger["sent"] > 0
        assert (live.folder / "report.html").read_text().rstrip().endswith("</html>")


def test_ctrl_c_twice(tmp_path):
    require("nats")
    with live_run(scenario(NATS, blocks=2, steady="60s"), tmp_path) as live:
        live.in_load()
        live.note()
        live.popen.send_signal(signal.SIGINT)
        live.waits(lambda: "Ctrl-C again" in live.says(), "the first one is answered")
        live.popen.send_signal(signal.SIGINT)
        assert live.ends() == 130
        live.all_gone()
        run = read(live.folder / "run.json")
        assert run["status"] == "interrupted"
        assert states(live.folder) == ["interrupted", "planned"]
        assert read(live.folder / "summary.json")["status"] == "interrupted"
        assert (live.folder / "report.html").read_text().rstrip().endswith("</html>")
        assert not list(live.folder.glob(".*"))


def test_it_is_told_to_end_politely(tmp_path):
    """SIGTERM, as from a CI system, means what Ctrl-C means."""
    require("nats")
    with live_run(scenario(NATS, steady="60s"), tmp_path) as live:
        live.in_load()
        live.note()
        live.popen.terminate()
        assert live.ends() == 130
        live.all_gone()
        check_run(live.folder)
        assert states(live.folder) == ["interrupted"]


@pytest.mark.parametrize("where", ["file", "file/below"])
def test_results_that_cannot_be_written_start_nothing(tmp_path, where):
    (tmp_path / "file").write_text("in the way")
    (tmp_path / "it.yaml").write_text(scenario({"null": 'driver: "null"'}, guarantee="at-most-once"))
    told = subprocess.run(
        command("run", str(tmp_path / "it.yaml"), "--results", str(tmp_path / where)),
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert told.returncode == 2
    assert str(tmp_path / where) in told.stderr
    assert (tmp_path / "file").read_text() == "in the way"


def test_the_folder_is_removed_under_the_run(tmp_path):
    """One line, a failure, and nothing left behind."""
    require("nats")
    with live_run(scenario(NATS, steady="3s"), tmp_path) as live:
        live.in_load()
        live.note()
        shutil.rmtree(live.folder)
        assert live.ends() == 1
        live.all_gone()
        assert "Traceback" not in live.says()
        assert "brokerbench: unexpected FileNotFoundError" in live.says()
