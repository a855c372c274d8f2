"""What an order body is made of, as a scenario says it: how much it embeds, how it is written, how it is packed."""

from enum import StrEnum

__all__ = ["Codec", "Compression", "OrderModel"]


class OrderModel(StrEnum):
    """`lean`: ids, quantities and amounts, the texts stay where they are kept; `fat`: customer, addresses and product
    texts ride along."""

    LEAN = "lean"
    FAT = "fat"


class Codec(StrEnum):
    JSON = "json"
    MSGPACK = "msgpack"
    PROTOBUF = "protobuf"
    AVRO = "avro"
    CBOR = "cbor"


class Compression(StrEnum):
    """Of each body alone, by the application; what a broker or its client packs in batches is a setting of its own."""

    NONE = "none"
    GZIP = "gzip"
    LZ4 = "lz4"
    ZSTD = "zstd"
