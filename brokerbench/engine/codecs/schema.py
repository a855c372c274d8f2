"""The fields of an order, said once: codecs with a schema derive theirs from here, the others write the names."""

from collections.abc import Mapping
from dataclasses import dataclass

from brokerbench.model import OrderModel

__all__ = ["INTEGER", "SCHEMAS", "TEXT", "Many", "Record"]

TEXT, INTEGER = "text", "integer"


@dataclass(frozen=True)
class Record:
    name: str
    fields: Mapping[str, "str | Record | Many"]  # in the order in which they are written


@dataclass(frozen=True)
class Many:
    of: Record


def _texts(*names: str) -> dict[str, str]:
    return dict.fromkeys(names, TEXT)


_LINE = {"sku": TEXT, "quantity": INTEGER, "price_cents": INTEGER}
_HEAD = {"order_id": TEXT, "customer_id": TEXT, "placed_us": INTEGER, "currency": TEXT, "total_cents": INTEGER}
_ADDRESS = Record("Address", _texts("street", "city", "postcode", "country"))
_CUSTOMER = Record("Customer", _texts("name", "email", "phone"))

SCHEMAS: Mapping[OrderModel, Record] = {
    OrderModel.LEAN: Record("Order", {**_HEAD, "lines": Many(Record("Line", _LINE))}),
    OrderModel.FAT: Record(
        "Order",
        {
            **_HEAD,
            "customer": _CUSTOMER,
            "billing": _ADDRESS,
            "shipping": _ADDRESS,
            "lines": Many(Record("Line", {**_LINE, **_texts("title", "description")})),
        },
    ),
}
