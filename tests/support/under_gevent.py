"""A program: does gevent's loop go on while a client waits? Told in JSON on standard input; answers in a line of JSON.

One greenlet waits for a message. Another one ticks, and only after its last tick sends it.
"""

from gevent import monkey

monkey.patch_all()

import json  # noqa: E402 - what is imported from here on is patched
import sys  # noqa: E402
import time  # noqa: E402

import gevent  # noqa: E402

import brokerbench_drivers  # noqa: E402
from brokerbench.contract import Endpoints, Session  # noqa: E402
from tests.conformance.payloads import batch, body  # noqa: E402

TICKS = 20
TICK_S = 0.005
WAIT_S = 30.0


def main() -> None:
    told = json.load(sys.stdin)
    driver = brokerbench_drivers.load(told["driver"])
    settings = driver.Settings.from_base(told["settings"])
    endpoints = Endpoints(**told["endpoints"])

    def session(group: str | None) -> Session:
        return Session(endpoints, told["client"], settings, 10, 10, 64, 0, group)

    receiving, sending = driver.connect(session("a")), driver.connect(session(None))
    consumer, producer = receiving.consumer(), sending.producer()
    ticked = 0

    def wait() -> int:
        end = time.monotonic() + WAIT_S
        while time.monotonic() < end:
            if consumer.receive(WAIT_S).count:
                return ticked
        return 0

    def tick_and_send() -> None:
        nonlocal ticked
        for _ in range(TICKS):
            gevent.sleep(TICK_S)
            ticked += 1
        producer.send(batch([body(1, 0, 0, 64)]))
        producer.confirms(WAIT_S)

    waiting = gevent.spawn(wait)
    gevent.spawn(tick_and_send)
    print(json.dumps({"ticked": waiting.get()}), flush=True)


if __name__ == "__main__":
    main()
