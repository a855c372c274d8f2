"""What a run tells while it runs: on a terminal, in a log, and as JSON."""

import fcntl
import io
import json
import os
import pty
import re
import struct
import subprocess
import sys
import termios
import threading
from collections.abc import Mapping
from html import unescape
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from rich.console import Console

from brokerbench.cli._events import Events
from brokerbench.cli._live import Moment, Watch
from brokerbench.cli._progress import State
from brokerbench.cli._views import Lines, drawn
from brokerbench.model import Trial, TrialKind

SCENARIO = """
scenario: live
brokers:
  ring: {driver: "null"}
  pushed-through-sockets-of-zeromq: {driver: zeromq, pattern: push-pull, transport: tcp}
message: {size: 100B}
delivery: {guarantee: at-most-once, survives: nothing}
load: {model: open, warmup: 500ms, stages: [{steady: 2s, rate: 500/s}]}
repeats: {blocks: 1}
"""
COLUMNS = 60
NS = 10**9
_ESCAPES = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]|\x1b[()][A-Z0-9]")


# -- a whole run, its standard error a terminal of 60 columns, its standard output a pipe -----------------------------


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, list[dict[str, Any]], int]:
    """What the terminal got, the JSON lines, the exit status."""
    home = tmp_path_factory.mktemp("live")
    (home / "live.yaml").write_text(SCENARIO)
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, COLUMNS, 0, 0))
    environment = {name: value for name, value in os.environ.items() if name not in ("COLUMNS", "LINES")}
    command = [sys.executable, "-m", "brokerbench", "run", "live.yaml", "--short", "--json"]
    run = subprocess.Popen(
        command, cwd=home, env=environment | {"TERM": "xterm"}, stdin=theirs, stdout=subprocess.PIPE, stderr=theirs
    )
    os.close(theirs)
    seen: list[bytes] = []
    reader = threading.Thread(target=_read_all, args=(ours, seen))
    reader.start()
    out, _ = run.communicate(timeout=150)
    reader.join()
    os.close(ours)
    events = [json.loads(line) for line in out.decode().splitlines()]
    return b"".join(seen).decode(), events, run.returncode


def _read_all(terminal: int, seen: list[bytes]) -> None:
    while True:
        try:
            data = os.read(terminal, 1 << 16)
        except OSError:  # Linux: the other side is closed
            return
        if not data:
            return
        seen.append(data)


def lines_of(terminal: str) -> list[str]:
    """As printed; where the cursor goes up or a line is wiped, another line begins."""
    plain = _ESCAPES.sub("", re.sub(r"\x1b\[\d*[AK]", "\n", terminal))
    return [line for line in plain.replace("\r", "\n").split("\n") if line]


def test_a_narrow_terminal_shows_the_trial_that_runs(told: tuple[str, list[dict[str, Any]], int]) -> None:
    terminal, _, _ = told
    lines = lines_of(terminal)
    assert re.search(r"\x1b\[\d*A", terminal), "the table is drawn over itself"
    heads = {"asked", "sent", "delivered", "backlog", "errors"}
    figures = [line for line in lines if line.strip().split(" ")[0] in heads]
    assert {line.split()[0] for line in figures} == heads
    for words in ("end-to-end p50", "end-to-end p99", "broker CPU", "generator CPU"):
        assert any(words in line for line in figures), words
    candidates = [line for line in lines if line.startswith("▸ ")]
    assert {line.split()[1] for line in candidates} == {"ring", "pushed-t…-zeromq"}
    assert any("so far: " in line for line in lines)
    drawn_lines = [*figures, *candidates, *(line for line in lines if line.startswith("trial "))]
    assert max(map(len, drawn_lines)) <= COLUMNS
    assert not any("…" in line for line in figures)


def test_it_ends_in_the_verdict_and_the_pages_link(told: tuple[str, list[dict[str, Any]], int]) -> None:
    terminal, events, _ = told
    end = " ".join("".join(lines_of(terminal)[-12:]).split())
    squeezed = end.replace(" ", "")  # long lines are folded by the terminal
    assert events[-1]["verdict"].replace(" ", "") in squeezed
    assert events[-1]["page"] in squeezed
    index = Path(events[-1]["page"].removeprefix("file://")).parent.parent / "index.html"
    assert f"allruns:{index.as_uri()}" in squeezed
    assert events[-1]["verdict"] in unescape(index.read_text(encoding="utf-8"))


def test_json_is_one_object_a_line_in_the_order_of_things(told: tuple[str, list[dict[str, Any]], int]) -> None:
    _, events, status = told
    assert [events[0]["event"], events[1]["event"], events[-1]["event"]] == ["plan", "folder", "finished"]
    assert [e["after_s"] for e in events] == sorted(e["after_s"] for e in events)
    assert {e["event"] for e in events} == {"plan", "folder", "say", "trial", "second", "trial-end", "finished"}
    assert [e["trial"] for e in events if e["event"] == "trial"] == [
        e["trial"] for e in events if e["event"] == "trial-end"
    ]
    last = events[-1]
    assert last["exit_status"] == status
    assert last["verdict"] == last["summary"]["verdict"]["sentence"]
    folder = Path(next(e["folder"] for e in events if e["event"] == "folder"))
    assert last["page"].endswith(f"{folder.name}/report.html")
    seconds = [e for e in events if e["event"] == "second"]
    assert max(second["asked_msgs_s"] for second in seconds) > 0  # 0 of one in which no child has told yet
    for second in seconds:
        assert second["phase"] in {"warm-up", "measuring", "draining"}
        assert second["broker_cpu"] is None  # a library has no broker: not 0


# -- the second that has passed ---------------------------------------------------------------------------------------


def child(
    group: str | None, *intervals: tuple[float, Mapping[str, int], list[list[int]]], replies: tuple[str, ...] = ()
) -> Any:
    said = [
        {"t": t, "counts": dict(counts), "histograms": {"end_to_end": bins} if group else {"send_delay": bins}}
        for t, counts, bins in intervals
    ]
    return SimpleNamespace(spec=SimpleNamespace(group=group, replies=replies), intervals=said, events=[])


def watch(*children: Any, resources: list[Any] | None = None, asks: bool = True) -> Watch:
    load = {"t0_ns": 0, "children": children, "resources": resources or []}
    return Watch(load, warmup_s=1, measure_s=3, asks=asks)


def test_a_second_is_made_of_what_was_told_in_it() -> None:
    producer = child(None, (1.0, {"scheduled": 100, "sent": 90, "refused": 2}, [[5], [90]]))
    one = child("billing", (1.0, {"unique": 50}, [[], []]))
    two = child("audit", (1.1, {"unique": 88, "corrupt": 1}, [[], []]))
    seen = watch(producer, one, two)
    assert seen.look(NS) is None  # they have not told yet
    moment = seen.look(int(1.3 * NS))
    assert moment is not None
    assert (moment.at_s, moment.phase, moment.asked_msgs_s, moment.sent_msgs_s) == (1.0, "warm-up", 100.0, 90.0)
    assert moment.delivered_msgs_s == (50 + 80) / 2
    assert moment.backlog == 100 - (50 + 88) // 2
    assert moment.errors == {"refused": 2, "foreign": 0, "corrupt": 1, "connections lost": 0}
    assert (moment.p50_ms, moment.p99_ms) == (None, None)  # of the warm-up there are no latencies
    assert (moment.broker_cpu, moment.generator_cpu) == (None, None)
    assert list(moment.objections) == ["90% of the rate asked was sent"]
    assert seen.look(int(1.4 * NS)) is None


def test_percentiles_are_of_the_last_second_over_all_consumers() -> None:
    fast, slow = [[1024], [99]], [[10_240], [1]]  # bins of 1024 ns, of 1 µs * 2^9
    consumers = [child("all", (1.0, {"unique": 9}, fast)), child("all", (1.0, {"unique": 9}, slow))]
    seen = watch(child(None, (1.0, {"scheduled": 18, "sent": 18}, [[], []])), *consumers)
    first = seen.look(2 * NS)
    assert first is not None
    assert first.p99_ms == pytest.approx(1024e-6)
    consumers[1].intervals.append({"t": 2.0, "counts": {"unique": 9}, "histograms": {"end_to_end": slow}})
    second = seen.look(int(2.3 * NS))
    assert second is not None
    assert second.p50_ms == pytest.approx(0.5243, rel=0.001)  # the first second's are not in it
    assert second.delivered_msgs_s == 18.0  # who has not told yet is taken as before


def test_of_requests_the_response_is_shown_and_not_the_way_there() -> None:
    there, back = [[1024], [99]], [[10_240], [99]]
    replier = child("all", (1.0, {"unique": 99}, there), replies=("to producer-0",))
    moment = watch(replier, child("replies", (1.0, {"unique": 99}, back))).look(2 * NS)
    assert moment is not None
    assert (moment.latency, moment.p50_ms) == ("response", pytest.approx(0.5243, rel=0.001))


def test_cpu_is_of_the_monitors_last_line() -> None:
    host = {"steal_share": 0.04, "throttled_s": None}
    lines = [
        {"t": 1.0, "host": host, "broker": {"cpu_s": 9.0}, "producers": {"cpu_s": 9.0}, "consumers": {"cpu_s": 9.0}},
        {"t": 3.0, "host": host, "broker": {"cpu_s": 1.0}, "producers": {"cpu_s": 0.5}, "consumers": {"cpu_s": 0.1}},
    ]
    moment = watch(child(None), child("all"), resources=lines, asks=False).look(2 * NS)
    assert moment is not None
    assert (moment.broker_cpu, moment.generator_cpu) == (0.5, 0.3)
    assert moment.asked_msgs_s is None
    assert list(moment.objections) == ["4% of the CPU time went to others"]


# -- the views --------------------------------------------------------------------------------------------------------

WRONG = {"refused": 3, "corrupt": 0}
MOMENT = Moment(10.0, "measuring", None, 1e5, 1e5, "end-to-end", 1.5, 20.0, 12, WRONG, 0.5, None, ("slow",))
TRIAL = Trial(id="b1", block=1, order=1, candidate="[bold]ring", seed=1, tag=1, kind=TrialKind.PLANNED)


def test_a_log_gets_a_line_each_ten_seconds() -> None:
    out = io.StringIO()
    lines = Lines(Console(file=out, width=80))
    for at_s in (9.0, 10.0, 11.0, 19.0, 23.0, 29.0, 30.0):
        state = State({}, 1, trial=TRIAL, phase="load", moment=Moment(**{**vars(MOMENT), "at_s": at_s}))
        lines.show(state, fresh=True)
    assert [line.split(":")[0] for line in out.getvalue().splitlines()] == [
        f"  [bold]ring, measuring {at_s} s" for at_s in (10, 23, 30)
    ]
    assert "asked no rate, sent 100,000/s, delivered 100,000/s, backlog 12, errors 3" in out.getvalue()
    assert (
        "end-to-end p99 20.00 ms, broker CPU 0.50 cores, generator CPU not measured (3 refused); slow" in out.getvalue()
    )


def test_names_cannot_steer_the_terminal() -> None:
    nasty = "a\x1b[2Jb\u202e[red]"
    state = State({nasty: "●", "kafka": ""}, 2, {nasty: "valid"}, trial=TRIAL, moment=MOMENT)
    out = io.StringIO()
    Console(file=out, width=80, force_terminal=True, color_system=None).print(drawn(state))
    assert "\x1b" not in out.getvalue()
    assert "\u202e" not in out.getvalue()
    assert "[red]" in out.getvalue()


def test_a_reader_that_does_not_read_stops_nothing_and_gets_all_in_the_end() -> None:
    ours, theirs = os.pipe()
    with open(theirs, "w", encoding="utf-8") as out, open(ours, encoding="utf-8") as reader:
        events = Events(out)
        for number in range(500):
            events.event("second", {"number": number, "text": "x" * 1000})  # a pipe holds 64 KiB
        got: list[str] = []
        taking = threading.Thread(target=lambda: got.extend(reader.readline() for _ in range(500)))
        taking.start()
        events.close()
        taking.join()
    assert [json.loads(line)["number"] for line in got] == list(range(500))


def test_a_reader_that_is_gone_does_not_end_the_run() -> None:
    ours, theirs = os.pipe()
    os.close(ours)
    with open(theirs, "w", encoding="utf-8") as out:
        events = Events(out)
        events.event("second", {"number": 1})
        events.event("second", {"number": 2})
        events.close()
