"""Several topics on real servers: each message reaches the consumers of its own topic and no other, and the accounts
are those of all topics."""

from pathlib import Path
from typing import Any

import pytest

from brokerbench.model import Broker, Group, Guarantee, Pattern, Topology
from tests.support.absent import recipe_of
from tests.support.run_folder import check_run
from tests.support.running import read, run, scenario, trials_of

pytestmark = pytest.mark.usefixtures("undisturbed")

AT_MOST, AT_LEAST = Guarantee.AT_MOST_ONCE, Guarantee.AT_LEAST_ONCE
TOPICS, PRODUCERS = 2, 3
GROUPS = {"one": Group(consumers=2), "two": Group(consumers=3)}
COUNTING = {
    "jetstream": Broker(driver="nats", settings={"mode": "jetstream", "storage": "memory"}),
    "valkey": Broker(driver="redis", settings={"product": "valkey"}),
    "rabbitmq": Broker(driver="rabbitmq"),
    "simulated": Broker(driver="simulated"),
}
SILENT = {"core": Broker(driver="nats", settings={"mode": "core"}), "zeromq": Broker(driver="zeromq")}


def of_topics(record: dict[str, Any], trial: Path) -> dict[str, list[int]]:
    """For each group, what its consumers got of each topic; nothing lost, doubled or gone astray."""
    ledger, told = record["ledger"], read(trial / "trial.json")
    sent = [sum(p["sent"] for p in told["producers"] if p["index"] % TOPICS == topic) for topic in range(TOPICS)]
    assert min(sent) > 0
    assert sum(sent) == ledger["sent"] == ledger["promised"]
    assert ledger["lost"] == ledger["duplicates"] == ledger["foreign"] == ledger["outstanding"] == 0
    assert ledger["closed"]
    assert [check for check in record["checks"] if check["holds"] is False] == []
    got = {}
    for group in ledger["groups"]:
        mine = [c for c in told["consumers"] if c["group"] == group]
        got[group] = [sum(c["unique"] for c in mine if c["index"] % TOPICS == topic) for topic in range(TOPICS)]
        if group != "replies":
            assert got[group] == sent
    return got


def test_each_group_gets_each_topic_and_brokers_count_all_of_them(tmp_path: Path) -> None:
    recipe_of("rabbitmq")
    asked = scenario(
        COUNTING, rate="600/s", guarantee=AT_LEAST, producers=PRODUCERS, topics=TOPICS, groups=GROUPS, drain="20s"
    )
    folder = run(asked, tmp_path, smoke=True)
    check_run(folder)
    candidates, trials = read(folder / "summary.json")["candidates"], trials_of(folder)
    assert {name for name, each in candidates.items() if not each["excluded"]} == set(COUNTING)
    for name in COUNTING:
        record = candidates[name]["trials"][0]
        of_topics(record, trials[name])
        counted = read(trials[name] / "trial.json")["broker_counters"]
        owed = record["ledger"]["sent"] + counted["canaries"]["published"]
        assert counted["published"] == owed, name
        assert counted["delivered"] == dict.fromkeys(GROUPS, owed), name
        # Where one consumer has a topic for itself, the order of its producers is judged.
        assert record["ledger"]["groups"]["one"]["reordered"] == 0, name


def test_requests_are_answered_at_their_own_topic(tmp_path: Path) -> None:
    asked = scenario(SILENT, rate="300/s", drain="20s")
    calls = Topology(
        pattern=Pattern.REQUEST_REPLY, topics=TOPICS, producers=PRODUCERS, groups={"service": Group(consumers=3)}
    )
    folder = run(asked.model_copy(update={"topology": calls, "primary": "response.p99"}), tmp_path, smoke=True)
    check_run(folder)
    for name, trial in trials_of(folder).items():
        [record] = read(folder / "summary.json")["candidates"][name]["trials"]
        got = of_topics(record, trial)
        assert sum(got["replies"]) == record["ledger"]["sent"], name
        assert record["response_ms"]["count"] > 0
