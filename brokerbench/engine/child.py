"""A child process: `python -m brokerbench.engine.child FD`. Reads its spec from the channel, runs one loop, reports."""

import gc
import importlib
import os
import signal
import socket
import sys
import traceback
from typing import Any

from brokerbench.contract import BadTarget, ConnectionLost, Driver

from .channel import Channel, ChannelClosed
from .clock import WallClock
from .consume import run_consumer
from .produce import run_producer
from .spec import ChildSpec

__all__ = ["main"]


def _driver(reference: str) -> Driver:
    module, _, attribute = reference.partition(":")
    driver: Driver = getattr(importlib.import_module(module), attribute)
    return driver


def _spec(channel: Channel) -> ChildSpec:
    """It may be a while: a child may stand by for its trial."""
    while True:
        for message in channel.poll(60):
            _print_to(message["log"])
            return ChildSpec(**message["spec"])


def _print_to(path: str) -> None:
    """What C code writes goes there too."""
    log = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o644)
    for stream in (1, 2):
        os.dup2(log, stream)
    os.close(log)


def _run(channel: Channel) -> None:
    spec = _spec(channel)
    driver = _driver(spec.driver)
    # Objects made so far live as long as the process; collecting them again would only pause the load.
    gc.collect()
    gc.freeze()
    gc.disable()
    run: Any = run_producer if spec.role == "producer" else run_consumer
    run(spec, driver, channel, WallClock())


def main() -> int:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the coordinator decides what Ctrl-C means
    channel = Channel(socket.socket(fileno=int(sys.argv[1])))
    try:
        _run(channel)
    except ChannelClosed:
        return 0  # the coordinator is gone; the guardian is on its way
    except (BadTarget, ConnectionLost) as error:
        channel.send({"say": "failed", "text": str(error) or type(error).__name__})
        return 1
    except Exception as error:  # noqa: BLE001 - whatever a client library raises must reach the user as one line
        traceback.print_exc()
        channel.send({"say": "failed", "text": f"{type(error).__name__}: {error}"})
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
