"""Orders as a message carries them: the same ones for every codec, so that candidates differ in the writing alone."""

from collections.abc import Sequence
from functools import lru_cache
from itertools import islice

from brokerbench.model import Codec, Compression, Message, OrderModel

from .coding import coding
from .order import Order, orders

__all__ = ["order_bodies", "some_orders"]

_ORDERS = 16_384  # distinct ones; a lean one takes 100 B and more, so that even these are beyond zstd's window


def order_bodies(message: Message, seed: int) -> Sequence[bytes]:
    """Without their stamps. Made once in a process."""
    assert message.codec is not None
    assert message.compression is not None
    assert message.model is not None
    assert message.lines is not None
    return _bodies(message.codec, message.compression, message.model, message.lines, seed)


@lru_cache(maxsize=16)
def _bodies(codec: Codec, compression: Compression, model: OrderModel, lines: int, seed: int) -> Sequence[bytes]:
    return tuple(map(coding(codec, compression, model).body, some_orders(seed, model, lines, _ORDERS)))


@lru_cache(maxsize=4)
def some_orders(seed: int, model: OrderModel, lines: int, count: int) -> Sequence[Order]:
    """The first ones."""
    return tuple(islice(orders(seed, model, lines), count))
