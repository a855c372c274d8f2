"""The shipped comparison of brokers that outlive a kill: who can takes part, who cannot is told why."""

import pytest

from tests.support.accounts import run_short

pytestmark = pytest.mark.timeout(420)


def test_those_that_can_do_and_their_accounts_balance(tmp_path):
    finished = run_short("compare-durable", tmp_path)
    assert set(finished.excluded) == {"mosquitto"}
    assert "broker-kill" in finished.excluded["mosquitto"]
    assert len(finished.names) == 8
    finished.balance()
    weak = {"nothing", "client-crash"}
    assert not weak & {finished.summary["candidates"][name]["survives"] for name in finished.names}
