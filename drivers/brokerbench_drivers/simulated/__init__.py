"""A broker of known truth: a queue whose law is given, that keeps an account of what it did to each message."""

from .driver import DRIVER

__all__ = ["DRIVER"]
