"""Names of headers that a broker or a client takes for its own words, which no application's header may be."""

from collections.abc import Callable

from brokerbench.contract import CannotPromise
from brokerbench.model import Message

__all__ = ["refuse_own"]


def refuse_own(message: Message, owns: Callable[[str], bool], title: str) -> None:
    """`owns` is asked with small letters. Raises CannotPromise."""
    for name in message.headers or {}:
        if owns(name.lower()):
            raise CannotPromise(
                f"{title} takes a header {name} for a word of its own: give message.headers another name"
            )
