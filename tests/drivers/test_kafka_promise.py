"""What the Kafka driver decides without a server: which settings keep what is asked, and what cannot be kept."""

import importlib.util

import pytest
from pydantic import ValidationError

from brokerbench.contract import CannotPromise, Feature
from brokerbench.model import Delivery, Guarantee, Promise, PromisePoint, Scenario, Survives
from brokerbench_drivers.kafka import DRIVER

LEAST, MOST = Guarantee.AT_LEAST_ONCE, Guarantee.AT_MOST_ONCE


def _promise(
    guarantee: Guarantee, survives: Survives, size: str = "100B", nodes: int = 1, client: str = "", **settings: object
) -> Promise:
    asked = DRIVER.Settings.model_validate(settings)
    scenario = Scenario.model_validate(
        {
            "scenario": "s",
            "brokers": {
                "kafka": {"driver": "kafka", "client": client or None, "settings": asked.model_dump(mode="json")}
            },
            "topology": {"partitions": 2, "groups": {"a": {"consumers": 3}, "b": {}}},
            "message": {"size": size, "keys": {"cardinality": 10}},
            "load": {"model": "saturate", "stages": [{"steady": "1s"}]},
        }
    )
    return DRIVER.promise(asked, Delivery(guarantee=guarantee, survives=survives), scenario, nodes)


@pytest.mark.parametrize(
    ("guarantee", "survives", "settings", "filled", "gives"),
    [
        (LEAST, Survives.NODE_LOSS, {"nodes": 3}, {"replication": 3, "acks": "all"}, Survives.NODE_LOSS),
        (LEAST, Survives.NOTHING, {"nodes": 2}, {"replication": 1}, Survives.BROKER_KILL),
        (MOST, Survives.NOTHING, {"transactions": 9}, {"acks": "all", "idempotence": True}, Survives.BROKER_KILL),
        (MOST, Survives.NOTHING, {}, {"acks": 0, "idempotence": False, "commit": "received"}, Survives.NOTHING),
        (LEAST, Survives.NOTHING, {}, {"acks": "all", "idempotence": True, "commit": "settled"}, Survives.BROKER_KILL),
        (LEAST, Survives.NOTHING, {"acks": 1}, {"acks": 1, "idempotence": False}, Survives.BROKER_KILL),
        (LEAST, Survives.BROKER_KILL, {}, {"flush_messages": None}, Survives.BROKER_KILL),
        (LEAST, Survives.POWER_LOSS, {}, {"flush_messages": 1}, Survives.POWER_LOSS),
        (LEAST, Survives.POWER_LOSS, {"nodes": 3}, {"flush_messages": None}, Survives.NODE_LOSS),
        (MOST, Survives.BROKER_KILL, {}, {"acks": "all", "commit": "received"}, Survives.BROKER_KILL),
    ],
)
def test_what_is_left_out_is_chosen_to_meet_what_is_asked(
    guarantee: Guarantee, survives: Survives, settings: dict[str, object], filled: dict[str, object], gives: Survives
) -> None:
    promise = _promise(guarantee, survives, **settings)
    assert {name: promise.settings[name] for name in filled} == filled
    assert promise.survives is gives
    assert promise.guarantee is guarantee
    assert promise.point is (PromisePoint.HANDED_OVER if filled.get("acks") == 0 else PromisePoint.CONFIRMED)


@pytest.mark.parametrize(
    ("guarantee", "survives", "settings", "instead"),
    [
        (LEAST, Survives.NOTHING, {"acks": 0}, "leave acks out"),
        (MOST, Survives.CLIENT_CRASH, {"acks": 0}, "use acks: all"),
        (LEAST, Survives.NOTHING, {"commit": "received"}, "leave commit out"),
        (LEAST, Survives.POWER_LOSS, {"flush_messages": 10}, "use flush_messages: 1"),
        (LEAST, Survives.NODE_LOSS, {}, r"replication: 3 on three nodes, server: \{nodes: 3\}"),
        (LEAST, Survives.NODE_LOSS, {"nodes": 3, "acks": 1}, "use acks: all and replication: 3"),
        (LEAST, Survives.BROKER_KILL, {"nodes": 3, "acks": 1}, "use acks: all"),
        (LEAST, Survives.NOTHING, {"replication": 3}, r"has 1: use replication: 1, or server: \{nodes: 3\}"),
    ],
)
def test_what_is_set_is_kept_and_refused_if_too_weak(
    guarantee: Guarantee, survives: Survives, settings: dict[str, object], instead: str
) -> None:
    with pytest.raises(CannotPromise, match=instead):
        _promise(guarantee, survives, **settings)


def test_what_is_promised_reads_back_as_settings() -> None:
    promise = _promise(LEAST, Survives.POWER_LOSS, linger="20ms", batch="64KiB")
    settings = DRIVER.Settings.from_base(promise.settings)
    assert (settings.linger_s, settings.batch_bytes, settings.flush_messages) == (0.02, 65536, 1)
    assert settings.model_dump(mode="json") == promise.settings


def test_large_messages_raise_what_a_topic_takes() -> None:
    assert _promise(LEAST, Survives.NOTHING).settings["max_message_bytes"] == 1_048_588
    assert _promise(LEAST, Survives.NOTHING, size="2MiB").settings["max_message_bytes"] > 2 * 2**20


def test_a_codec_that_is_not_installed_is_refused_before_anything_starts(monkeypatch: pytest.MonkeyPatch) -> None:
    found = importlib.util.find_spec
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None if name == "zstandard" else found(name))
    with pytest.raises(CannotPromise, match="pip install zstandard, or use compression: gzip, or client: confluent"):
        _promise(LEAST, Survives.NOTHING, client="kafka-python", compression="zstd")
    assert _promise(LEAST, Survives.NOTHING, client="confluent", compression="zstd").settings["compression"] == "zstd"
    assert _promise(LEAST, Survives.NOTHING, client="kafka-python", compression="gzip")


def test_a_transaction_is_no_larger_than_what_may_be_in_flight() -> None:
    assert _promise(LEAST, Survives.NOTHING, transactions=10**6).settings["transactions"] == 1000
    assert Feature.COUNTERS not in DRIVER.features(DRIVER.Settings(transactions=5))
    assert DRIVER.Settings(transactions="none").transactions is None


def test_notes_say_how_the_words_were_mapped() -> None:
    notes = "\n".join(_promise(LEAST, Survives.NOTHING).notes)
    for words in ("2 partitions", "group a: 3 consumers, 2 with a partition", "prefetch has no counterpart", "murmur2"):
        assert words in notes


def test_without_idempotence_no_order_is_declared() -> None:
    assert Feature.ORDER in DRIVER.features(DRIVER.Settings())
    assert Feature.ORDER not in DRIVER.features(DRIVER.Settings(acks=1))
    assert Feature.ORDER not in DRIVER.features(DRIVER.Settings(idempotence=False))


@pytest.mark.parametrize(
    "settings",
    [{"acks": 2}, {"acks": 1, "transactions": 5}, {"acks": 1, "idempotence": True}, {"linger": 5}, {"lingr": "5ms"}],
)
def test_broken_settings_are_refused(settings: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        DRIVER.Settings.model_validate(settings)


def test_a_url_may_name_several_servers() -> None:
    assert DRIVER.address("kafka://one:9092,two") == {"host": "one", "port": 9092, "bootstrap": "one:9092,two:9092"}
    for wrong in ("kafka://", "http://one:9092", "kafka://one:port", "kafka://one:9092/topic", "kafka://one?ca=x"):
        with pytest.raises(ValueError, match="kafka://host:port"):
            DRIVER.address(wrong)


def test_a_url_has_user_and_mechanism_or_neither() -> None:
    text = "kafka+ssl://me:p%40ss@one:9092,two:9093?sasl=SCRAM-SHA-256"
    address = DRIVER.address(text)
    assert (address["user"], address["password"], address["sasl"]) == ("me", "p@ss", "SCRAM-SHA-256")
    assert DRIVER.url(address) == text
    for wrong in ("kafka://me:hush@one", "kafka://one?sasl=PLAIN", "kafka://me:hush@one?sasl=GSSAPI"):
        with pytest.raises(ValueError, match="belong together") as refused:
            DRIVER.address(wrong)
        assert "hush" not in str(refused.value)
