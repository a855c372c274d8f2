"""Figures and names as they are written."""

import math

import pytest

from brokerbench_reports.words import age, clean, count, figure, flag, labels, percent, plural, short


@pytest.mark.parametrize(
    ("number", "digits", "text"),
    [
        (0, 3, "0"),
        (0.012345, 3, "0.0123"),
        (0.99961, 3, "1.00"),
        (4.5678, 3, "4.57"),
        (99.96, 3, "100"),
        (1234.5, 3, "1,230"),
        (1998.3, 4, "1,998"),
        (999.96, 4, "1,000"),
        (1234567, 4, "1,235,000"),
        (-0.5, 2, "-0.50"),
    ],
)
def test_significant_digits(number: float, digits: int, text: str) -> None:
    assert figure(number, digits) == text


@pytest.mark.parametrize("number", [None, math.nan, math.inf])
def test_what_is_no_figure_is_said_in_words(number: float | None) -> None:
    assert figure(number) == "not measured"


def test_messages_are_never_rounded() -> None:
    assert count(1234567) == "1,234,567"
    assert count(None) == "not measured"


def test_what_cannot_be_seen_is_shown() -> None:
    assert clean("a\u202eb\u200bc\x07d\ufeff") == "a⟨U+202E⟩b⟨U+200B⟩c⟨U+0007⟩d⟨U+FEFF⟩"
    assert clean("Größe 5 µs\n→ 好") == "Größe 5 µs\n→ 好"


def test_yaml_values_in_words() -> None:
    assert flag({"a": True, "b": [1, 2.5], "c": None}) == "a: yes, b: 1, 2.5, c: not set"


def test_short_names_still_tell_apart() -> None:
    names = [f"rabbitmq-quorum-three-nodes-prefetch-{n}" for n in (1, 10, 100)]
    assert list(labels(names, 16).values()) == ["…1", "…10", "…100"]
    assert labels(["kafka", "nats"], 16) == {"kafka": "kafka", "nats": "nats"}
    assert short("a-very-long-name-indeed", 10) == "a-ver…deed"


def test_plural() -> None:
    assert (plural(1, "trial"), plural(1200, "trial")) == ("1 trial", "1,200 trials")


@pytest.mark.parametrize(
    ("released", "text"),
    [
        ("2026-11-22", "1 day old"),
        ("2026-09-30", "54 days old"),
        ("2026-01-01", "11 months old"),
        ("2022-09-21", "4.2 years old"),
        ("2027-01-01", ""),  # a clock that is wrong is not called young
        ("in spring", ""),
    ],
)
def test_age_of_a_release_at_the_start_of_a_run(released: str, text: str) -> None:
    assert age(released, "2026-11-23T17:00:00+00:00") == text


def test_measured_shares_keep_their_digits_and_chosen_ones_have_none() -> None:
    assert percent(0.05) == "5.0 %"
    assert percent(0.05, chosen=True) == "5 %"
    assert percent(0.9833, chosen=True) == "98.3 %"
    assert percent(None) == "not measured"
