"""What a good file means, word by word."""

import pytest

from brokerbench.model import (
    Group,
    Guarantee,
    LoadModel,
    Margins,
    Need,
    Repeats,
    Role,
    ServerKind,
    ServerSpec,
    Slo,
    Survives,
)
from brokerbench_scenarios import ScenarioError, redacted, shorten
from tests.scenarios.good import DRIVERS, GOOD, reading


def test_values_arrive_in_base_units() -> None:
    scenario = reading()
    assert scenario.scenario == "orders"
    assert scenario.needs == (Need(word="replay"),)
    assert scenario.message.equal_bytes == 1024
    assert scenario.message.keys is not None
    assert scenario.message.keys.cardinality == 10_000
    assert scenario.topology.groups == {"billing": Group(consumers=8, prefetch=10_000), "audit": Group()}
    assert scenario.load.model is LoadModel.OPEN
    assert (scenario.load.warmup_s, scenario.load.measure_s, scenario.load.rate_msgs_s) == (0.5, 120.0, 5000.0)
    assert scenario.delivery.guarantee is Guarantee.AT_LEAST_ONCE
    assert scenario.delivery.survives is Survives.BROKER_KILL


def test_brokers_keep_the_files_order_and_their_roles() -> None:
    brokers = reading().brokers
    assert list(brokers) == ["one", "two", "floor"]
    assert brokers["one"].server == ServerSpec(kind=ServerKind.AUTO)
    assert brokers["floor"].role is Role.FLOOR


def test_settings_are_those_given_and_no_others_in_base_units() -> None:
    broker = reading().brokers["two"]
    assert broker.settings == {"linger_s": 0.005, "mode": "2", "password": "s3cr3t-pw"}
    settings = DRIVERS["slow"].from_base(broker.settings)
    assert settings.model_dump(exclude_unset=True) == broker.settings


@pytest.mark.parametrize(("written", "kept"), [("1", 1), ("all", "all"), ("'all'", "all"), ("0", 0)])
def test_a_setting_of_words_and_numbers_keeps_its_kind(written: str, kept: object) -> None:
    assert reading(overrides=[f"brokers.two.acks={written}"]).brokers["two"].settings["acks"] == kept


def test_a_setting_may_be_a_table_and_none_is_said_by_name() -> None:
    settings = (
        reading(overrides=["brokers.two.limits={billing: 2k}", "brokers.two.durable=none"]).brokers["two"].settings
    )
    assert settings["limits"] == {"billing": 2000}
    assert settings["durable"] is None


def test_text_may_look_like_a_number() -> None:
    assert reading(overrides=["question=2024", "scenario=5"]).question == "2024"


def test_conditions_have_a_comparison_a_value_and_their_text() -> None:
    assert reading().slo == (
        Slo(metric="end_to_end.p99", op="<", value=50.0, text="< 50ms"),
        Slo(metric="lost", op="=", value=0.0, text="0"),
        Slo(metric="delivered_msgs_s", op=">=", value=4500.0, text=">= 4.5k/s"),
    )


@pytest.mark.parametrize(
    ("text", "op", "value"),
    [("<= 1s", "<=", 1000.0), ("<250us", "<", 0.25), (" >  2m ", ">", 120_000.0), ("= 0.1ms", "=", 0.1)],
)
def test_latency_conditions_are_in_milliseconds(text: str, op: str, value: float) -> None:
    slo = reading(overrides=[f"slo={{confirm.p50: '{text}'}}"]).slo
    assert [(each.op, each.value) for each in slo] == [(op, value)]


@pytest.mark.parametrize(
    ("load", "primary"),
    [
        ("{model: open, stages: [{steady: 1s, rate: 1/s}]}", "end_to_end.p99"),
        ("{model: saturate, stages: [{steady: 1s}]}", "delivered_msgs_s"),
    ],
)
def test_the_primary_figure_follows_the_load(load: str, primary: str) -> None:
    assert reading(overrides=[f"load={load}"]).primary == primary
    assert reading(overrides=[f"load={load}", "primary=lost"]).primary == "lost"


def test_keys_none_and_arrivals_constant_are_built() -> None:
    scenario = reading(overrides=["message.keys=none", "load.arrivals=constant", "topology.topics=1"])
    assert scenario.message.keys is None


def test_arrivals_may_be_poisson() -> None:
    assert reading(overrides=["load.arrivals=poisson"]).load.arrivals == "poisson"


def test_margins_are_shares_and_may_be_left_out() -> None:
    margins = reading(overrides=["margins={throughput: 5%, latency: 12.5%}"]).margins
    assert margins.model_dump() == {"throughput": 0.05, "latency": 0.125}
    assert reading(overrides=["margins.latency=20%"]).margins == Margins(latency="20%")  # the other one is the usual
    assert reading().margins.model_dump() == {"throughput": None, "latency": None}


def test_a_second_look_is_planned_by_name_and_left_out_of_a_short_run() -> None:
    asked = reading(overrides=["repeats={blocks: 5, look_again: 10}"])
    assert (asked.repeats.blocks, asked.repeats.look_again) == (5, 10)
    assert asked.repeats.text == "looks after 5 blocks, goes on to 10 if undecided"
    assert (reading().repeats.look_again, reading().repeats.text) == (None, "5 blocks")
    assert shorten(asked).repeats == Repeats(blocks=1)


def test_several_problems_are_told_at_once_in_the_files_order() -> None:
    text = GOOD.replace("1KiB", "1024").replace("replay", "replai").replace("5k/s}", "5k}")
    with pytest.raises(ScenarioError) as caught:
        reading(text)
    assert [problem.place.line for problem in caught.value.problems] == [3, 9, 14]


def test_a_problem_shows_its_line_with_a_caret() -> None:
    with pytest.raises(ScenarioError) as caught:
        reading(GOOD.replace("linger: 5ms", "lingr: 5ms"))
    assert caught.value.problems[0].render().splitlines()[:3] == [
        "good.yaml:6:23: 'lingr' is not a key of brokers.two",
        "     6 | " + GOOD.splitlines()[5].replace("linger", "lingr"),
        "       | " + " " * 22 + "^^^^^",
    ]
    assert "did you mean 'linger'?" in str(caught.value)


def test_a_long_line_is_cut_around_the_place() -> None:
    long = "scenario: x\nbrokers: {" + ", ".join(f"b{i}: {{driver: fast}}" for i in range(60)) + ", z: {driver: fest}}"
    with pytest.raises(ScenarioError) as caught:
        reading(long + "\nmessage: {size: 1KiB}\nload: {model: saturate, stages: [{steady: 1s}]}\n")
    _, line, caret, _ = caught.value.problems[0].render().splitlines()
    assert len(line) < 200
    assert line[caret.index("^") :].startswith("fest")


def test_a_file_of_more_than_a_mebibyte_is_refused() -> None:
    with pytest.raises(ScenarioError, match="allowed: up to 1,048,576"):
        reading(GOOD + "# " + "x" * 2**20)


def test_a_byte_order_mark_is_no_error() -> None:
    from brokerbench_scenarios import decode

    assert reading(decode(b"\xef\xbb\xbf" + GOOD.encode(), name="good.yaml")).scenario == "orders"


def test_needs_are_words_and_words_with_a_value() -> None:
    written = "needs=[order, dead-letter, protocol: amqp-1.0, {language: java, message-size: 2MiB}, licence: MPL-2.0]"
    scenario = reading(overrides=[written])
    told = ["order", "dead-letter", "protocol: amqp-1.0", "language: java", "message-size: 2MiB", "licence: MPL-2.0"]
    assert [need.text for need in scenario.needs] == told
    assert redacted(scenario)["needs"] == told
    assert type(scenario).from_base(redacted(scenario)).needs == scenario.needs


def test_what_was_meant_is_said_with_all_words() -> None:
    with pytest.raises(ScenarioError) as caught:
        reading(overrides=["needs=[prioritys]"])
    [problem] = caught.value.problems
    assert problem.hint.startswith("did you mean 'priorities'? known here: dead-letter, order, priorities, replay, ")
    assert problem.hint.endswith("; with a value: language, licence, message-size, protocol")
