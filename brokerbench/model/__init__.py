"""The words: Scenario (the question), Plan (the trials), Promise (what a candidate gives), units, limits."""

from .frozen import Frozen
from .gate import Gate
from .limits import GENERATOR_BUSY, GENERATOR_NEAR, GENERATOR_SPARE, STEAL_MOST, THROTTLED_MOST
from .load import Load, LoadModel
from .message import STAMP_BYTES, Keys, Message
from .order import Codec, Compression, OrderModel
from .plan import Candidate, Plan, Promise, PromisePoint, Trial, TrialKind
from .scenario import (
    OWN,
    SURVIVES_ORDER,
    Broker,
    Delivery,
    Guarantee,
    Margins,
    Repeats,
    Role,
    Scenario,
    ServerKind,
    ServerSpec,
    Slo,
    Survives,
)
from .stage import Segment, Stage
from .topology import Group, Topology
from .trace import Trace
from .tracefile import TraceError, TraceFile, read_trace
from .units import (
    BASE_UNITS,
    Count,
    Duration,
    Rate,
    Share,
    Size,
    count,
    duration_s,
    format_duration,
    rate_msgs_s,
    share,
    size_bytes,
)
from .users import Think, Uniform

__all__ = [
    "BASE_UNITS",
    "GENERATOR_BUSY",
    "GENERATOR_NEAR",
    "GENERATOR_SPARE",
    "OWN",
    "STAMP_BYTES",
    "STEAL_MOST",
    "SURVIVES_ORDER",
    "THROTTLED_MOST",
    "Broker",
    "Candidate",
    "Codec",
    "Compression",
    "Count",
    "Delivery",
    "Duration",
    "Frozen",
    "Gate",
    "Group",
    "Guarantee",
    "Keys",
    "Load",
    "LoadModel",
    "Margins",
    "Message",
    "OrderModel",
    "Plan",
    "Promise",
    "PromisePoint",
    "Rate",
    "Repeats",
    "Role",
    "Scenario",
    "Segment",
    "ServerKind",
    "ServerSpec",
    "Share",
    "Size",
    "Slo",
    "Stage",
    "Survives",
    "Think",
    "Topology",
    "Trace",
    "TraceError",
    "TraceFile",
    "Trial",
    "TrialKind",
    "Uniform",
    "count",
    "duration_s",
    "format_duration",
    "rate_msgs_s",
    "read_trace",
    "share",
    "size_bytes",
]
