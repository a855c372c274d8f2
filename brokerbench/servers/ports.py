"""Free ports on 127.0.0.1, none given twice: servers that start side by side, of another run too, must not meet.

They lie below the range from which the kernel takes the source ports of connections: a server that binds its port
seconds after it was found free would else find that a client of somebody's was given it meanwhile.
"""

import fcntl
import os
import random
import socket
import threading
from functools import cache
from pathlib import Path

from .cache import user_cache

__all__ = ["free_port"]

_given: set[int] = set()
_lock = threading.Lock()
_LOWEST = 15_000  # most well-known services stand below
_ENOUGH = 2_000
_chance = random.SystemRandom()  # two processes that ask at the same time look at different places


def free_port() -> int:
    """A TCP port of 127.0.0.1 on which nothing listens now, which this process has not given out before, and which no
    other process of this user that still runs has given to a server of its own."""
    while True:
        port = _offered()
        with _lock:
            if port not in _given and _claimed(port):
                _given.add(port)
                return port


def _offered() -> int:
    ports = _quiet()
    for _ in range(100 if len(ports) >= _ENOUGH else 0):
        port = _chance.choice(ports)
        if _can_be_bound(port):
            return port
    return _of_the_kernel()


def _claimed(port: int) -> bool:
    """Whether it is ours now: a lock on one byte of an empty file, which the kernel opens again when we end."""
    if (file := _claims()) is None:
        return True
    try:
        fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB, 1, port)
    except OSError:
        return False
    return True


@cache
def _claims() -> int | None:
    """Open for as long as we live: to close it would give up all its locks. None where no file can be kept."""
    try:
        user_cache().mkdir(parents=True, exist_ok=True)
        return os.open(user_cache() / "ports", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError:
        return None


@cache
def _quiet() -> range:
    try:
        low = int(Path("/proc/sys/net/ipv4/ip_local_port_range").read_text(encoding="ascii").split()[0])
    except (OSError, ValueError):
        low = 0
    return range(_LOWEST, low)


def _can_be_bound(port: int) -> bool:
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def _of_the_kernel() -> int:
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port
