"""A driver says what it gives: at least what is asked, or why not and what it can."""

import itertools
import json
import re

import pytest

from brokerbench.contract import CannotPromise, Feature
from brokerbench.model import SURVIVES_ORDER, Delivery, Guarantee, Promise, PromisePoint, Survives
from tests.conformance.cases import Case
from tests.conformance.lab import scenario, strongest

ASKS = list(itertools.product(Guarantee, Survives))


def _promise(case: Case, delivery: Delivery) -> Promise:
    return case.driver.promise(case.settings, delivery, scenario(case, {"a": 1}, delivery))


@pytest.mark.parametrize(("guarantee", "survives"), ASKS, ids=[f"{g.value}+{s.value}" for g, s in ASKS])
def test_at_least_what_is_asked_or_a_reason(case: Case, guarantee: Guarantee, survives: Survives) -> None:
    delivery = Delivery(guarantee=guarantee, survives=survives)
    promise = _promise_or_reason(case, delivery)
    if isinstance(promise, str):
        assert _names_a_way_out(promise), f"says why, but not what to do: {promise}"
        return
    order = list(Guarantee)
    assert order.index(promise.guarantee) >= order.index(guarantee)
    assert SURVIVES_ORDER.index(promise.survives) >= SURVIVES_ORDER.index(survives)
    features = case.driver.features(case.driver.Settings.from_base(promise.settings))
    if promise.point is PromisePoint.CONFIRMED or promise.guarantee is Guarantee.AT_LEAST_ONCE:
        assert Feature.CONFIRMS in features
    if SURVIVES_ORDER.index(promise.survives) >= SURVIVES_ORDER.index(Survives.BROKER_KILL):
        assert Feature.DURABLE in features


def _promise_or_reason(case: Case, delivery: Delivery) -> Promise | str:
    try:
        return _promise(case, delivery)
    except CannotPromise as refused:
        return str(refused)


def _names_a_way_out(text: str) -> bool:
    """One line that names a key of the scenario, or a setting, with a value that would do."""
    return "\n" not in text and re.search(r"[a-z_]+: \S", text) is not None


def test_settings_of_a_promise_are_settings(case: Case) -> None:
    """They go through JSON into the run folder and to the children, and come back the same."""
    promise = _plainest(case)
    again = case.driver.Settings.from_base(json.loads(json.dumps(dict(promise.settings))))
    assert again.model_dump() == case.driver.Settings.from_base(promise.settings).model_dump()
    assert all(note and "\n" not in note for note in promise.notes)


def _plainest(case: Case) -> Promise:
    return _promise(case, Delivery(guarantee=strongest(case)))


def test_a_promise_is_a_pure_function(case: Case) -> None:
    assert _plainest(case) == _plainest(case)


def test_unknown_settings_are_refused(case: Case) -> None:
    with pytest.raises(ValueError, match="no_such_setting"):
        case.driver.Settings.model_validate({**case.flavour.settings, "no_such_setting": 1})


@pytest.mark.without(Feature.CONFIRMS)
def test_no_confirms_no_at_least_once(case: Case) -> None:
    with pytest.raises(CannotPromise):
        _promise(case, Delivery(guarantee=Guarantee.AT_LEAST_ONCE))


@pytest.mark.without(Feature.DURABLE)
def test_not_durable_does_not_survive_a_kill(case: Case) -> None:
    with pytest.raises(CannotPromise):
        _promise(case, Delivery(guarantee=Guarantee.AT_MOST_ONCE, survives=Survives.BROKER_KILL))


@pytest.mark.without(Feature.GROUPS)
def test_several_groups_are_refused(case: Case) -> None:
    _refused(case, {"a": 1, "b": 1})


@pytest.mark.without(Feature.COMPETING)
def test_several_consumers_of_a_group_are_refused(case: Case) -> None:
    _refused(case, {"a": 2})


def _refused(case: Case, groups: dict[str, int]) -> None:
    delivery = Delivery(guarantee=Guarantee.AT_MOST_ONCE)
    with pytest.raises(CannotPromise) as refused:
        case.driver.promise(case.settings, delivery, scenario(case, groups, delivery))
    assert _names_a_way_out(str(refused.value)), f"says why, but not what to do: {refused.value}"
