"""Connections that close and open again under the load: nothing is lost by it, and it is counted."""

import pytest

import brokerbench_drivers
from brokerbench.engine.planner import make_plan
from brokerbench.model import Broker, Churn, Group
from brokerbench_reports import render
from tests.support.absent import require
from tests.support.run_folder import check_run
from tests.support.running import AT_LEAST, AT_MOST, read, run, scenario, trials_of
from tests.support.truth import assert_counts
from tests.support.virtual import run_virtual

pytestmark = pytest.mark.usefixtures("undisturbed")

GROUPS = {"work": Group(consumers=2), "audit": Group.model_validate({"processing": "200us"})}
EVERY = Churn(every="500ms")
EVERYBODY = Churn(every="500ms", who="all")
STREAM = {"driver": "redis", "settings": {"product": "valkey", "claim_after_s": 0.5}}


def test_producers_churn_at_the_rate_asked(tmp_path):
    """In virtual time: each of 3 producers has 8 half seconds in the window, and a connection costs nothing."""
    truth = run_virtual(tmp_path, {}, rate=500.0, steady_s=4.0, producers=3, churn={"every_s": 0.5})
    assert_counts(truth)
    assert truth.record["ledger"]["unknown"] == 0
    assert truth.record["churn"]["producers"]["reopened"] == 3 * 8
    assert truth.record["churn"]["consumers"] is None
    producers = truth.study.measured[0].files.trial["producers"]
    page = render(truth.study, "html")
    assert 'data-label="producers reopened, connections"' in page
    assert "consumers reopened" not in page
    assert [len(p["churn"]["reconnect_ms"]) for p in producers] == [8, 8, 8]


def test_a_confirm_is_awaited_before_the_connection_closes(tmp_path):
    """Confirms take 20 ms and messages come every 5: the first one due after the last one sent waits 15 ms for it."""
    slow = {"confirm_delay_s": 0.02}
    truth = run_virtual(tmp_path, slow, rate=200.0, steady_s=4.0, churn={"every_s": 0.5})
    assert_counts(truth)
    assert truth.record["ledger"]["unknown"] == 0
    assert truth.record["churn"]["producers"]["reopened"] == 8
    assert truth.record["send_delay_ms"]["max"] == pytest.approx(15, rel=0.001)


def test_nothing_is_told_of_connections_that_stay(tmp_path):
    assert run_virtual(tmp_path, {}, rate=100.0, steady_s=1.0).record["churn"] is None


@pytest.mark.parametrize(
    "broker",
    [
        pytest.param(
            Broker(driver="nats", settings={"mode": "jetstream", "storage": "memory", "ack_wait_s": 0.5}), id="nats"
        ),
        pytest.param(Broker(**STREAM), id="valkey"),
    ],
)
def test_a_real_broker_loses_nothing_by_it(broker, tmp_path):
    require(broker.driver)
    asked = scenario(
        {"it": broker},
        rate="400/s",
        steady="2s",
        drain="20s",
        guarantee=AT_LEAST,
        producers=2,
        groups=GROUPS,
        churn=EVERYBODY,
    )
    folder = run(asked, tmp_path)
    check_run(folder)
    record = read(folder / "summary.json")["candidates"]["it"]["trials"][0]
    assert not {"integrity", "sums-differ", "counters-differ"} & set(record["validity"]["codes"]), record["validity"]
    ledger = read(trials_of(folder)["it"] / "ledger.json")
    assert ledger["closed"]
    assert (ledger["lost"], ledger["outstanding"], ledger["unknown"]) == (0, 0, 0)
    assert ledger["reordered"] is None
    # 4 half seconds, and one more that began before; a connect that takes longer skips what falls due meanwhile.
    for side, children in (("producers", 2), ("consumers", 3)):
        found = record["churn"][side]
        assert children <= found["reopened"] <= 5 * children
        took = found["reconnect_ms"]
        assert took["count"] == found["reopened"]
        assert 0 < took["p50"] <= took["max"]
        assert took["mean"] <= took["max"]


@pytest.mark.parametrize(
    ("broker", "churn", "why"),
    [
        (Broker(driver="zeromq"), EVERY, "there is no broker that keeps messages"),
        (Broker(driver="nats", settings={"mode": "core"}), EVERYBODY, "nothing is kept here for consumers"),
        (
            Broker(driver="nats", settings={"mode": "jetstream", "storage": "memory"}),
            EVERYBODY,
            "comes again only after 30 s, and the drain is 5 s: use a longer load.drain, or a shorter ack_wait",
        ),
    ],
    ids=["zeromq", "nats-core", "ack-wait"],
)
def test_who_cannot_take_part_is_told_why(broker, churn, why):
    require(broker.driver)
    guarantee = AT_LEAST if "jetstream" in broker.settings.values() else AT_MOST
    asked = scenario({"it": broker}, guarantee=guarantee, churn=churn)
    (candidate,) = make_plan(asked, {broker.driver: brokerbench_drivers.load(broker.driver)}, 1).candidates
    assert why in (candidate.excluded or "")
