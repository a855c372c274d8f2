"""How much the clients can do by themselves: the same processes, the same client, the same settings, against a server
that takes and discards (for producers) or gives canned messages away (for consumers).

A trial that comes near its ceiling measured the generator. Each side runs alone, as fast as it can, for a second; the
consumers' canned messages come again and again, and each is recorded as if it were new.
"""

import dataclasses
import re
import time
from collections.abc import Callable, Mapping
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from brokerbench import stamp
from brokerbench.contract import Destination, Driver, Endpoints
from brokerbench.model import Candidate, Plan, Scenario
from brokerbench.servers import Guardian, GuardianLost

from .bodies import Bodies, save_rows
from .cast import cast
from .ceiling_cache import FIGURES, CeilingCache
from .ceiling_watch import Watch
from .environment import packages_of
from .fleet import Child, Fleet, LocalFleet, TrialFailed
from .folder import now_iso
from .messages import ROWS, write_messages
from .planner import settings_of
from .spec import ChildSpec

__all__ = ["measure_ceilings"]

_WARMUP_S, _MEASURE_S, _DRAIN_S = 0.3, 1.0, 0.5
_COSTS_S = 5.0  # both sides of a candidate with their processes' starts, about
_LEAD_NS = 200_000_000
_TICKS_S = 0.15  # a child notes its CPU at its first tick after the window
_READY_S, _DONE_S = 20.0, 5.0
_TAG = 1
_STOPPED = "stopped by the user"
_CANNED_BYTES, _CANNED_MOST, _CANNED_LEAST = 2**20, 8192, 16
# Raised with each change of loops, recorder, clients or stand-ins: what was remembered before counts no more.
_FORMAT = 2
_FOLDERS = re.compile(r"(?:(?<=://)|(?<![\w./]))/(?:[^\s/'\"]+/)+")  # all of an absolute path but its last part
_MACHINE = ("cpu", "cores", "cores_usable", "kernel", "python", "governor", "cgroup")  # of run.json's environment

Observe = Callable[[str, dict[str, Any]], None]


class _NotMeasured(Exception):
    """Why, as it will be printed."""


def measure_ceilings(
    plan: Plan,
    drivers: Mapping[str, Driver],
    references: Mapping[str, str],
    guardian: Guardian,
    *,
    environment: Mapping[str, Any],
    observe: Observe,
    stop_asked: Callable[[], bool],
    cache_folder: Path,
) -> dict[str, dict[str, Any]]:
    """run.json's `ceilings`: a record for each candidate that takes part. To be called while no server runs.

    `environment` is run.json's. What was measured on this machine with these versions and this set-up, undisturbed, is
    not measured again; otherwise a candidate takes about 5 s. Where it fails, the record says why: only GuardianLost is
    raised.
    """
    cache = CeilingCache(cache_folder)
    bench = _Bench(plan, guardian, observe, stop_asked)
    records: dict[str, dict[str, Any]] = {}
    for candidate in plan.candidates:
        if candidate.excluded is None:
            driver = drivers[candidate.driver]
            key = _key(plan, candidate, driver, environment)
            records[candidate.name] = _ceiling(bench, candidate, driver, references[candidate.driver], cache, key)
    return records


def _ceiling(
    bench: "_Bench", candidate: Candidate, driver: Driver, reference: str, cache: CeilingCache, key: Mapping[str, Any]
) -> dict[str, Any]:
    if bench.plan.smoke:
        return _unmeasured("smoke run")
    if known := cache.get(key):
        return {**known, "cached": True}
    if bench.stop_asked():
        return _unmeasured(_STOPPED)
    try:
        record = bench.measure(candidate, driver, reference)
    except GuardianLost:
        raise
    except Exception as error:  # noqa: BLE001 - a ceiling is an aid to the reader: without it the run goes on
        said = (str(error).splitlines() or [type(error).__name__])[0]
        return _unmeasured(_FOLDERS.sub("", said))
    if not record.pop("disturbed"):
        cache.put(key, record)
    return {**record, "cached": False}


def _unmeasured(reason: str) -> dict[str, Any]:
    return {**dict.fromkeys(FIGURES), "measured": now_iso(), "cached": False, "reason": reason}


def _key(plan: Plan, candidate: Candidate, driver: Driver, environment: Mapping[str, Any]) -> dict[str, Any]:
    """All that a ceiling depends on."""
    scenario, promise = plan.scenario.of(candidate.name), candidate.promise
    assert promise is not None
    libraries = environment.get("libraries", {})
    return {
        "format": _FORMAT,
        "machine": {name: environment.get(name) for name in _MACHINE},
        "libraries": {name: libraries.get(name) for name in sorted(packages_of([driver]))},
        "driver": candidate.driver,
        "client": candidate.client,
        "settings": dict(promise.settings),
        "confirming": promise.point.value,
        "topology": scenario.topology.model_dump(mode="json"),
        "message": scenario.message.model_dump(mode="json", exclude={"found"} if scenario.message.body else None),
        "in_flight": scenario.delivery.in_flight,
    }


class _Bench:
    """Measures one candidate after the other."""

    def __init__(self, plan: Plan, guardian: Guardian, observe: Observe, stop_asked: Callable[[], bool]) -> None:
        self.plan, self.stop_asked = plan, stop_asked
        self._guardian, self._observe = guardian, observe
        self._folder = guardian.folder / "ceilings"
        self._canned: dict[str, _Canned] = {}  # by candidate: orders may be written in different ways

    def measure(self, candidate: Candidate, driver: Driver, reference: str) -> dict[str, Any]:
        """Both sides, one after the other. Raises _NotMeasured, and whatever a stand-in or a client does."""
        load = self.plan.scenario.load
        trials = sum(trial.candidate == candidate.name for trial in self.plan.trials)
        if trials * (load.warmup_s + load.measure_s) < _COSTS_S:
            raise _NotMeasured("the load is shorter than measuring its ceiling")
        if self.plan.scenario.of(candidate.name).message.headers:
            raise _NotMeasured("a stand-in's messages carry no headers: ceiling not measured")
        stand_in = driver.stand_in(candidate.client, settings_of(driver, candidate))
        if stand_in is None:
            raise _NotMeasured(f"no stand-in for {driver.title}: ceiling not measured")
        self._observe("say", {"text": f"{candidate.name}: its clients against a stand-in, about {_COSTS_S:g} s"})
        canned = self._canned[candidate.name] = _Canned(self.plan, candidate.name, self._folder)
        record: dict[str, Any] = {"measured": now_iso(), "reason": None, "disturbed": False}
        for role, counted in (("producer", "sent_by_time"), ("consumer", "delivered_by_time")):
            with closing(self._guardian.host("stand-in", self._folder)) as host:
                endpoints = stand_in.start(host, self._destination(candidate, role), canned.file, canned.size_bytes)
                specs = self._specs(candidate, driver, reference, endpoints, role)
                with LocalFleet(self._guardian, self._folder, self._beat) as fleet:
                    watch = _conduct(fleet, [fleet.start(spec) for spec in specs], partial(Watch, self._guardian, host))
            done = [child.done for child in fleet.children if child.done]
            moved = sum(each["totals"].get(counted, 0) for each in done)
            if not moved:
                raise _NotMeasured(f"the {role}s moved nothing against the stand-in for {driver.title}")
            record[f"{role}s_msgs_s"] = round(moved / _MEASURE_S, 1)
            shares = [each["usage"]["busy_share"] for each in done]
            record[f"{role}s_busy"] = None if None in shares else max(shares)
            record["reason"] = record["reason"] or watch.reason
            record["disturbed"] = record["disturbed"] or watch.disturbed
        return record

    def _destination(self, candidate: Candidate, role: str) -> Destination:
        """For consumers there are no producers, so that nothing waits for any."""
        topology = _of_one_topic(self.plan.scenario.of(candidate.name)).topology
        producers = topology.producers if role == "producer" else 0
        groups = {name: group.consumers for name, group in topology.groups.items()}
        return Destination("bb.ceiling", topology.partitions, producers, groups)

    def _specs(
        self, candidate: Candidate, driver: Driver, reference: str, endpoints: Endpoints, role: str
    ) -> list[ChildSpec]:
        alone = role == "consumer"
        asked, seed = _of_one_topic(self.plan.scenario.of(candidate.name)), self.plan.seed
        canned = self._canned[candidate.name]
        told = cast(asked, candidate, driver, reference, [endpoints], tag=_TAG, seed=seed, ledger=canned.folder)
        if alone and not asked.message.equal_bytes:
            told[role] = [dataclasses.replace(spec, **canned.alike()) for spec in told[role]]
        return [
            dataclasses.replace(
                spec,
                rate_msgs_s=None,
                profile=(),
                closed=None,
                replay=None,
                warmup_s=_WARMUP_S,
                measure_s=_MEASURE_S,
                drain_s=_DRAIN_S,
                canned=alone,
                ordered=False,
                work=None,
                churn_s=None,
            )
            for spec in told[role]
        ]

    def _beat(self) -> None:
        if self.stop_asked():
            raise _NotMeasured(_STOPPED)


def _of_one_topic(scenario: Scenario) -> Scenario:
    """All in one place: what a client can do alone does not hang on how many share the stand-in's."""
    return scenario.model_copy(update={"topology": scenario.topology.model_copy(update={"topics": 1})})


class _Canned:
    """What producers read in `folder`; and, in `file`, messages for consumers, as a producer of the run would send
    them, intended when the window begins. These are all as large as the mean."""

    def __init__(self, plan: Plan, name: str, folder: Path) -> None:
        scenario, seed = plan.scenario.of(name), plan.seed
        self.folder, self.file = folder / name, folder / name / "canned"
        self._alike = folder / name / "alike"
        self._alike.mkdir(parents=True, exist_ok=True)
        self.size_bytes = round(scenario.message.mean_bytes)
        write_messages(scenario, seed, self.folder)
        count = min(_CANNED_MOST, max(_CANNED_LEAST, _CANNED_BYTES // self.size_bytes))
        block = Bodies(seed, self.size_bytes, scenario.message.compressibility).block(0, 0, count)
        save_rows(self._alike, block.reshape(-1), np.arange(len(block) + 1, dtype=np.int64) * self.size_bytes)
        due = np.full(len(block), round(_WARMUP_S * 1e9), np.uint64)
        stamp.write(block, stamp.head(_TAG, 0), np.arange(len(block), dtype=np.uint64), due)
        self.file.write_bytes(block.tobytes())

    def alike(self) -> dict[str, Any]:
        """For who opens them as messages of unlike sizes are opened."""
        return {"bodies": ROWS, "ledger": str(self._alike), "size_bytes": self.size_bytes}


def _conduct(fleet: Fleet, children: list[Child], watch: Callable[[], Watch]) -> Watch:
    """Start them together, watch the window, wait for their results."""
    if not fleet.until(lambda: all(child.ready for child in children), _READY_S):
        raise TrialFailed(f"not connected to the stand-in after {_READY_S:g} s")
    t0_ns = time.monotonic_ns() + _LEAD_NS
    fleet.tell(children, do="go", t0_ns=t0_ns)
    _pass(fleet, t0_ns + round(_WARMUP_S * 1e9))
    watched = watch()
    _pass(fleet, t0_ns + round((_WARMUP_S + _MEASURE_S) * 1e9))
    watched.end()
    fleet.until(lambda: False, _TICKS_S)
    fleet.tell(fleet.of("consumer"), do="stop")
    if not fleet.until(lambda: all(child.done for child in children), _DONE_S):
        raise TrialFailed(f"no results {_DONE_S:g} s after the end")
    fleet.tell(children, do="close")
    fleet.until(lambda: all(child.closed for child in children), _DONE_S)
    return watched


def _pass(fleet: Fleet, until_ns: int) -> None:
    fleet.until(lambda: False, (until_ns - time.monotonic_ns()) / 1e9)
