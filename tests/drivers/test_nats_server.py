"""The server flushes as the settings say, and one that does not is refused."""

from pathlib import Path

import pytest

from brokerbench.contract import BadTarget, Destination
from brokerbench.model import ServerKind
from brokerbench.servers import Guardian
from brokerbench_drivers.nats import DRIVER

ALWAYS = DRIVER.Settings(sync_interval="always", max_payload_bytes="2MiB")


@pytest.mark.broker("nats")
def test_flushing_and_sizes_are_read_back(tmp_path: Path) -> None:
    with Guardian() as guardian:
        host = guardian.host("nats", tmp_path)
        server = DRIVER.servers[ServerKind.EMBEDDED].start(host, ALWAYS)
        admin = DRIVER.admin(server.address, ALWAYS)
        facts = admin.facts(admin.declare(Destination("bb.r.t", 1, 1, {"a": 1})))
        admin.close()
        host.close()
    assert facts["sync_interval"] == "always"
    assert facts["max_payload"] == str(2 * 2**20)
    assert facts["stream.storage"] == "file"
    assert facts["version"] == server.about["version"]


@pytest.mark.broker("nats")
def test_a_server_that_flushes_later_is_refused(tmp_path: Path) -> None:
    with Guardian() as guardian:
        host = guardian.host("nats", tmp_path)
        server = DRIVER.servers[ServerKind.EMBEDDED].start(host, DRIVER.Settings())
        unknown = {key: value for key, value in server.address.items() if key != "monitor"}
        with pytest.raises(BadTarget, match="reports 120s"):
            DRIVER.admin(server.address, ALWAYS)
        with pytest.raises(BadTarget, match="monitor="):
            DRIVER.admin(unknown, ALWAYS)
        host.close()
