"""Headers that every message carries, the same on each: names and values as text that all protocols can carry.

Letters, digits, `-` and `_` in names and printable ASCII in values are what NATS, AMQP, Kafka, MQTT, STOMP and Redis
have in common without an encoding of one's own.
"""

import re
from collections.abc import Mapping
from typing import Annotated

from pydantic import AfterValidator, Field

__all__ = ["Headers", "headers_bytes", "headers_text"]

_MOST = 32
_NAMED = 3  # in a line of text; of the others their count
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_-]{0,63}")
_VALUE = re.compile(r"[!-~](?:[ -~]{0,254}[!-~])?")


def _name(text: str) -> str:
    if _NAME.fullmatch(text) is None:
        raise ValueError("a header's name begins with a letter; letters, digits, '-' and '_' follow, at most 64 in all")
    return text


def _value(text: str) -> str:
    if _VALUE.fullmatch(text) is None:
        raise ValueError("a header's value is 1 to 256 characters of printable ASCII, with no space at its ends")
    return text


def _few_and_distinct(headers: Mapping[str, str]) -> Mapping[str, str]:
    if len(headers) > _MOST:
        raise ValueError(f"at most {_MOST} headers; found {len(headers)}")
    seen: dict[str, str] = {}
    for name in headers:
        if (other := seen.setdefault(name.lower(), name)) != name:
            raise ValueError(f"{other} and {name} differ in capitals only, which not every client tells apart")
    return headers


Headers = Annotated[
    Mapping[Annotated[str, AfterValidator(_name)], Annotated[str, AfterValidator(_value)]],
    Field(min_length=1),
    AfterValidator(_few_and_distinct),
]


def headers_bytes(headers: Mapping[str, str] | None) -> int:
    """Names and values alone; what a protocol puts around them comes on top."""
    return sum(len(name) + len(value) for name, value in (headers or {}).items())


def headers_text(headers: Mapping[str, str]) -> str:
    """`2 headers (tenant, trace-id; 23 B)`."""
    count = len(headers)
    names = ", ".join(list(headers)[:_NAMED]) + (f" and {count - _NAMED} more" if count > _NAMED else "")
    return f"{count} header{'s' if count > 1 else ''} ({names}; {headers_bytes(headers):,} B)"
