"""What is ZeroMQ's own: where sockets are bound, and what is left of it. The rest is the conformance suite's."""

from pathlib import Path

import pytest

from brokerbench.contract import BadTarget, Destination, Session
from brokerbench_drivers.zeromq import DRIVER


def _session(endpoints: object, settings: object, group: str | None) -> Session:
    return Session(endpoints, "pyzmq", settings, 500, 500, 64, 0, group)  # type: ignore[arg-type]


def test_a_place_for_each_producer_and_none_twice() -> None:
    for transport in ("tcp", "ipc"):
        admin = DRIVER.admin({}, DRIVER.Settings(transport=transport))
        endpoints = admin.declare(Destination("bb.r.t", 1, 4, {"a": 1}))
        where = endpoints.extra["where"]
        assert len(set(where)) == 4
        assert all(place.startswith(f"{transport}://") for place in where)
        admin.delete(endpoints)


def test_delete_leaves_no_folder_of_sockets() -> None:
    settings = DRIVER.Settings(transport="ipc")
    admin = DRIVER.admin({}, settings)
    endpoints = admin.declare(Destination("bb.r.t", 1, 1, {"a": 1}))
    connection = DRIVER.connect(_session(endpoints, settings, None))
    connection.producer()
    folder = Path(endpoints.extra["folder"])
    assert list(folder.iterdir())
    connection.close()
    admin.delete(endpoints)
    admin.delete(endpoints)
    assert not folder.exists()


def test_a_place_in_use_is_said() -> None:
    settings = DRIVER.Settings()
    endpoints = DRIVER.admin({}, settings).declare(Destination("bb.r.t", 1, 1, {"a": 1}))
    first, second = (DRIVER.connect(_session(endpoints, settings, None)) for _ in range(2))
    first.producer()
    with pytest.raises(BadTarget, match=endpoints.extra["where"][0]):
        second.producer()
    second.close()
    first.close()
