"""When a Locust user's tasks begin."""

import random
import time
from collections.abc import Callable
from typing import Any

__all__ = ["random_phase"]


def random_phase(period_s: float) -> Callable[[Any], float]:
    """As a `wait_time`: one task every `period_s`, the first at a random moment of the first period.

    Locust's constant_pacing starts all users of a spawn batch together, in every period anew. It also forgives: after
    a task longer than the period it counts from that task's end. Here what is late stays due.
    """
    if period_s <= 0:
        raise ValueError(f"random_phase needs a period of more than 0 s, found {period_s:g}")

    def wait_s(user: Any) -> float:
        now = time.perf_counter()
        last: float | None = getattr(user, "_due", None)
        due = now + random.uniform(0, period_s) if last is None else last + period_s
        user._due = due
        return max(0.0, due - now)

    wait_s.before_the_first = True  # type: ignore[attr-defined]
    return wait_s
