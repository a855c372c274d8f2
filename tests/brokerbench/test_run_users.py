"""A thousand closed users with a connection each on a real RabbitMQ, as the engine runs them."""

from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from brokerbench.contract import BadTarget
from brokerbench.model import Broker, Delivery, Load, Message, Repeats, Scenario
from brokerbench_drivers.rabbitmq import DRIVER
from brokerbench_drivers.rabbitmq.management import Management
from tests.drivers.test_rabbitmq_broker import require_rabbitmq
from tests.support.running import read, run, trials_of

USERS, THINK_S = 1000, 1.0
# Where the machine stood still under its load, which the trial itself says, it is made again, as a run does.
DISTURBED, ATTEMPTS = {"generator-paused", "contaminated"}, 3

pytestmark = [pytest.mark.broker("rabbitmq"), pytest.mark.timeout(400)]


def test_a_thousand_users(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """All are connected while the load runs; X (R + Z) = N; their one process stays small; nothing is lost."""
    require_rabbitmq()
    addresses, listed = [], [0]
    admin = type(DRIVER).admin

    def watched(driver: Any, address: Any, settings: Any) -> Any:
        addresses.append(address)
        return admin(driver, address, settings)

    def observe(kind: str, about: dict[str, Any]) -> None:
        if kind == "beat" and addresses and max(listed) < USERS:  # the broker's list comes late
            with suppress(BadTarget):  # it has a thousand connections to open meanwhile, and is asked again
                names = [str(each.get("client_properties")) for each in Management(addresses[-1]).connections()]
                listed.append(sum(" lane-" in name for name in names))

    monkeypatch.setattr(type(DRIVER), "admin", watched)
    asked = Scenario(
        scenario="users",
        brokers={"it": Broker(driver="rabbitmq")},
        message=Message(size="1KiB"),
        delivery=Delivery(),
        load=Load.model_validate(
            {
                "model": "closed",
                "users": USERS,
                "think": f"{THINK_S:g}s",
                "connections": "each",
                "warmup": "1s",
                "stages": [{"steady": "5s"}],
            }
        ),
        repeats=Repeats(blocks=1),
        primary="confirm.p99",
    )
    for attempt in range(ATTEMPTS):
        folder = run(asked, tmp_path / str(attempt), observe=observe, smoke=True)
        record = read(folder / "summary.json")["candidates"]["it"]["trials"][0]
        assert record["state"] == "finished"
        law = next(check for check in record["checks"] if check["name"] == "users")
        # As printed, without taking off what is cut at the window's ends: there users are in random places of a round.
        plain = record["confirmed_msgs_s"] * (THINK_S + record["confirm_ms"]["mean"] / 1e3)
        # Off where the law itself holds, a hiccup of the broker made them a herd: the same figures, in other places.
        herd = law["holds"] and abs(plain / USERS - 1) > 0.02
        if not herd and (law["holds"] or not DISTURBED & set(record["validity"]["codes"])):
            break
    assert max(listed) == USERS
    assert law["holds"], record["validity"]
    assert plain == pytest.approx(USERS, rel=0.02)
    assert record["ledger"]["lost"] == record["ledger"]["outstanding"] == 0
    producer = read(trials_of(folder)["it"] / "trial.json")["producers"][0]
    assert producer["sent"] == producer["scheduled"] >= 3 * USERS  # 6 each, less where answers take their time
    assert producer["rss_mib_max"] <= 100
