"""NATS: core and JetStream, through nats-py."""

from .driver import DRIVER

__all__ = ["DRIVER"]
