"""Limits that the engine acts on and the analysis judges by: beyond them a figure may not be the broker's alone.

All are shares, above which the thing holds.
"""

__all__ = ["GENERATOR_BUSY", "GENERATOR_NEAR", "GENERATOR_SPARE", "STEAL_MOST", "THROTTLED_MOST"]

# Of the time a process of the generator was busy, or of its ceiling without a broker. At half, a message already
# waits as long as it is served where arrivals are random (M/M/1: waiting / service = busy / (1 - busy)); at 0.70 more
# than twice as long, at 0.80 four times.
GENERATOR_NEAR = 0.50  # a warning: part of the latency is the generator's
GENERATOR_SPARE = 0.70  # no maximum is called the broker's; a probe with one more worker is made
GENERATOR_BUSY = 0.80  # the trial itself is in doubt

# What others took from us in the measured window. One per cent is enough to make a p99: of a steady load, one message
# in a hundred was due while we could not run.
STEAL_MOST = 0.01  # of all CPU time, by the hypervisor
THROTTLED_MOST = 0.01  # of the wall time, by our cgroup's CPU quota
