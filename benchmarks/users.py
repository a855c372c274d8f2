"""A thousand closed users with a connection each, as our lanes and as a bare loop of a thousand threads of pika.

Both think a second between a confirm and the next publish, and measure from the publish to its confirm, in turn on one
fresh RabbitMQ each. Printed are the medians' ratio, X (R + Z) = N, and the users' memory.

    python benchmarks/users.py [users] [seconds] [pairs]
"""

import multiprocessing
import random
import resource
import statistics
import sys
import threading
import time
from collections.abc import Mapping
from typing import Any

from _lab import engine_trial, server
from bare_loops import BODY, pika_parameters

THINK_S = 1.0
RAMP_S = 5.0


def ours(users: int, seconds: float) -> tuple[float, float, float]:
    """Median response in ms, N by X (R + Z) as printed, MiB."""
    load = {
        "model": "closed",
        "users": users,
        "think": f"{THINK_S}s",
        "ramp": f"{RAMP_S}s",
        "connections": "each",
        "warmup": f"{RAMP_S + THINK_S}s",
        "stages": [{"steady": f"{seconds}s"}],
    }
    trial = engine_trial({"driver": "rabbitmq"}, load, guarantee="at-least-once", size=f"{len(BODY)}B")
    record = trial.record
    n = record["confirmed_msgs_s"] * (record["confirm_ms"]["mean"] / 1e3 + THINK_S)
    return record["service_ms"]["p50"], n, trial.trial["producers"][0]["rss_mib_max"]


def bare(users: int, seconds: float) -> tuple[float, float]:
    """Median response in ms, and MiB, of one process with a thread for each user."""
    context = multiprocessing.get_context("spawn")
    results: Any = context.Queue()
    with server("rabbitmq") as address:
        process = context.Process(target=_threads, args=(address, users, seconds, results))
        process.start()
        found: tuple[float, float] = results.get(timeout=seconds + 120)
        process.join(60)
        return found


def _threads(address: Mapping[str, Any], users: int, seconds: float, results: Any) -> None:
    import pika

    setup = pika.BlockingConnection(pika_parameters(address))
    setup.channel().queue_declare("bare-users")
    responses_ms: list[float] = []
    begin = threading.Event()
    until = [0.0, 0.0]
    connections = []
    for _ in range(users):
        channel = pika.BlockingConnection(pika_parameters(address)).channel()
        channel.confirm_delivery()
        connections.append(channel)

    def user(channel: Any) -> None:
        begin.wait()
        time.sleep(random.uniform(0, RAMP_S))
        while (now := time.monotonic()) < until[1]:
            channel.basic_publish("", "bare-users", BODY, mandatory=True)
            if now >= until[0]:
                responses_ms.append((time.monotonic() - now) * 1e3)
            time.sleep(THINK_S)

    threads = [threading.Thread(target=user, args=(channel,)) for channel in connections]
    for thread in threads:
        thread.start()
    start = time.monotonic() + RAMP_S + THINK_S
    until[:] = start, start + seconds
    begin.set()
    for thread in threads:
        thread.join()
    results.put((statistics.median(responses_ms), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024))


def main() -> None:
    users, seconds, pairs = (int(given) for given in [*sys.argv[1:], *("1000", "10", "3")[len(sys.argv) - 1 :]])
    ratios = []
    for _ in range(pairs):
        lanes_ms, n, lanes_mib = ours(users, seconds)
        threads_ms, threads_mib = bare(users, seconds)
        ratios.append(lanes_ms / threads_ms)
        print(f"lanes    p50 {lanes_ms:.3f} ms, {lanes_mib:.0f} MiB, X (R + Z) = {n:,.1f} of {users:,}")
        print(f"threads  p50 {threads_ms:.3f} ms, {threads_mib:.0f} MiB")
    print(f"ratio of medians {statistics.median(ratios):.2f}, from {min(ratios):.2f} to {max(ratios):.2f}")


if __name__ == "__main__":
    main()
