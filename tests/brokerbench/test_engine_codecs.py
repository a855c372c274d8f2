"""Orders and their codecs: the same order comes back from all, a seed gives the same bytes, costs are measured."""

import sys
from itertools import islice

import pytest

from brokerbench.engine.codecs import coding, measure, missing_library, orders
from brokerbench.model import Codec, Compression, OrderModel

MODELS, CODECS, COMPRESSIONS = list(OrderModel), list(Codec), list(Compression)


@pytest.mark.parametrize("compression", COMPRESSIONS)
@pytest.mark.parametrize("codec", CODECS)
@pytest.mark.parametrize("model", MODELS)
def test_the_same_order_comes_back(model: OrderModel, codec: Codec, compression: Compression) -> None:
    chosen = coding(codec, compression, model)
    for lines in (1, 5, 40):
        for order in islice(orders(3, model, lines), 50):
            assert chosen.order(chosen.body(order)) == order


@pytest.mark.parametrize("model", MODELS)
def test_orders_are_a_pure_function_of_the_seed_and_each_is_another(model: OrderModel) -> None:
    first, again, other = (list(islice(orders(seed, model, 5), 3000)) for seed in (3, 3, 4))
    assert first == again != other
    assert len({order["order_id"] for order in first}) == len(first)
    for order in first:
        assert len(order["lines"]) == 5
        assert order["total_cents"] == sum(line["quantity"] * line["price_cents"] for line in order["lines"])


@pytest.mark.parametrize("compression", COMPRESSIONS)
@pytest.mark.parametrize("codec", CODECS)
def test_a_body_is_the_same_bytes_in_every_process(codec: Codec, compression: Compression) -> None:
    """What a consumer compares with was encoded by itself, not by the producer."""
    one, other = coding(codec, compression, OrderModel.FAT), coding(codec, compression, OrderModel.FAT)
    for order in islice(orders(3, OrderModel.FAT, 5), 20):
        assert one.body(order) == other.body(order)


def test_fat_orders_hold_lean_ones_and_texts() -> None:
    lean, fat = (next(orders(3, model, 5)) for model in (OrderModel.LEAN, OrderModel.FAT))
    assert set(fat) - set(lean) == {"customer", "billing", "shipping"}
    assert set(fat["lines"][0]) - set(lean["lines"][0]) == {"title", "description"}


def test_codecs_with_a_schema_write_no_names() -> None:
    order = next(orders(3, OrderModel.LEAN, 5))
    bodies = {codec: coding(codec, Compression.NONE, OrderModel.LEAN).body(order) for codec in Codec}
    assert {codec for codec, body in bodies.items() if b"customer_id" in body} == {
        Codec.JSON,
        Codec.MSGPACK,
        Codec.CBOR,
    }


@pytest.mark.parametrize("compression", [Compression.NONE, Compression.ZSTD])
def test_costs_are_kept_round_by_round(compression: Compression) -> None:
    costs = measure(Codec.JSON, compression, OrderModel.FAT, 5, seed=3, budget_s=0.0)
    packed = compression is not Compression.NONE
    assert (costs.compress_us is not None, costs.decompress_us is not None) == (packed, packed)
    timed = (costs.encode_us, costs.decode_us, costs.compress_us, costs.decompress_us)
    for rounds in timed:
        assert rounds is None or (len(rounds) == 5 and min(rounds) > 0)
    sample = list(islice(orders(3, OrderModel.FAT, 5), costs.orders))
    chosen = coding(Codec.JSON, compression, OrderModel.FAT)
    assert costs.body_bytes == sum(len(chosen.body(order)) for order in sample) / len(sample)
    assert (costs.body_bytes < costs.encoded_bytes) == packed


def test_a_missing_library_is_named_with_its_remedy(monkeypatch: pytest.MonkeyPatch) -> None:
    assert missing_library(Codec.AVRO, Compression.LZ4) is None
    # What is None there cannot be imported, which is how an uninstalled library looks.
    monkeypatch.setitem(sys.modules, "fastavro", None)
    told = missing_library(Codec.AVRO, Compression.NONE)
    assert told is not None
    assert told.startswith("the library of avro (fastavro)")
    assert "pip install 'brokerbench[codecs]'" in told
