"""Ceilings: measured once for each set-up, remembered, and never a reason for a run to fail."""

from collections import namedtuple
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import psutil
import pytest

from brokerbench.contract import Destination, Driver, Endpoints, StandIn
from brokerbench.engine import ceiling, ceiling_watch
from brokerbench.engine.ceiling import measure_ceilings
from brokerbench.engine.ceiling_cache import FIGURES, CeilingCache
from brokerbench.engine.planner import make_plan
from brokerbench.model import (
    Broker,
    Delivery,
    Guarantee,
    Load,
    LoadModel,
    Message,
    Repeats,
    Scenario,
    Stage,
)
from brokerbench.servers import Guardian, NotAvailable, ServerHost
from brokerbench_drivers.null import DRIVER, NullDriver

ENVIRONMENT = {"cpu": "one of a kind", "cores": 2, "kernel": "Linux", "python": "3", "libraries": {"numpy": "2"}}


class Bench:
    """Measures the null driver's ceiling, or says why it was not measured."""

    def __init__(self, guardian: Guardian, cache: Path) -> None:
        self.guardian, self.cache = guardian, cache
        self.said: list[str] = []

    def __call__(
        self,
        driver: Driver = DRIVER,
        *,
        in_flight: int = 1000,
        steady: str = "10s",
        smoke: bool = False,
        stop: bool = False,
        stop_once_begun: bool = False,
        environment: dict[str, Any] | None = None,
    ) -> dict[str, Any]:
        asked = Scenario(
            scenario="try-out",
            brokers={"ring": Broker(driver="null")},
            message=Message.model_validate({"size": "256B"}),
            delivery=Delivery(guarantee=Guarantee.AT_MOST_ONCE, in_flight=in_flight),
            load=Load.model_validate(
                {"model": LoadModel.SATURATE, "warmup": "1s", "stages": (Stage.model_validate({"steady": steady}),)}
            ),
            repeats=Repeats(blocks=1),
        )
        drivers = {"null": driver}
        self.said.clear()
        records = measure_ceilings(
            make_plan(asked, drivers, 1, smoke=smoke),
            drivers,
            {"null": "brokerbench_drivers.null:DRIVER"},
            self.guardian,
            environment=environment or ENVIRONMENT,
            observe=lambda kind, about: self.said.append(about["text"]),
            stop_asked=lambda: stop or (stop_once_begun and bool(self.said)),
            cache_folder=self.cache,
        )
        assert set(records) == {"ring"}
        assert set(records["ring"]) == {*FIGURES, "measured", "cached", "reason"}
        return records["ring"]

    @property
    def files(self) -> list[Path]:
        return sorted((self.cache / "ceilings").glob("*.json"))


@pytest.fixture
def guardian() -> Iterator[Guardian]:
    with Guardian() as found:
        yield found


@pytest.fixture
def bench(tmp_path: Path, guardian: Guardian, monkeypatch: pytest.MonkeyPatch) -> Bench:
    monkeypatch.setattr(ceiling, "_MEASURE_S", 0.3)
    monkeypatch.setattr(ceiling_watch, "_OTHERS", 1.0)  # whatever else runs beside the tests
    return Bench(guardian, tmp_path)


def unmeasured(record: dict[str, Any]) -> str:
    """The reason, which stands there because no figure does."""
    assert [record[name] for name in FIGURES] == [None] * len(FIGURES)
    assert not record["cached"]
    reason: str = record["reason"]
    return reason


def test_both_sides_are_measured_and_remembered(bench: Bench) -> None:
    first = bench()
    assert first["reason"] is None
    assert not first["cached"]
    assert all(first[name] > 0 for name in FIGURES)
    assert bench.said
    assert not bench.guardian.pids()

    again = bench()
    assert again == {**first, "cached": True}
    assert not bench.said


@pytest.mark.parametrize(
    "change", [{"in_flight": 10}, {"environment": {**ENVIRONMENT, "libraries": {"numpy": "3"}}}], ids=str
)
def test_another_set_up_has_its_own(bench: Bench, change: dict[str, Any]) -> None:
    bench()
    assert not bench(**change)["cached"]
    assert len(bench.files) == 2


def test_a_busy_stand_in_makes_it_a_lower_bound(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ceiling_watch, "_BUSY", -1.0)
    record = bench()
    assert record["reason"] == "at least: the stand-in itself was busy"
    assert record["producers_msgs_s"] > 0
    assert bench() == {**record, "cached": True}


def test_another_format_measures_again(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    bench()
    monkeypatch.setattr(ceiling, "_FORMAT", ceiling._FORMAT + 1)
    assert not bench()["cached"]


HOSTS = {
    "other processes": {"user": 5.0, "system": 4.0, "idle": 1.0, "steal": 0.0},
    "the hypervisor": {"user": 1.0, "system": 0.0, "idle": 4.0, "steal": 5.0},
    None: {"user": 0.0, "system": 0.0, "idle": 1.0, "irq": 5.0, "softirq": 4.0, "steal": 0.0},
}


@pytest.mark.parametrize("who", HOSTS)
def test_who_took_the_cpus_is_named(who: str | None, guardian: Guardian, monkeypatch: pytest.MonkeyPatch) -> None:
    """Interrupts are mostly our own messages: nobody is blamed for them."""
    kind = namedtuple("kind", HOSTS[who])  # type: ignore[misc]
    monkeypatch.setattr(psutil, "cpu_times", lambda: kind(*[0.0] * len(HOSTS[who])))
    # What we spent: a tick of it would be many CPUs of so short a time.
    monkeypatch.setattr(ceiling_watch.Watch, "_spent", lambda _: {})
    with closing(guardian.host("stand-in", guardian.folder)) as host:
        watch = ceiling_watch.Watch(guardian, host)
        monkeypatch.setattr(psutil, "cpu_times", lambda: kind(**HOSTS[who]))
        watch.end()
    assert watch.disturbed == (who is not None)
    assert (watch.reason or "").startswith(f"at least: {who} " if who else "")
    assert (watch.reason is None) == (who is None)


def test_a_disturbed_measurement_is_not_remembered(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ceiling_watch, "_OTHERS", -1.0)
    monkeypatch.setattr(ceiling_watch.Watch, "_robbed", False)
    record = bench()
    assert record["reason"].startswith("at least: other processes used ")
    assert record["producers_msgs_s"] > 0
    assert not bench.files


class Without(NullDriver):
    def stand_in(self, client: str, settings: Any) -> StandIn | None:
        return None


class Broken(NullDriver):
    def stand_in(self, client: str, settings: Any) -> StandIn | None:
        return self

    def start(self, host: ServerHost, destination: Destination, canned: Path, size_bytes: int) -> Endpoints:
        raise NotAvailable("no port was free\n  | the last line of its log")


class Lost(Broken):
    """Does not find its files."""

    def start(self, host: ServerHost, destination: Destination, canned: Path, size_bytes: int) -> Endpoints:
        (host.folder / "nothing").read_bytes()
        raise AssertionError


class Late(Broken):
    """Stopped before its turn, so that nobody asks for it."""

    def stand_in(self, client: str, settings: Any) -> StandIn | None:
        raise AssertionError


class Silent(Broken):
    """Sends its clients to where nothing is."""

    def start(self, host: ServerHost, destination: Destination, canned: Path, size_bytes: int) -> Endpoints:
        return Endpoints({}, destination.name, {}, extra={"ring": str(host.folder / "nothing")})


def test_what_cannot_be_measured_says_why(bench: Bench) -> None:
    assert unmeasured(bench(smoke=True)) == "smoke run"
    assert unmeasured(bench(steady="1s")) == "the load is shorter than measuring its ceiling"
    assert unmeasured(bench(Without())) == "no stand-in for null (shared memory): ceiling not measured"
    assert unmeasured(bench(Broken())) == "no port was free"
    assert "producer-0" in unmeasured(bench(Silent()))
    assert unmeasured(bench(Lost())) == "[Errno 2] No such file or directory: 'nothing'"
    assert unmeasured(bench(Late(), stop=True)) == "stopped by the user"
    assert unmeasured(bench(stop_once_begun=True)) == "stopped by the user"
    assert not bench.files
    assert not bench.guardian.pids()


RECORD = {**dict.fromkeys(FIGURES, 12.5), "measured": "2026-11-23T12:00:00+00:00", "reason": None}
KEY = {"settings": {"password": "not for the disk"}}


def test_a_spoilt_memory_is_forgotten_and_written_again(tmp_path: Path) -> None:
    cache = CeilingCache(tmp_path)
    cache.put(KEY, RECORD)
    assert cache.get(KEY) == RECORD
    assert cache.get({**KEY, "in_flight": 1}) is None
    [file] = tmp_path.rglob("*.json")
    whole = file.read_text()
    assert "not for the disk" not in whole
    for spoilt in (whole[: len(whole) // 2], whole.replace("12.5", "0", 1), whole.replace("12.5", "null", 1), "[]"):
        file.write_text(spoilt)
        assert cache.get(KEY) is None
    cache.put(KEY, RECORD)
    assert cache.get(KEY) == RECORD


def test_a_home_that_cannot_be_written_to_remembers_nothing(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("not a folder")
    cache = CeilingCache(tmp_path / "file")
    cache.put(KEY, RECORD)
    assert cache.get(KEY) is None
