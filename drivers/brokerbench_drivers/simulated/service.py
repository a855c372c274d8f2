"""How long each message takes, and when the work is done if workers pause on the way. Pure: no clock is read."""

import itertools
import random
from collections.abc import Callable, Sequence

from .settings import Service, Stall

__all__ = ["Calendar", "ns", "service_times"]


def ns(seconds: float) -> int:
    return round(seconds * 1e9)


def service_times(service: Service, seed: str) -> Callable[[], int]:
    """The work of one message after the other, in ns."""
    if service.trace_s:
        return itertools.cycle([ns(each) for each in service.trace_s]).__next__
    if service.exponential_s is not None:
        chance, mean_ns = random.Random(seed), service.exponential_s * 1e9
        return lambda: round(chance.expovariate(1.0) * mean_ns)
    return itertools.repeat(ns(service.constant_s or 0.0)).__next__


class Calendar:
    """The stalls, laid out from `t0_ns` on; before t0 is known nothing stalls."""

    def __init__(self, stalls: Sequence[Stall]) -> None:
        self.t0_ns: int | None = None
        self._stalls = [(ns(s.at_s), ns(s.for_s), None if s.every_s is None else ns(s.every_s)) for s in stalls]

    def done_ns(self, start_ns: int, work_ns: int) -> int:
        """When `work_ns` of work are done that begin at `start_ns`: the stalls on the way come on top."""
        if self.t0_ns is None or not self._stalls:
            return start_ns + work_ns
        at, left = start_ns - self.t0_ns, work_ns
        while True:
            at = self._awake(at)
            begin = min((found for s in self._stalls if (found := _next(s, at)) is not None), default=None)
            if begin is None or at + left <= begin:
                return self.t0_ns + at + left
            left -= begin - at
            at = begin

    def _awake(self, at: int) -> int:
        """`at`, or the end of the stalls that it falls into."""
        while True:
            end = max(_end(stall, at) for stall in self._stalls)
            if end <= at:
                return at
            at = end


def _end(stall: tuple[int, int, int | None], at: int) -> int:
    first, length, every = stall
    if at < first:
        return at
    begin = first if every is None else at - (at - first) % every
    return max(at, begin + length)


def _next(stall: tuple[int, int, int | None], at: int) -> int | None:
    """When it begins next, after `at`."""
    first, _, every = stall
    if at < first:
        return first
    return None if every is None else at - (at - first) % every + every
