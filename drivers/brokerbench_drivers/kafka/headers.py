"""Headers as both libraries take them: a list of names and bytes, made once for all messages."""

from collections.abc import Callable
from functools import partial
from typing import Any

from brokerbench.contract import Session

__all__ = ["HEADER_BYTES", "with_headers"]

HEADER_BYTES = 10  # around a name and a value in a record: their lengths as varints


def with_headers(send: Callable[..., Any], session: Session) -> Callable[..., Any]:
    """The library's own call where there are none."""
    if not session.headers:
        return send
    return partial(send, headers=[(name, value.encode()) for name, value in session.headers.items()])
