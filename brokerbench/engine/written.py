"""Orders before a run: whether they can be written here, and how large they are then."""

from brokerbench.model import STAMP_BYTES, Message, Scenario

from .codecs import missing_library, order_bodies

__all__ = ["cannot_write", "with_orders"]


def cannot_write(message: Message) -> str | None:
    """Why the library of its codec cannot be used, and what changes it."""
    if message.body is None:
        return None
    assert message.codec is not None
    assert message.compression is not None
    return missing_library(message.codec, message.compression)


def with_orders(scenario: Scenario, seed: int) -> Scenario:
    """Knowing the sizes of its orders, and of those that candidates write in a way of their own."""
    if scenario.message.body is None:
        return scenario
    brokers = {
        name: broker.model_copy(update={"message": broker.message and _known(broker.message, seed)})
        for name, broker in scenario.brokers.items()
    }
    return scenario.model_copy(update={"message": _known(scenario.message, seed), "brokers": brokers})


def _known(message: Message, seed: int) -> Message:
    if cannot_write(message):
        return message
    return message.knowing([STAMP_BYTES + len(body) for body in order_bodies(message, seed)])
