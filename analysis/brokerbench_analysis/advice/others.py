"""JetStream, Redis and ZeroMQ: windows of one message, and queues between peers that drop."""

from collections.abc import Iterator

from brokerbench_analysis.words import digits

from .case import Case
from .patterns import few_in_flight, few_unsettled
from .rule import Finding, Rule

__all__ = ["RULES"]

_REDIS = "https://redis.io/docs/latest"
_DROPPING = {"pub-sub", "forwarder"}
_LEAST_PAUSE_S = 1.0


def _window(case: Case) -> Iterator[Finding]:
    if case.settings.get("mode") == "jetstream":
        yield from few_in_flight(256)(case)


def _count(case: Case) -> Iterator[Finding]:
    if case.settings.get("structure") == "stream" and not case.settings.get("noack"):
        yield from few_unsettled(100, "COUNT of XREADGROUP")(case)


def _high_water(case: Case) -> Iterator[Finding]:
    """The high-water mark must hold what comes while the slowest peer does not look."""
    lost, rate, hwm = case.lost("handed-over"), case.rate("sent_msgs_s"), case.settings.get("hwm")
    if case.settings.get("pattern") not in _DROPPING or not lost or not rate or not hwm:
        return
    pauses = [float(p["max_ms"]) / 1e3 for trial in case.trials if (p := trial.record["pauses"]) is not None]
    holds = max(_LEAST_PAUSE_S, *pauses, 0.0) * rate
    to = 2 * int(hwm)
    while to < holds:
        to *= 2
    evidence = (
        f"{lost:,} messages were handed over and never came, without an error: at {digits(rate, 3)} msg/s a high-water"
        f" mark of {int(hwm):,} is full after {digits(hwm / rate * 1e3)} ms (read back: {case.facts.get('hwm', hwm)})"
    )
    key = case.setting("hwm")
    yield Finding(f"{key} (ZMQ_SNDHWM, ZMQ_RCVHWM)", int(hwm), to, evidence, {key: str(to)})


RULES = (
    Rule(
        name="zeromq-high-water-mark",
        drivers=frozenset({"zeromq"}),
        pattern="PUB/SUB, fewer messages delivered than handed over, and no error",
        effect="a slow peer can pause for longer before anything is dropped",
        price="memory: the mark times the message size for each peer and side; a peer that stays too slow still loses",
        default="ZMQ_SNDHWM and ZMQ_RCVHWM: 1000 since libzmq 3.0",
        source="https://github.com/zeromq/libzmq/blob/master/doc/zmq_setsockopt.adoc",
        find=_high_water,
        jams=False,
    ),
    Rule(
        name="redis-count",
        drivers=frozenset({"redis"}),
        pattern="a stream is read by fewer than 50 entries a time, used up while consumers idle",
        effect="one XREADGROUP brings many entries: more deliveries a second",
        price="more entries to be claimed when a consumer dies",
        default="COUNT of XREADGROUP: no limit, every version; 1 in many samples",
        source=f"{_REDIS}/commands/xreadgroup/",
        find=_count,
    ),
    Rule(
        name="jetstream-window",
        drivers=frozenset({"nats"}),
        pattern="fewer than 50 unacknowledged publishes a producer, and all of them are under way all the time",
        effect="publishing is no longer one round trip each: more messages a second",
        price="failed acknowledgements come later, and must be handled for as many messages",
        default="asynchronous publishing, pending messages: 4000 in nats.go; synchronous publishing has 1",
        source="https://docs.nats.io/nats-concepts/jetstream",
        find=_window,
    ),
    Rule(
        name="redis-pipeline",
        drivers=frozenset({"redis"}),
        pattern="fewer than 50 commands of a producer under way, and all of them all the time",
        effect="a pipeline of commands for each round trip: more messages a second",
        price="single messages wait longer for their replies; as many of unknown fate when a connection is lost",
        default="clients, every version: one command a round trip unless pipelined",
        source=f"{_REDIS}/develop/using-commands/pipelining/",
        find=few_in_flight(100),
    ),
)
