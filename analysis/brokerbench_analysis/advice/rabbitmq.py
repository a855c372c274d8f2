"""RabbitMQ: prefetch, acknowledgements of several messages, confirms in flight, queues that drop, long messages."""

from collections.abc import Iterator

from brokerbench_analysis.words import counted, digits

from .case import Case
from .patterns import few_in_flight, few_unsettled
from .rule import Finding, Rule

__all__ = ["RULES"]

_DOCS = "https://www.rabbitmq.com/docs"
_ONLY = frozenset({"rabbitmq"})
_LEAST_PREFETCH = 20  # below, a tenth of it saves next to nothing


def _prefetch(case: Case) -> Iterator[Finding]:
    if not case.settings.get("auto_ack"):  # then no prefetch applies
        yield from few_unsettled(200, "basic.qos")(case)


def _one_by_one(case: Case) -> Iterator[Finding]:
    """Only consumers that work on single messages settle them one by one; the others settle what came together."""
    used, rate = case.full_broker(), case.rate("delivered_msgs_s")
    if used is None or rate is None or case.settings.get("auto_ack") or case.settings.get("queue_type") == "stream":
        return
    for name, group in case.groups.items():
        prefetch = int(group["prefetch"])
        if not group.get("processing") or group.get("ack_every", 1) > 1 or prefetch < _LEAST_PREFETCH:
            continue
        to = prefetch // 10
        evidence = (
            f"{digits(rate, 3)} messages a second, each acknowledged by itself (ack_every 1), while the broker used"
            f" {digits(used)} of {counted(case.cores or 0)} cores"
        )
        key = case.key("topology", f"groups.{name}.ack_every")
        yield Finding(f"topology.groups.{name}.ack_every (basic.ack, multiple)", 1, to, evidence, {key: str(to)})


def _drops(case: Case) -> Iterator[Finding]:
    lost = case.lost("confirmed")
    if case.settings.get("overflow") != "drop-head" or not lost:
        return
    read_back = "; ".join(f"{k}: {v}" for k, v in case.facts.items() if k.startswith("queue.") and "x-max" in str(v))
    evidence = f"{lost:,} messages were confirmed and never came: the full queue dropped its oldest ones"
    evidence += f" ({read_back})" if read_back else ""
    key = case.setting("overflow")
    yield Finding(key, "drop-head", "reject-publish", evidence, {key: "reject-publish"})


RULES = (
    Rule(
        name="rabbitmq-drop-head",
        drivers=_ONLY,
        pattern="a queue with a limit and overflow drop-head; messages were confirmed and never delivered",
        effect="nothing that was confirmed is dropped: a full queue refuses new messages instead",
        price="publishers get negative confirms while the queue is full, and must slow down or send again",
        default="RabbitMQ, every version: no limit; with one, drop-head",
        source=f"{_DOCS}/maxlength",
        find=_drops,
        jams=False,
    ),
    Rule(
        name="rabbitmq-prefetch",
        drivers=_ONLY,
        pattern="prefetch below 50 is used up (messages wait, or a round trip fills it) while consumers idle",
        effect="more deliveries a second, until consumers or queue are the limit; beyond 300 little more",
        price="more unsettled messages in memory, and as many to come again when a consumer dies",
        default="basic.qos in AMQP 0-9-1 clients: no limit; 1 in many samples; quorum queues: 2000 at most",
        source=f"{_DOCS}/confirms#channel-qos-prefetch-throughput",
        find=_prefetch,
    ),
    Rule(
        name="rabbitmq-multiple-acks",
        drivers=_ONLY,
        pattern="consumers settle message by message (processing, ack_every 1) and the broker uses half the cores",
        effect="fewer acknowledgements for the broker to handle; the best is near a tenth of the prefetch",
        price="more messages come again when a consumer dies; a queue holds what is settled late for longer",
        default="every version: one basic.ack each, unless multiple is set",
        source="https://www.rabbitmq.com/blog/2020/05/14/quorum-queues-and-flow-control-single-queue-benchmarks",
        find=_one_by_one,
    ),
    Rule(
        name="rabbitmq-confirms",
        drivers=_ONLY,
        pattern="fewer than 50 unconfirmed messages a producer, and all of them are under way all the time",
        effect="more messages a second: the gain is largest up to 200 in flight, and beyond 1000 only latency grows",
        price="as many messages of unknown fate when a connection is lost; latency of each under full load",
        default="every version: no limit; clients that wait for each confirm have 1",
        source="https://www.rabbitmq.com/blog/2020/05/14/quorum-queues-and-flow-control-single-queue-benchmarks",
        find=few_in_flight(500),
    ),
)
