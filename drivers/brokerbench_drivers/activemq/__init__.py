"""ActiveMQ: Artemis and Classic, over STOMP through stomp.py and AMQP 1.0 through python-qpid-proton."""

from .driver import DRIVER

__all__ = ["DRIVER"]
