"""What the settings of ActiveMQ promise, and which servers there are for them."""

from typing import Any

import pytest

from brokerbench.contract import CannotPromise, Feature
from brokerbench.model import Delivery, Guarantee, Promise, ServerKind, ServerSpec, Survives
from brokerbench.servers import NotAvailable, tailored
from brokerbench_drivers.activemq import DRIVER
from tests.conformance.cases import Case, Flavour
from tests.conformance.lab import scenario


def promised(survives: Survives, guarantee: Guarantee = Guarantee.AT_LEAST_ONCE, **chosen: object) -> Promise:
    delivery = Delivery(guarantee=guarantee, survives=survives)
    case = Case("activemq", "stomp.py", Flavour("it", chosen))
    return DRIVER.promise(case.settings, delivery, scenario(case, {"a": 1}, delivery))


@pytest.mark.parametrize("product", ["artemis", "classic"])
def test_what_must_outlive_the_broker_is_persistent_and_flushed(product: str) -> None:
    for survives in (Survives.BROKER_KILL, Survives.POWER_LOSS):
        found = promised(survives, product=product)
        assert found.survives is Survives.POWER_LOSS
        assert (found.settings["persistent"], found.settings["journal_sync"]) == (True, "always")


@pytest.mark.parametrize("product", ["artemis", "classic"])
def test_what_need_not_is_neither(product: str) -> None:
    found = promised(Survives.NOTHING, product=product)
    assert found.survives is Survives.CLIENT_CRASH
    assert (found.settings["persistent"], found.settings["journal_sync"]) == (False, None)


def test_an_unflushed_journal_promises_what_it_keeps() -> None:
    assert promised(Survives.BROKER_KILL, journal_sync="never").survives is Survives.BROKER_KILL
    with pytest.raises(CannotPromise, match="survives: broker-kill"):
        promised(Survives.POWER_LOSS, journal_sync="never")
    with pytest.raises(CannotPromise, match="survives: client-crash"):
        promised(Survives.BROKER_KILL, product="classic", journal_sync="never")
    settings = DRIVER.Settings(product="classic", journal_sync="never")
    assert Feature.DURABLE not in DRIVER.features(settings)


def test_persistent_but_unasked_of_the_journal_is_not_promised() -> None:
    assert promised(Survives.NOTHING, persistent=True).survives is Survives.CLIENT_CRASH


def test_at_most_once_confirms_and_acknowledges_nothing() -> None:
    found = promised(Survives.NOTHING, Guarantee.AT_MOST_ONCE)
    assert (found.settings["confirms"], found.settings["ack"]) == (False, "auto")


def recipe(product: str, **spec: Any) -> Any:
    settings = DRIVER.Settings.model_validate({"product": product})
    return tailored(DRIVER.servers[ServerKind.EMBEDDED], settings, ServerSpec(kind=ServerKind.EMBEDDED, **spec))


@pytest.mark.parametrize(("product", "version"), [("artemis", "2.44.0"), ("artemis", "2"), ("classic", "6.3")])
def test_the_pinned_version_may_be_named(product: str, version: str) -> None:
    assert product in recipe(product, version=version).available().what.lower()


@pytest.mark.parametrize(
    ("product", "spec", "says"),
    [
        ("artemis", {"version": "2.4"}, r"there is ActiveMQ Artemis 2\.44\.0: .*ARTEMIS_HOME"),
        ("classic", {"version": "5.18"}, r"there is ActiveMQ Classic 6\.3\.1: .*ACTIVEMQ_HOME"),
        ("classic", {"nodes": 3}, "one server"),
    ],
)
def test_another_server_is_refused_by_name(product: str, spec: dict[str, Any], says: str) -> None:
    with pytest.raises(NotAvailable, match=says):
        recipe(product, **spec)


def test_an_empty_home_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Any) -> None:
    monkeypatch.setenv("ARTEMIS_HOME", str(tmp_path))
    monkeypatch.delenv("ACTIVEMQ_HOME", raising=False)
    found = DRIVER.servers[ServerKind.NATIVE].available()
    assert not found.ready
    assert "ARTEMIS_HOME" in found.what
