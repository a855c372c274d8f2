"""ActiveMQ: Artemis and Classic, over STOMP through stomp.py."""

from .driver import DRIVER

__all__ = ["DRIVER"]
