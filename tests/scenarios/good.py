"""A good scenario to start from, and the short way to read one."""

from collections.abc import Mapping, Sequence
from typing import Annotated, Literal

from pydantic import Field

from brokerbench.model import Count, Duration, Frozen, Scenario
from brokerbench_scenarios import read

__all__ = ["DRIVERS", "FEATURES", "GOOD", "reading"]

FEATURES = ("order", "replay")

GOOD = """\
scenario: orders
question: Which one?
needs: [replay]
brokers:
  one: {driver: fast}
  two: {driver: slow, linger: 5ms, mode: 2, url: "slow://bench:${PASSWORD}@broker.example", password: "${PASSWORD}"}
  floor: {driver: fast, role: floor}
topology: {partitions: 8, producers: 4, groups: {billing: {consumers: 8, prefetch: 10k}, audit: {}}}
message: {size: 1KiB, keys: {cardinality: 10k}}
delivery: {survives: broker-kill}
load:
  model: open
  warmup: 500ms
  stages: [{steady: 2m, rate: 5k/s}]
slo: {end_to_end.p99: < 50ms, lost: 0, delivered_msgs_s: ">= 4.5k/s"}
"""


class Fast(Frozen):
    pass


class Slow(Frozen):
    linger_s: Duration = Field(default=0.0, alias="linger")
    batch: Annotated[Count, Field(le=64)] = 16
    mode: Literal["1", "2"] = "1"
    acks: Literal["all", 1, 0] = "all"
    durable: bool | None = None
    password: str | None = None
    limits: dict[str, Count] = Field(default_factory=dict)


DRIVERS: Mapping[str, type[Frozen]] = {"fast": Fast, "slow": Slow}


def reading(text: str = GOOD, overrides: Sequence[str] = (), env: Mapping[str, str] | None = None) -> Scenario:
    found = {"PASSWORD": "s3cr3t-pw"} if env is None else env
    return read(text, name="good.yaml", drivers=DRIVERS, env=found, features=FEATURES, overrides=overrides)
