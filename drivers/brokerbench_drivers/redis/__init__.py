"""Redis and Valkey: streams and lists, through hiredis."""

from .driver import DRIVER

__all__ = ["DRIVER"]
