"""Stages: what each is, how long it lasts, how many messages it has."""

import pytest

from brokerbench.model import Load, Stage


def load(*stages: dict[str, str], **more: object) -> Load:
    return Load.model_validate({"model": "open", "warmup": "2s", "stages": list(stages), **more})


@pytest.mark.parametrize(
    ("stage", "messages"),
    [
        ({"steady": "10s", "rate": "1k/s"}, 10_000),
        ({"ramp": "10s", "from": "1k/s", "to": "3k/s"}, 20_000),
        ({"spike": "30s", "from": "1k/s", "to": "10k/s"}, 120_000),
        ({"day": "24s", "from": "1k/s", "to": "3k/s"}, 48_000),
    ],
    ids=lambda value: next(iter(value)) if isinstance(value, dict) else "",
)
def test_a_stage_has_its_length_and_its_messages(stage: dict[str, str], messages: int) -> None:
    made = Stage.model_validate(stage)
    segments = list(made.segments())
    assert sum(seconds for seconds, _, _ in segments) == pytest.approx(made.length_s)
    assert sum(seconds * (first + last) / 2 for seconds, first, last in segments) == pytest.approx(messages)


def test_a_day_is_lowest_at_its_ends_and_highest_at_noon() -> None:
    hours = list(Stage.model_validate({"day": "24s", "from": "100/s", "to": "500/s"}).segments())
    rates = [first for _, first, _ in hours] + [hours[-1][2]]
    assert rates[0] == pytest.approx(100) == rates[-1]
    assert max(rates) == rates[12] == pytest.approx(500)
    assert rates[6] == pytest.approx(300)


def test_the_warm_up_runs_at_the_rate_with_which_the_load_begins() -> None:
    made = load({"ramp": "4s", "from": "1k/s", "to": "3k/s"}, {"steady": "6s", "rate": "3k/s"})
    assert made.segments == ((2.0, 1000.0, 1000.0), (4.0, 1000.0, 3000.0), (6.0, 3000.0, 3000.0))
    assert made.varies
    assert made.measure_s == 10
    assert made.rate_msgs_s == pytest.approx((4 * 2000 + 6 * 3000) / 10)


def test_equal_stages_are_one_rate() -> None:
    made = load({"steady": "4s", "rate": "1k/s"}, {"steady": "6s", "rate": "1k/s"})
    assert not made.varies
    assert made.rate_msgs_s == 1000


def test_a_dump_holds_what_was_said_and_can_be_read_again() -> None:
    made = load({"ramp": "4s", "from": "1k/s", "to": "3k/s"}, {"steady": "6s", "rate": "3k/s"})
    dumped = made.model_dump(mode="json")
    assert dumped["stages"] == [
        {"ramp_s": 4.0, "from_msgs_s": 1000.0, "to_msgs_s": 3000.0},
        {"steady_s": 6.0, "rate_msgs_s": 3000.0},
    ]
    assert Load.from_base(dumped) == made
