"""Consumers that give back, reject and settle in bunches, on real brokers: the ledger knows whose doing it was."""

import pytest

from brokerbench.model import Broker, Group
from tests.support.absent import require
from tests.support.run_folder import check_run
from tests.support.running import AT_LEAST, read, run, scenario, trials_of

pytestmark = pytest.mark.usefixtures("undisturbed")

GROUPS = {
    "work": Group.model_validate(
        {"consumers": 2, "prefetch": 40, "processing": "1ms", "requeue": "5%", "reject": "2%", "ack_every": 10}
    ),
    "audit": Group(),
}


@pytest.mark.parametrize(
    "broker",
    [
        pytest.param(Broker(driver="nats", settings={"mode": "jetstream", "storage": "memory"}), id="nats"),
        pytest.param(Broker(driver="rabbitmq", settings={"queue_type": "classic"}), id="rabbitmq"),
    ],
)
def test_what_is_given_back_comes_again_and_is_no_duplicate(broker, tmp_path):
    require(broker.driver)
    asked = scenario({"it": broker}, rate="400/s", steady="2s", drain="20s", guarantee=AT_LEAST, groups=GROUPS)
    folder = run(asked, tmp_path)
    check_run(folder)
    record = read(folder / "summary.json")["candidates"]["it"]["trials"][0]
    assert not {"integrity", "sums-differ", "broker-counters"} & set(record["validity"]["codes"]), record["validity"]
    ledger = read(trials_of(folder)["it"] / "ledger.json")
    assert ledger["closed"]
    assert (ledger["lost"], ledger["duplicates"], ledger["outstanding"]) == (0, 0, 0)
    work, audit = ledger["groups"]["work"], ledger["groups"]["audit"]
    sent = ledger["sent"]
    for name, share in (("returned", 0.05), ("rejected", 0.02)):
        assert abs(work[name] - share * sent) < 5 * (share * sent) ** 0.5
        assert audit[name] == 0
    assert work["redelivered"] == work["returned"]
    assert work["reordered"] is None
    assert work["unique"] == audit["unique"] == sent
    assert record["consumers"]["work"]["returned"] == work["returned"]
    assert 0.1 < record["consumers"]["work"]["working_share_mean"] < 0.4
    assert record["consumers"]["audit"]["working_share_mean"] is None


@pytest.mark.parametrize(
    "settings", [{"queue_type": "classic"}, {"queue_type": "quorum"}], ids=lambda it: it["queue_type"]
)
def test_what_is_rejected_goes_to_the_dead_letters(settings, tmp_path):
    """The broker's count of that queue and our count of what was rejected are two ways to one number."""
    require("rabbitmq")
    groups = {"work": Group.model_validate({"reject": "5%", "dead_letter": True}), "audit": Group()}
    broker = Broker(driver="rabbitmq", settings=settings)
    asked = scenario({"it": broker}, rate="400/s", steady="1s", drain="20s", guarantee=AT_LEAST, groups=groups)
    folder = run(asked, tmp_path)
    check_run(folder)
    trial = trials_of(folder)["it"]
    rejected = read(trial / "ledger.json")["groups"]["work"]["rejected"]
    assert rejected > 0
    assert read(trial / "trial.json")["broker_counters"]["dead_lettered"] == {"work": rejected}
    checks = read(folder / "summary.json")["candidates"]["it"]["trials"][0]["checks"]
    [check] = [each for each in checks if each["about"] == "in the dead-letter queue of group work"]
    assert (check["expected"], check["found"], check["holds"]) == (rejected, rejected, True)
