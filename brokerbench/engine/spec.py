"""What a child is told before it starts, as plain JSON: it crosses a process boundary."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from brokerbench.contract import Endpoints, Session
from brokerbench.model import Segment

__all__ = ["ChildSpec"]


@dataclass(frozen=True)
class ChildSpec:
    """`role` is "producer" or "consumer". Times are seconds; `rate_msgs_s` is the total over all producers, on average
    over the window, None where none is asked; `profile` has its segments where it varies; `closed` has the users of all
    producers. `ledger` is the folder for bitmap files."""

    name: str
    role: str
    driver: str  # "module:attribute"
    client: str
    endpoints: Mapping[str, Any]
    settings: Mapping[str, Any]
    index: int  # among all producers, or in its group, whatever the topic
    group: str | None
    producers: int
    in_flight: int
    prefetch: int
    size_bytes: int  # of each message, or of the largest
    keys: Mapping[str, Any] | None  # as the scenario's message has them
    confirming: bool
    settling: bool
    ordered: bool  # whether deliveries inside one consumer have an order to check
    tag: int
    seed: int
    rate_msgs_s: float | None
    profile: Sequence[Segment]
    arrivals: str
    warmup_s: float
    measure_s: float
    drain_s: float
    ledger: str
    closed: Mapping[str, Any] | None = None  # users, think, ramp_s and connections, as the scenario's load has them
    replay: str | None = None  # the file of this producer's intended times
    bodies: str = "equal"  # or rows, tape: sizes differ, and files in `ledger` say how
    mean_bytes: float | None = None  # None: all are equal
    compressibility: float = 0.0
    headers: Mapping[str, str] = field(default_factory=dict)  # of every message
    replies: Sequence[Mapping[str, Any] | None] = ()  # who answers: where to, for each producer of its topic
    replies_through: str | None = None  # the pipe by which who receives replies tells its producer of them
    most: int | None = None  # messages of this producer; None: as many as the schedule has
    work: Mapping[str, Any] | None = None  # what this consumer does with its messages; None: it takes and settles them
    topics: int = 1  # over which its like are dealt: it is of topic `index` modulo these
    churn_s: float | None = None  # from one closing of its connection to the next; None: it stays open
    canned: bool = False  # the same messages come again and again, and may come before t0

    def as_json(self) -> dict[str, Any]:
        return asdict(self)

    def session(self, settings: Any) -> Session:
        return Session(
            endpoints=Endpoints(**self.endpoints),
            client=self.client,
            settings=settings,
            in_flight=self.in_flight,
            prefetch=self.prefetch,
            size_bytes=self.size_bytes,
            index=self.index // self.topics,
            group=self.group,
            mean_bytes=self.mean_bytes,
            headers=self.headers,
            turn=self.index,
        )

    @property
    def lanes(self) -> int:
        """Connections of this producer."""
        if self.closed is None or self.closed["connections"] != "each":
            return 1
        return len(range(self.index, self.closed["users"], self.producers))

    @property
    def window_ns(self) -> tuple[int, int]:
        """The measured window, ns since t0."""
        start = round(self.warmup_s * 1e9)
        return start, start + round(self.measure_s * 1e9)
