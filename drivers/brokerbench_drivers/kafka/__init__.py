"""Kafka: one driver, two clients (librdkafka's and kafka-python), a server out of pinned jars."""

from .driver import DRIVER

__all__ = ["DRIVER"]
