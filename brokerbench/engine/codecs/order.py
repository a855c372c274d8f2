"""Orders of a shop: a seeded pure sequence, each one distinct.

Amounts are whole cents: a decimal type is foreign to JSON, MessagePack and Protocol Buffers, a float is wrong for
money, and an integer is the same value in all five. Times are microseconds since 1970, for the same reason.
"""

from collections.abc import Iterator
from typing import Any

import numpy as np

from brokerbench.model import OrderModel

__all__ = ["Order", "orders"]

Order = dict[str, Any]

_EPOCH_US = 1_767_225_600_000_000  # 2026-01-01; a constant, so that a seed always gives the same bytes
_PRODUCTS, _CUSTOMERS = 2_000, 5_000
_VOCABULARY = (
    "amber anchor birch bottle bright canvas cedar chrome classic cotton copper daily double early fabric field flat"
    " forest garden gentle glass grain handle harbour heavy indigo iron jacket kettle lamp leather light linen long"
    " maple marble metal mirror mountain narrow north oak ocean olive paper pine plain pocket quiet river round sable"
    " salt shelf silver small smooth solid steel stone summer table timber vessel violet walnut water willow wool"
)
_WORDS = _VOCABULARY.split()
_COUNTRIES = ("AT", "BE", "CH", "DE", "DK", "ES", "FR", "IT", "NL", "PL", "SE")
_CURRENCIES = ("EUR", "EUR", "EUR", "CHF", "SEK")


def orders(seed: int, model: OrderModel, lines: int) -> Iterator[Order]:
    """Without end. Products and customers repeat as they do in a shop; order ids do not."""
    chance = np.random.default_rng([seed, lines])
    shop = _Shop(chance, model)
    number = 0
    while True:
        # Drawn many at once: a draw for each field would take longer than all codecs together.
        count = 1024
        products = chance.integers(_PRODUCTS, size=(count, lines)).tolist()
        quantities = chance.geometric(0.6, size=(count, lines)).tolist()
        customers = chance.integers(_CUSTOMERS, size=count).tolist()
        salts = chance.integers(2**32, size=count).tolist()
        for row in range(count):
            yield shop.order(number, salts[row], customers[row], products[row], quantities[row])
            number += 1


class _Shop:
    """What orders refer to: products and customers, drawn once."""

    def __init__(self, chance: np.random.Generator, model: OrderModel) -> None:
        self._fat = model is OrderModel.FAT
        self._prices = chance.integers(99, 49_999, size=_PRODUCTS).tolist()
        if self._fat:
            self._texts = [(_words(chance, 3).capitalize(), _words(chance, 14) + ".") for _ in range(_PRODUCTS)]
            self._customers = [_customer(chance) for _ in range(_CUSTOMERS)]
            self._addresses = [_address(chance) for _ in range(_CUSTOMERS)]

    def order(self, number: int, salt: int, customer: int, products: list[int], quantities: list[int]) -> Order:
        head: Order = {
            "order_id": f"O-{number:07d}-{salt:08x}",
            "customer_id": f"C-{customer:06d}",
            "placed_us": _EPOCH_US + number * 1_000_003 + salt % 1_000_000,
            "currency": _CURRENCIES[salt % len(_CURRENCIES)],
            "total_cents": sum(self._prices[p] * q for p, q in zip(products, quantities, strict=True)),
        }
        if self._fat:
            head["customer"] = self._customers[customer]
            head["billing"] = self._addresses[customer]
            elsewhere = salt % 4 == 0
            head["shipping"] = self._addresses[salt % _CUSTOMERS if elsewhere else customer]
        head["lines"] = [self._line(p, q) for p, q in zip(products, quantities, strict=True)]
        return head

    def _line(self, product: int, quantity: int) -> dict[str, Any]:
        line = {"sku": f"SKU-{product:05d}", "quantity": quantity, "price_cents": self._prices[product]}
        if self._fat:
            line["title"], line["description"] = self._texts[product]
        return line


def _words(chance: np.random.Generator, count: int) -> str:
    return " ".join(_WORDS[i] for i in chance.integers(len(_WORDS), size=count).tolist())


def _customer(chance: np.random.Generator) -> dict[str, str]:
    first, last = _words(chance, 2).split()
    email = f"{first}.{last}@{_words(chance, 1)}.example"
    return {"name": f"{first} {last}".title(), "email": email, "phone": f"+49 {chance.integers(10**9):09d}"}


def _address(chance: np.random.Generator) -> dict[str, str]:
    street, city = _words(chance, 1), _words(chance, 1)
    house, postcode, country = chance.integers([200, 100_000, len(_COUNTRIES)]).tolist()
    return {
        "street": f"{street.title()} Street {house + 1}",
        "city": city.title(),
        "postcode": f"{postcode:05d}",
        "country": _COUNTRIES[country],
    }
