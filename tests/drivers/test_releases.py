"""Release dates: well formed, in an order that can be, and in the facts."""

import datetime
import importlib

import pytest

from brokerbench.contract import Destination
from brokerbench_drivers._dated import dated
from brokerbench_drivers.zeromq import DRIVER as ZEROMQ

DRIVERS = ("activemq", "kafka", "nats", "rabbitmq", "zeromq")


def table(driver: str) -> dict[str, str]:
    return dict(importlib.import_module(f"brokerbench_drivers.{driver}.releases").RELEASED)


@pytest.mark.parametrize("driver", DRIVERS)
def test_later_versions_of_a_series_came_later(driver: str) -> None:
    series: dict[tuple[int, ...], list[tuple[int, datetime.date]]] = {}
    for version, day in table(driver).items():
        *head, patch = (int(part) for part in version.split("."))
        series.setdefault(tuple(head), []).append((patch, datetime.date.fromisoformat(day)))
    for name, releases in series.items():
        days = [day for _, day in sorted(releases)]
        assert days == sorted(days), name


@pytest.mark.parametrize("driver", DRIVERS)
def test_series_began_one_after_the_other(driver: str) -> None:
    first = {tuple(map(int, v.split(".")[:2])): day for v, day in table(driver).items() if v.endswith(".0")}
    days = [first[series] for series in sorted(first)]
    assert days == sorted(days)


def test_what_is_not_listed_has_no_date() -> None:
    assert dated("9.9.9", {"1.0.0": "2020-01-01"}) == {"version": "9.9.9"}


def test_support_ends_with_the_series() -> None:
    found = dated("3.10.8", {"3.10.8": "2022-09-21"}, {"3.1": "2014-04-30", "3.10": "2023-07-31"})
    assert found == {"version": "3.10.8", "released": "2022-09-21", "support_ends": "2023-07-31"}


def test_zeromq_says_its_age() -> None:
    admin = ZEROMQ.admin({}, ZEROMQ.Settings())
    facts = admin.facts(admin.declare(Destination("bb.r.t", 1, 1, {"a": 1})))
    assert facts.get("released") == table("zeromq").get(facts["version"])
