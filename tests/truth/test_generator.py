"""What is the generator's fault is not the broker's: pauses of our own processes, and a client that is too slow.

The broker is the simulated one, over a socket, and its own account shows that it was not to blame.
"""

import os
import signal
import threading
from pathlib import Path

import pytest

import brokerbench_drivers
from brokerbench.model import Broker
from brokerbench_analysis import exit_status, write_summary
from tests.support import burning
from tests.support.loopback import SIMULATED, run_loopback
from tests.support.running import AT_LEAST, run, scenario
from tests.support.truth import window_ns

pytestmark = pytest.mark.usefixtures("undisturbed")

PAUSE_S = 0.2


def blamed(record):
    """Reasons that say the broker was too slow."""
    words = ("unsustainable", "the broker took no more", "the broker or the group's consumers did not keep up")
    return [reason for reason in record["validity"]["reasons"] if any(word in reason for word in words)]


class Pauser:
    """Stops the producer twice for 200 ms once the measured window has begun."""

    def __init__(self):
        self._children = []
        self._thread = threading.Thread(target=self._run)
        self._error = None
        self._pid = 0

    def observe(self, kind, about):
        if kind == "load":
            self._children = about["children"]
        if kind == "beat" and self._children and all(len(child.intervals) >= 2 for child in self._children):
            self._pid = next(c.process.pid for c in self._children if c.spec.role == "producer")
            self._children = []
            self._thread.start()

    def _run(self):
        try:
            self._pause()
        except Exception as error:  # noqa: BLE001 - raised again by `join`, in the test's own thread
            self._error = error

    def _pause(self):
        between = threading.Event()
        for _ in range(2):
            os.kill(self._pid, signal.SIGSTOP)
            try:
                between.wait(PAUSE_S)
            finally:
                os.kill(self._pid, signal.SIGCONT)
            between.wait(1.0)

    def join(self):
        self._thread.join(30)
        assert not self._thread.is_alive()
        if self._error is not None:
            raise self._error


@pytest.fixture(scope="module")
def paused(tmp_path_factory, undisturbed):
    pauser = Pauser()
    truth = run_loopback(
        tmp_path_factory.mktemp("paused"),
        {"service": {"constant_s": 0.001}},
        rate="500/s",
        warmup="1s",
        steady="5s",
        observe=pauser.observe,
    )
    pauser.join()
    return truth


def test_a_stopped_generator_is_blamed_not_the_broker(paused):
    validity = paused.record["validity"]
    assert validity["state"] == "invalid"
    reason = next(r for r, c in zip(validity["reasons"], validity["codes"], strict=True) if c == "generator-paused")
    assert "producer-0" in reason
    assert "generator" in reason
    assert "not the broker" in reason
    pauses = paused.record["pauses"]
    assert pauses["child"] == "producer-0"
    assert pauses["count"] >= 2
    assert pauses["max_ms"] >= 0.8 * PAUSE_S * 1e3
    assert not blamed(paused.record)


def test_latency_does_not_hide_the_pause_and_the_broker_was_quick(paused):
    """From the intended time, the pause is in the figure; in the broker's own account it is not."""
    assert paused.record["end_to_end_ms"]["max"] >= 0.8 * PAUSE_S * 1e3
    arrived, gone = paused.times["0.arrival_ns"], paused.times["0.departure_ns.all"]
    start, end = window_ns(paused)
    due = paused.times["0.intended_ns"]
    first = (gone - arrived)[(gone >= 0) & (due >= start) & (due < end)]
    # After each pause a hundred messages come at once and queue for 1 ms each: no more than that is the broker's.
    assert first.max() / 1e6 < paused.record["end_to_end_ms"]["max"]


def test_a_client_that_burns_is_client_bound(tmp_path, monkeypatch):
    """250 us a message are 4,000 a second at most; 8,000 are asked for."""
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parents[2]))
    monkeypatch.setattr(brokerbench_drivers, "load", lambda name: burning.DRIVER)
    monkeypatch.setattr(brokerbench_drivers, "reference", lambda name: burning.REFERENCE)
    asked = scenario(
        {"slow": Broker(driver=SIMULATED)}, rate="8k/s", warmup="1s", steady="4s", drain="10s", guarantee=AT_LEAST
    )
    folder = run(asked, tmp_path)
    summary = write_summary(folder)
    slow = summary["candidates"]["slow"]
    trial = slow["trials"][0]
    assert trial["validity"]["state"] == "invalid"
    assert trial["sent_msgs_s"] <= 4100
    assert "client-bound" in " ".join([*trial["validity"]["reasons"], *trial["validity"]["labels"]])
    assert not blamed(trial)
    assert slow["limit"]["by"] == "client-bound"
    assert summary["verdict"]["ranking"] == []
    assert exit_status(summary) == 3


def test_a_burning_client_that_saturates_claims_no_maximum(tmp_path, monkeypatch):
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parents[2]))
    monkeypatch.setattr(brokerbench_drivers, "load", lambda name: burning.DRIVER)
    monkeypatch.setattr(brokerbench_drivers, "reference", lambda name: burning.REFERENCE)
    asked = scenario(
        {"slow": Broker(driver=SIMULATED)}, rate=None, warmup="1s", steady="4s", drain="10s", guarantee=AT_LEAST
    )
    summary = write_summary(run(asked, tmp_path))
    slow = summary["candidates"]["slow"]
    assert slow["limit"]["by"] == "client-bound"
    assert not any(blamed(trial) for trial in slow["trials"])
    assert "client-bound" in slow["trials"][0]["validity"]["labels"]
