"""How a gate is written."""

import pytest

from brokerbench_scenarios import read_gate


@pytest.mark.parametrize(
    ("text", "metric", "op", "value", "relative"),
    [
        ("end_to_end.p99 > +10%", "end_to_end.p99", ">", 0.10, True),
        ("delivered_msgs_s<-5%", "delivered_msgs_s", "<", -0.05, True),
        ("confirm.p50 >= +2.5 %", "confirm.p50", ">=", 0.025, True),
        ("lost > 0", "lost", ">", 0, False),
        ("end_to_end.p99 > 20ms", "end_to_end.p99", ">", 20, False),
        ("delivered_msgs_s < 5k/s", "delivered_msgs_s", "<", 5000, False),
    ],
)
def test_a_gate(text: str, metric: str, op: str, value: float, relative: bool) -> None:
    found = read_gate(text)
    assert (found.metric, found.op, found.relative) == (metric, op, relative)
    assert found.value == pytest.approx(value)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("end_to_end.p99", "takes a figure, a comparison"),
        ("end_to_end.p98 > +10%", "but 'end_to_end.p9"),
        ("end_to_end.p99 > 10%", "a change has a sign"),
        ("end_to_end.p99 = +10%", "takes a figure, a comparison"),
        ("delivered_msgs_s < -100%", "more than -100 %"),
        ("end_to_end.p99 > soon", "soon"),
    ],
)
def test_what_is_no_gate_says_why(text: str, says: str) -> None:
    with pytest.raises(ValueError, match=r".") as error:
        read_gate(text)
    assert says in str(error.value)
    assert "\n" not in str(error.value)
