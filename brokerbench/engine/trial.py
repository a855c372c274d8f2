"""One trial: declare, connect, canaries, t0, load, drain until the ledger closes, read back, delete, write down."""

import os
import shutil
import traceback
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from brokerbench.contract import Admin, BadTarget, ConnectionLost, Counters, Driver, Telling
from brokerbench.model import Candidate, Plan, PromisePoint, Trial
from brokerbench.servers import GuardianLost

from .cast import cast
from .clock import Clock, WallClock
from .fleet import Child, Fleet, TrialFailed
from .folder import TrialFolder, now_iso
from .ledger import GroupFates, SentSide, reckon
from .messages import write_messages
from .monitor import Monitor
from .places import Places
from .planner import settings_of
from .readings import Readings
from .record import Measured, write_trial
from .reply_pipe import reply_pipe
from .spec import ChildSpec

__all__ = ["Interrupted", "Outcome", "TrialContext", "run_trial"]

_READY_S = 40.0
_CANARY_S = 20.0
_CANARY_AGAIN_S = 0.3
_LEAD_NS = 200_000_000  # from "go" to t0, so that every child has heard it
_AFTERGLOW_S = 0.25  # kept listening after the ledger closed: a duplicate follows soon or not at all
_COUNTERS_S = 12.0
_DONE_S = 30.0


class Interrupted(Exception):
    """Ctrl-C before anything was measured."""


class Keeper(Protocol):
    """Whoever owns the processes of a run; the guardian does."""

    @property
    def folder(self) -> Path: ...

    def check(self) -> None:
        """Raises GuardianLost."""


@dataclass(frozen=True)
class TrialContext:
    """What a trial needs from its run."""

    guardian: Keeper
    fleet: Callable[[Path, Callable[[], None]], Fleet]  # from the folder for logs, and what to do at every beat
    plan: Plan
    run_id: str
    trial: Trial
    candidate: Candidate
    driver: Driver
    reference: str
    address: Mapping[str, Any]
    about: Mapping[str, str]
    server_pids: Callable[[], Mapping[str, list[int]]]  # of "broker" and "other_servers"
    server_ended: Callable[[], str | None]  # in words, where a process of it is gone
    stop_asked: Callable[[], bool]
    observe: Callable[[str, dict[str, Any]], None]
    hide: Callable[[Any], Any]  # takes secrets out of what is written
    clock: Clock = field(default_factory=WallClock)
    closed: Callable[[], None] = lambda: None  # called once nothing of the trial is left to be measured


@dataclass(frozen=True)
class Outcome:
    """How a trial ended, and what decides whether another one follows from it."""

    state: str
    reason: str | None
    contaminated: bool = False
    busy_share: float | None = None  # of the busiest child; None where none was measured
    sent_msgs_s: float | None = None  # in the measured window, by all producers
    delivered_msgs_s: float | None = None  # by all consumers of all groups


def run_trial(context: TrialContext, folder: TrialFolder) -> Outcome:
    """What there is stands in the folder. Raises GuardianLost."""
    started = now_iso()
    runner = _Runner(context, folder)
    state, reason = "finished", None
    try:
        runner.run()
        if runner.cut:
            state, reason = "interrupted", "stopped by the user before the measured window was over"
    except Interrupted:
        state, reason = "interrupted", "stopped by the user before the load"
    except (TrialFailed, BadTarget, ConnectionLost) as failed:
        state, reason = "failed", context.hide(str(failed))
    except GuardianLost:
        raise
    except Exception as error:  # noqa: BLE001 - a library's surprise ends this trial, not the run
        state, reason = "failed", context.hide(f"{type(error).__name__}: {error}; see error.log of this trial")
        (folder.path / "error.log").write_text(context.hide(traceback.format_exc()), encoding="utf-8")
    lost = _loss(context.guardian) if state == "failed" else None
    runner.measured.readings = context.hide(runner.measured.readings)
    write_trial(folder, context.plan, context.trial, runner.measured, started, state, lost or reason)
    if lost:
        raise GuardianLost(lost)
    return _outcome(state, reason, runner.measured, context.plan.scenario.load.measure_s)


def _outcome(state: str, reason: str | None, measured: Measured, measure_s: float) -> Outcome:
    if state != "finished":
        return Outcome(state, reason)
    done = [child.done for child in measured.children if child.done]
    shares = [d["usage"]["busy_share"] for d in done]
    sent, delivered = (
        sum(d["totals"].get(name, 0) for d in done) / measure_s for name in ("sent_by_time", "delivered_by_time")
    )
    contaminated = bool((measured.contamination or {}).get("contaminated"))
    busiest = None if None in shares else max(shares, default=None)
    return Outcome(state, reason, contaminated, busiest, sent, delivered)


def _loss(guardian: Keeper) -> str | None:
    """If the guardian is gone, that is why all the rest went too, and no other trial can start."""
    try:
        guardian.check()
    except GuardianLost as lost:
        return str(lost)
    return None


class _Runner:
    def __init__(self, context: TrialContext, folder: TrialFolder) -> None:
        self.context, self.folder = context, folder
        self.candidate, self.scenario = context.candidate, context.plan.scenario.of(context.candidate.name)
        self.clock = context.clock
        self.settings = settings_of(context.driver, context.candidate)
        assert self.candidate.promise is not None
        self.confirming = self.candidate.promise.point is PromisePoint.CONFIRMED
        self.bitmaps = context.guardian.folder / f"ledger-{context.trial.id}"
        self.measured = Measured(confirming=self.confirming)
        self.cut = False
        self.t0 = 0
        self.monitor: Monitor | None = None

    def run(self) -> None:
        self.bitmaps.mkdir()
        write_messages(self.scenario, self.context.plan.seed, self.bitmaps)
        if self.scenario.topology.answered:
            for producer in range(self.scenario.topology.producers):
                os.mkfifo(reply_pipe(self.bitmaps, producer))
        self.context.observe("phase", {"phase": "connecting"})
        admin = self.context.driver.admin(self.context.address, self.settings)
        try:
            places = Places.declare(admin, self.scenario, f"bb.{self.context.run_id}.{self.context.trial.id}")
            try:
                with self._readings(places) as readings, self.context.fleet(self.folder.path, self._beat) as fleet:
                    self._conduct(fleet, admin, places, readings)
            except BaseException:
                # What went wrong first is the reason, not that a dead server cannot be tidied up after it.
                with suppress(BadTarget, ConnectionLost):
                    if self.context.server_ended() is None:  # what went with it would be waited for in vain
                        places.delete(admin)
                raise
            if ended := self.context.server_ended():
                raise TrialFailed(ended)
            places.delete(admin)
        finally:
            admin.close()
            shutil.rmtree(self.bitmaps, ignore_errors=True)

    def _conduct(self, fleet: Fleet, admin: Admin, places: Places, readings: Readings) -> None:
        measured = self.measured
        # Side by side: nothing is sent before all are ready, and what comes first are canaries, sent until they arrive.
        specs = self._specs(places)
        for role in ("consumer", "producer"):
            for spec in specs[role]:
                measured.children.append(fleet.start(spec))
        if not fleet.until(lambda: all(c.ready for c in fleet.children), _READY_S):
            late = ", ".join(c.spec.name for c in fleet.children if not c.ready)
            raise TrialFailed(f"{late}: not connected after {_READY_S:g} s; see the server's log")
        self._watch(fleet)
        self._canaries(fleet)
        backlog = self.scenario.load.fill is not None
        if backlog:
            self._consumers(fleet, "leave")
        self._load(fleet, readings)
        if backlog:
            self.measured.released_ns = self.clock.now_ns() - self.t0
            self._consumers(fleet, "come")
        self._drain(fleet)
        readings.stop()
        fleet.tell(fleet.of("consumer"), do="stop")
        self._all_done(fleet, "consumer")
        measured.fates = self._reckon(fleet)
        if ended := self.context.server_ended():
            raise TrialFailed(f"{ended}; the ledger goes as far as the load did")
        self.context.observe("phase", {"phase": "reading back"})
        measured.counters = self._counters(admin, places)
        measured.facts = self.context.hide({**admin.facts(places.messages[0]), **self.context.about})
        fleet.tell(fleet.of("producer"), do="close")
        fleet.until(lambda: all(c.closed for c in fleet.children), _DONE_S)
        if self.monitor:
            load = self.scenario.load
            measured.resources = self.monitor.lines
            measured.contamination = self.monitor.window(load.warmup_s, load.warmup_s + load.measure_s)

    # -- the steps ------------------------------------------------------------------------------------------------

    def _canaries(self, fleet: Fleet) -> None:
        """A message's round trip from every producer to every group: only that proves readiness."""
        producers = {str(c.spec.index) for c in fleet.of("producer")}

        def arrived() -> bool:
            seen: dict[str, set[str]] = {}
            for child in fleet.of("consumer"):
                seen.setdefault(str(child.spec.group), set()).update(child.canaries)
            return all(producers <= group for group in seen.values()) or self.context.stop_asked()

        deadline = self.clock.now_ns() + int(_CANARY_S * 1e9)
        while not arrived():
            if self.clock.now_ns() > deadline:
                raise TrialFailed(f"no test message came through within {_CANARY_S:g} s; see the server's log")
            fleet.tell(fleet.of("producer"), do="canary")
            fleet.until(arrived, _CANARY_AGAIN_S)
        if self.context.stop_asked():
            raise Interrupted

    def _consumers(self, fleet: Fleet, order: str) -> None:
        """All are told to leave the broker, or to come again. What is sent meanwhile waits for them there."""
        consumers = fleet.of("consumer")
        fleet.tell(consumers, do=order)
        if not fleet.until(lambda: all(c.away == (order == "leave") for c in consumers), _READY_S):
            late = ", ".join(c.spec.name for c in consumers if c.away != (order == "leave"))
            raise TrialFailed(f"{late}: told to {order}, and did not within {_READY_S:g} s; see the server's log")

    def _load(self, fleet: Fleet, readings: Readings) -> None:
        load = self.scenario.load
        self.t0 = self.measured.t0_ns = self.clock.now_ns() + _LEAD_NS
        fleet.tell(fleet.children, do="go", t0_ns=self.t0)
        if self.monitor:
            self.monitor.start(self.t0)
        readings.start(self.t0)
        resources = self.monitor.lines if self.monitor else []
        self.context.observe("load", {"t0_ns": self.t0, "children": fleet.children, "resources": resources})
        producers = fleet.of("producer")
        told = False

        def over() -> bool:
            nonlocal told
            asked = self.context.stop_asked()
            if (asked or self.context.server_ended()) and not told:
                told, self.cut = True, asked
                fleet.tell(producers, do="stop")
            return all(child.done for child in producers)

        longest = load.warmup_s + load.measure_s + load.drain_s + _DONE_S
        if not fleet.until(over, longest):
            late = ", ".join(c.spec.name for c in producers if not c.done)
            raise TrialFailed(f"{late}: did not end within {longest:g} s")

    def _drain(self, fleet: Fleet) -> None:
        """Until every group has what it is owed and no fate is open, or the deadline."""
        self.context.observe("phase", {"phase": "draining"})
        ended = max(child.done["totals"]["ended_s"] for child in fleet.of("producer") if child.done)
        deadline = self.clock.now_ns() + int(self.scenario.load.drain_s * 1e9)
        while True:
            closed = self._closed(fleet)
            if closed:
                self.context.closed()
                fleet.until(lambda: False, _AFTERGLOW_S)
            if closed or self.clock.now_ns() >= deadline or self.context.server_ended():
                break
            fleet.until(lambda: False, 0.1)
        self.measured.drain_closed = closed
        self.measured.drain_s = round((self.clock.now_ns() - self.t0) / 1e9 - ended, 3)

    def _closed(self, fleet: Fleet) -> bool:
        consumers = fleet.of("consumer")
        for child in consumers:
            child.synced = None
        fleet.tell(consumers, do="sync")
        if not fleet.until(lambda: all(c.synced for c in consumers), _DONE_S):
            raise TrialFailed("a consumer does not answer any more")
        promised = sum(self._promised(child) for child in fleet.of("producer"))
        unique: dict[str, int] = {}
        for child in consumers:
            unique[str(child.spec.group)] = unique.get(str(child.spec.group), 0) + (child.synced or {})["unique"]
        # The sums are looked at first: they are cheap, and joining the bitmaps is worth it only when they suffice.
        if any(count < promised for count in unique.values()):
            return False
        return all(fates.settled for fates in self._reckon(fleet).values())

    def _promised(self, child: Child) -> int:
        totals = (child.done or {})["totals"]
        return int(totals["confirmed"] if self.confirming else totals["sent"])

    def _reckon(self, fleet: Fleet) -> dict[str, GroupFates]:
        senders = []
        for child in fleet.of("producer"):
            done = child.done or {}
            first, end = done["totals"]["window"]
            senders.append(SentSide(child.spec.index, done["totals"]["sent"], (first, end), done["files"]))
        groups: dict[str, list[dict[str, str]]] = {}
        for child in fleet.of("consumer"):
            files = (child.done or child.synced or {})["files"]
            groups.setdefault(str(child.spec.group), []).append(files)
        return reckon(senders, groups)

    def _all_done(self, fleet: Fleet, role: str) -> None:
        children = fleet.of(role)
        if not fleet.until(lambda: all(c.done for c in children), _DONE_S):
            late = ", ".join(c.spec.name for c in children if not c.done)
            raise TrialFailed(f"{late}: did not close within {_DONE_S:g} s")

    def _counters(self, admin: Admin, places: Places) -> Counters:
        """Read until they say what we say, else until the deadline; the difference is judged later."""
        wanted = self.measured.expected_counters()
        deadline = self.clock.now_ns() + int(_COUNTERS_S * 1e9)
        while True:
            counters = places.counters(admin)
            if counters.published is None or self.clock.now_ns() > deadline:
                return counters
            settled = all(v is None or self._counted(wanted, g, v) for g, v in counters.delivered.items())
            buried = all(v in (None, wanted.dead_lettered.get(g)) for g, v in counters.dead_lettered.items())
            if counters.published == wanted.published and settled and buried:
                return counters
            self.clock.sleep_s(0.25)

    def _counted(self, wanted: Counters, group: str, found: int) -> bool:
        owed, churn = wanted.delivered.get(group), self.scenario.topology.churn
        if owed is None or found < owed:
            return False
        # What a client has read ahead when it goes was delivered too, in the eyes of the broker.
        return bool(churn and churn.of("consumer")) or found <= owed + self.measured.returned(group)

    # -- what the children are told -------------------------------------------------------------------------------

    def _specs(self, places: Places) -> dict[str, list[ChildSpec]]:
        context = self.context
        return cast(
            self.scenario,
            self.candidate,
            context.driver,
            context.reference,
            places.messages,
            places.replies,
            tag=context.trial.tag,
            seed=context.trial.seed,
            ledger=self.bitmaps,
        )

    def _watch(self, fleet: Fleet) -> None:
        if not self.clock.real:
            return  # no CPU works in virtual time

        def pids() -> dict[str, list[int]]:
            ours = {f"{role}s": [c.process.pid for c in fleet.of(role)] for role in ("producer", "consumer")}
            return {**self.context.server_pids(), **ours, "coordinator": [os.getpid()]}

        self.monitor = Monitor(pids, Path(self.context.guardian.folder))

    def _readings(self, places: Places) -> Readings:
        """None are made in virtual time, in which no thread of ours could wait."""
        driver = self.context.driver
        every_s = driver.told_every_s(self.settings) if self.clock.real and isinstance(driver, Telling) else None
        readings = Readings(lambda: driver.admin(self.context.address, self.settings), places.counters, every_s)
        self.measured.readings = readings.lines
        return readings

    def _beat(self) -> None:
        if self.monitor:
            self.monitor.beat()
        self.context.observe("beat", {})
