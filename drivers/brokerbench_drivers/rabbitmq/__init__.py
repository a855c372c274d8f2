"""RabbitMQ over AMQP 0-9-1: classic and quorum queues, confirms, prefetch, multiple acknowledgements."""

from .driver import DRIVER

__all__ = ["DRIVER"]
