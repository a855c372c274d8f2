"""What the Redis driver decides without a server; with one, the conformance suite asks."""

import pytest

from brokerbench.contract import CannotPromise, Feature
from brokerbench.model import Delivery, Guarantee, Promise, Scenario, ServerKind, ServerSpec, Survives
from brokerbench.servers import NotAvailable, tailored
from brokerbench_drivers.redis import DRIVER
from brokerbench_drivers.redis.releases import REDIS_RELEASED, VALKEY_RELEASED


def _promise(
    survives: Survives, guarantee: Guarantee = Guarantee.AT_LEAST_ONCE, groups: int = 1, **settings: object
) -> Promise:
    scenario = Scenario.model_validate(
        {
            "scenario": "s",
            "brokers": {"it": {"driver": "redis"}},
            "topology": {"groups": {f"g{number}": {} for number in range(groups)}},
            "message": {"size": "100B"},
            "load": {"model": "saturate", "stages": [{"steady": "1s"}]},
        }
    )
    return DRIVER.promise(
        DRIVER.Settings.model_validate(settings), Delivery(guarantee=guarantee, survives=survives), scenario
    )


@pytest.mark.parametrize(
    ("asked", "appendfsync", "gives"),
    [
        (Survives.NOTHING, "none", Survives.CLIENT_CRASH),
        (Survives.CLIENT_CRASH, "none", Survives.CLIENT_CRASH),
        (Survives.BROKER_KILL, "always", Survives.POWER_LOSS),
        (Survives.POWER_LOSS, "always", Survives.POWER_LOSS),
    ],
)
def test_the_file_is_flushed_as_the_promise_needs(asked: Survives, appendfsync: str, gives: Survives) -> None:
    promise = _promise(asked)
    assert promise.settings["appendfsync"] == appendfsync
    assert promise.survives is gives
    assert promise.guarantee is Guarantee.AT_LEAST_ONCE


@pytest.mark.parametrize(
    ("asked", "settings", "instead"),
    [
        (Survives.BROKER_KILL, {"appendfsync": "everysec"}, "up to 2 s before it writes.*use appendfsync: always"),
        (Survives.BROKER_KILL, {"appendfsync": "none"}, "use appendfsync: always"),
        (Survives.NODE_LOSS, {}, "use survives: power-loss"),
        (Survives.NOTHING, {"noack": True}, "leave noack out"),
        (Survives.NOTHING, {"maxlen": 1000}, "trims messages that nobody has read"),
        (Survives.NOTHING, {"structure": "list", "maxlen": 1000}, "use structure: stream"),
    ],
)
def test_what_is_set_is_kept_and_refused_if_too_weak(
    asked: Survives, settings: dict[str, object], instead: str
) -> None:
    with pytest.raises(CannotPromise, match=instead):
        _promise(asked, **settings)


def test_a_list_has_one_group() -> None:
    with pytest.raises(CannotPromise, match="asked are 2 groups: use structure: stream"):
        _promise(Survives.NOTHING, groups=2, structure="list")
    assert _promise(Survives.NOTHING, groups=2).settings["structure"] == "stream"


def test_nothing_is_acknowledged_where_once_at_most_is_enough() -> None:
    promise = _promise(Survives.NOTHING, Guarantee.AT_MOST_ONCE)
    assert promise.settings["noack"]
    assert promise.guarantee is Guarantee.AT_MOST_ONCE
    assert Feature.SETTLE not in DRIVER.features(DRIVER.Settings.from_base(promise.settings))


def test_a_trimmed_stream_promises_nothing() -> None:
    promise = _promise(Survives.NOTHING, Guarantee.AT_MOST_ONCE, maxlen=1000)
    assert (promise.guarantee, promise.survives) == (Guarantee.AT_MOST_ONCE, Survives.NOTHING)
    assert any("they are lost" in note for note in promise.notes)


def test_urls() -> None:
    assert DRIVER.address("redis://h") == {"host": "h", "port": 6379}
    whole = {"host": "h", "port": 1, "db": 2, "user": "u", "password": "p@"}
    assert DRIVER.address("redis://u:p%40@h:1/2") == whole
    assert DRIVER.address("redis://:secret@h")["user"] == "default"
    assert DRIVER.address("rediss://h")["tls"] == {"ca": None, "cert": None, "key": None}
    for address in (whole, {"host": "h", "port": 1, "tls": {"ca": None, "cert": None, "key": None}}):
        assert DRIVER.address(DRIVER.url(address)) == address


@pytest.mark.parametrize("url", ["amqp://:secret@h", "redis://:secret@h/name", "redis://:secret@h?ca=x"])
def test_a_wrong_url_is_refused_without_its_password(url: str) -> None:
    with pytest.raises(ValueError, match="redis://") as refused:
        DRIVER.address(url)
    assert "secret" not in str(refused.value)


@pytest.mark.parametrize(
    ("settings", "spec", "instead"),
    [
        ({"product": "redis"}, ServerSpec(), "use server: native"),
        ({"tls": True}, ServerSpec(), "without TLS: use server: native"),
        ({}, ServerSpec(nodes=3), "leave nodes out"),
        pytest.param({}, ServerSpec(version="0.1"), "leave version out", marks=pytest.mark.broker("redis")),
    ],
)
def test_what_pip_brings_is_one_valkey_without_tls(settings: dict[str, object], spec: ServerSpec, instead: str) -> None:
    with pytest.raises(NotAvailable, match=instead):
        tailored(DRIVER.servers[ServerKind.EMBEDDED], DRIVER.Settings.model_validate(settings), spec)


def test_candidates_that_flush_differently_do_not_share_a_server() -> None:
    server = DRIVER.servers[ServerKind.NATIVE]
    keys = {server.key(DRIVER.Settings(appendfsync=flush)) for flush in ("none", "everysec", "always")}
    assert len(keys) == 3
    assert server.key(DRIVER.Settings()) in keys


@pytest.mark.parametrize("table", [REDIS_RELEASED, VALKEY_RELEASED], ids=["redis", "valkey"])
def test_later_series_came_later(table: dict[str, str]) -> None:
    first = sorted((tuple(map(int, version.split("."))), day) for version, day in table.items() if version[-2:] == ".0")
    assert [day for _, day in first] == sorted(day for _, day in first)
