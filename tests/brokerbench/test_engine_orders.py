"""Orders and bodies of one's own, from the words of a scenario to what arrives, and what coding them costs."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import brokerbench_drivers
from brokerbench.cli._main import run
from brokerbench.contract import BadTarget
from brokerbench.engine import written
from brokerbench.engine.batches import Batches
from brokerbench.engine.codecs import coding, order_bodies
from brokerbench.engine.coding_costs import PASSES, coding_costs
from brokerbench.engine.drawn import drawn
from brokerbench.engine.messages import write_messages
from brokerbench.engine.planner import make_plan
from brokerbench.model import Codec, Compression, Message, OrderModel, PayloadError, Plan, Scenario, read_payload
from tests.support.specs import child_spec
from tests.support.truth import assert_agrees
from tests.support.virtual import run_virtual

SEED = 7
ORDERS = {"body": "order", "lines": 2}


def scenario(message: Mapping[str, Any], **own: Mapping[str, Any]) -> Scenario:
    brokers = {name: {"driver": "simulated", "message": {**message, **mine}} for name, mine in own.items()}
    return Scenario.model_validate(
        {
            "scenario": "orders",
            "brokers": {"it": {"driver": "simulated"}, **brokers},
            "message": message,
            "load": {"model": "open", "warmup": "1s", "stages": [{"steady": "2s", "rate": "1k/s"}]},
        }
    )


def planned(asked: Scenario) -> Plan:
    return make_plan(asked, {"simulated": brokerbench_drivers.load("simulated")}, SEED, smoke=True)


def bodies_sent(asked: Scenario, folder: Path, count: int) -> list[bytes]:
    write_messages(asked, SEED, folder)
    spec = child_spec(folder, role="producer", bodies="rows", size_bytes=asked.message.largest_bytes)
    batch, _ = Batches(spec).make(0, count, lambda first, n: np.zeros(n, np.int64))
    return [payload[16:] for payload in batch.payloads()]


def test_what_is_not_said_of_an_order_is_filled_in() -> None:
    asked = Message.model_validate({"body": "order", "codec": "avro"})
    assert (asked.codec, asked.model, asked.compression, asked.lines) == (
        Codec.AVRO,
        OrderModel.LEAN,
        Compression.NONE,
        3,
    )
    assert Message.from_base(asked.model_dump(mode="json")) == asked


@pytest.mark.parametrize("own", [{}, {"codec": "protobuf"}, {"codec": "avro", "model": "fat", "compression": "zstd"}])
def test_what_is_sent_are_the_same_orders_however_written(tmp_path: Path, own: dict[str, str]) -> None:
    plan = planned(scenario(ORDERS, mine=own))
    asked = plan.scenario.of("mine")
    message = asked.message
    assert message.codec
    assert message.compression
    assert message.model
    reader = coding(message.codec, message.compression, message.model)
    sent = [reader.order(body) for body in bodies_sent(asked, tmp_path, 20)]
    plain = coding(Codec.JSON, Compression.NONE, message.model)
    same = message.model_copy(update={"codec": Codec.JSON, "compression": Compression.NONE})
    assert sent == [plain.order(body) for body in order_bodies(same, SEED)[:20]]
    assert len({order["order_id"] for order in sent}) == 20


def test_sizes_are_known_before_the_run() -> None:
    plan = planned(scenario(ORDERS, fat={"model": "fat"}))
    for name in ("it", "fat"):
        message = plan.scenario.of(name).message
        sizes = [16 + len(body) for body in order_bodies(message, SEED)]
        assert (message.largest_bytes, message.mean_bytes) == (max(sizes), pytest.approx(np.mean(sizes)))


def test_a_missing_library_leaves_its_candidate_out_and_no_other(monkeypatch: pytest.MonkeyPatch) -> None:
    why = "the library of cbor (cbor2) is not installed: pip install 'brokerbench[codecs]'"
    monkeypatch.setattr(written, "missing_library", lambda codec, _: why if codec == Codec.CBOR else None)
    plan = planned(scenario(ORDERS, mine={"codec": "cbor"}))
    assert plan.candidate("mine").excluded == why
    assert plan.candidate("it").excluded is None
    assert list(coding_costs(plan, lambda kind, about: None) or {}) == ["it"]


def test_costs_are_measured_once_for_each_way_in_passes() -> None:
    said: list[str] = []
    plan = planned(scenario(ORDERS, packed={"compression": "gzip"}, again={}))
    found = coding_costs(plan, lambda kind, about: said.append(about["text"]))
    assert found is not None
    assert said == ["what coding costs: json, lean; json, lean, gzip"]
    assert found["again"] == found["it"]
    assert found["it"]["compress_us"] is found["it"]["decompress_us"] is None
    for step in ("encode_us", "compress_us", "decompress_us", "decode_us"):
        assert len(found["packed"][step]) == PASSES
        assert min(found["packed"][step]) > 0
    assert found["packed"]["encoded_bytes"] == found["it"]["encoded_bytes"] == found["it"]["body_bytes"]
    assert found["packed"]["sent_bytes"] == pytest.approx(plan.scenario.of("packed").message.mean_bytes, abs=0.1)


def test_no_orders_no_costs() -> None:
    assert coding_costs(planned(scenario({"size": "1KiB"})), lambda kind, about: None) is None


def test_what_was_drawn_is_measured() -> None:
    asked = {"size": {"uniform": {"from": "100B", "to": "2KiB"}}, "compressibility": 0.5}
    keys = {"hot": "30%", "cardinality": 1000}
    found = drawn(planned(scenario({**asked, "keys": keys})))["it"]
    assert found is not None
    assert (found["smallest_bytes"], found["largest_bytes"]) == (100, 2048)
    assert found["mean_bytes"] == pytest.approx(1074, rel=1e-3)
    assert found["saved_share"] == pytest.approx(0.5, abs=0.03)
    assert found["keys"]["hottest_share"] == pytest.approx(0.3, abs=3 * (0.21 / 100_000) ** 0.5)
    assert found["keys"]["distinct"] == 1000
    plain = drawn(planned(scenario({"size": "1KiB"})))["it"]
    assert plain is not None
    assert (plain["mean_bytes"], plain["saved_share"] <= 0, plain["keys"]) == (1024, True, None)


# -- bodies of one's own ----------------------------------------------------------------------------------------------


def of_payload(path: Path) -> Scenario:
    asked = scenario({"payload": path.name})
    return asked.model_copy(update={"message": asked.message.of_payload(str(path))})


def test_lines_of_a_file_are_bodies(tmp_path: Path) -> None:
    path = tmp_path / "mine.jsonl"
    path.write_bytes(b'{"a": 1}\n\n{"a": 22}\r\n{"a": 333}')
    asked = of_payload(path)
    assert (asked.message.largest_bytes, asked.message.mean_bytes) == (16 + 10, 16 + 9)
    assert bodies_sent(asked, tmp_path, 3) == [b'{"a": 1}', b'{"a": 22}', b'{"a": 333}']
    assert (drawn(planned(asked))["it"] or {})["bodies"] == 3


def test_files_of_a_folder_are_bodies_by_name(tmp_path: Path) -> None:
    folder = tmp_path / "mine"
    (folder / "inner").mkdir(parents=True)
    for name, data in (("b", b"two\nlines"), ("a", b"first"), (".hidden", b"no")):
        (folder / name).write_bytes(data)
    assert bodies_sent(of_payload(folder), tmp_path, 2) == [b"first", b"two\nlines"]


def test_a_payload_that_has_changed_since_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "mine.txt"
    path.write_bytes(b"one\ntwo\n")
    asked = of_payload(path)
    path.write_bytes(b"one\nthree\n")
    with pytest.raises(BadTarget, match="another one than before the run"):
        write_messages(asked, SEED, tmp_path)
    assert drawn(planned(asked))["it"] is None
    path.unlink()
    with pytest.raises(BadTarget, match="cannot be read any more"):
        write_messages(asked, SEED, tmp_path)


def test_too_much_is_refused_with_what_is_allowed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("brokerbench.model.payload.MOST_BYTES", 10)
    path = tmp_path / "mine.txt"
    path.write_bytes(b"12345678901")
    with pytest.raises(PayloadError, match="11 bytes; allowed: up to 10"):
        read_payload(str(path))
    for name in ("a", "b"):
        (tmp_path / "folder").mkdir(exist_ok=True)
        (tmp_path / "folder" / name).write_bytes(b"123456")
    with pytest.raises(PayloadError, match="12 bytes in all; allowed: up to 10 B"):
        read_payload(str(tmp_path / "folder"))


# -- whole runs -------------------------------------------------------------------------------------------------------


def test_orders_arrive_as_they_were_sent(tmp_path: Path) -> None:
    truth = run_virtual(
        tmp_path,
        {"service": {"constant_s": 0.0005}, "fates": {"altered": [100]}},
        rate=800.0,
        steady_s=5.0,
        message={"body": "order", "codec": "msgpack", "model": "fat"},
    )
    assert_agrees(truth)
    assert truth.record["ledger"]["corrupt"] == 1


def test_a_run_compares_codecs_on_one_broker(tmp_path: Path) -> None:
    file = tmp_path / "codecs.yaml"
    file.write_text(
        "scenario: two-codecs\n"
        "brokers:\n"
        "  json: {driver: nats, mode: core}\n"
        "  protobuf-fat: {driver: nats, mode: core, message: {codec: protobuf, model: fat, compression: zstd}}\n"
        "message: {body: order, keys: {zipf: 1.1, cardinality: 10k}}\n"
        "delivery: {guarantee: at-most-once}\n"
        "load: {model: open, stages: [{steady: 2s, rate: 500/s}]}\n"
    )
    results = tmp_path / "results"
    assert run(["run", str(file), "--short", "--results", str(results)]) in (0, 3)  # 3: a busy machine's trial
    [folder] = [each for each in results.iterdir() if each.is_dir()]
    told = json.loads((folder / "summary.json").read_text())["candidates"]
    assert {name: each["coding"]["codec"] for name, each in told.items()} == {
        "json": "json",
        "protobuf-fat": "protobuf",
    }
    for each in told.values():
        assert each["trials"][0]["ledger"]["corrupt"] == each["trials"][0]["ledger"]["foreign"] == 0
        assert each["trials"][0]["ledger"]["unique"] > 0
        assert each["coding"]["encode_us"]["low"] < each["coding"]["encode_us"]["value"]
    assert "Messages and coding" in (folder / "report.html").read_text()
