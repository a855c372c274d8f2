"""ZeroMQ through pyzmq: no broker between the clients, so it is the floor below all candidates."""

from .driver import DRIVER

__all__ = ["DRIVER"]
