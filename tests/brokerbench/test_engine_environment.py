"""What a run records about its machine, and the fingerprint of its question."""

import json
from importlib import metadata
from pathlib import Path

import numpy as np
import pytest

from brokerbench.engine.environment import environment, fingerprint

SCENARIO = {"scenario": "orders", "load": {"model": "open", "stages": [{"steady_s": 30.0, "rate_msgs_s": 5000.0}]}}


def test_the_machine_as_the_kernel_names_it() -> None:
    found = environment([])
    assert found["cpu"] in Path("/proc/cpuinfo").read_text()
    assert found["kernel"].endswith(Path("/proc/sys/kernel/osrelease").read_text().strip())
    assert found["cores"] >= found["cores_usable"] >= 1
    assert set(found["cgroup"]) == {"version", "cpu_quota_cores", "memory_limit_mib"}
    assert "governor" in found
    assert "clock_source" in found


def test_versions_of_what_is_installed_and_nothing_of_what_is_not() -> None:
    found = environment(["numpy", "no-such-package-here"])
    assert found["libraries"] == {"numpy": np.__version__}


def test_the_disk_is_looked_at_where_the_data_lies(tmp_path: Path) -> None:
    found = environment([], tmp_path)["disk"]
    assert set(found) == {"device", "model", "rotational", "filesystem", "flush_ms"}
    assert found["flush_ms"] > 0


def test_without_a_folder_no_disk_was_looked_at() -> None:
    assert environment([])["disk"] is None


def test_a_disk_that_cannot_be_written_keeps_its_name(tmp_path: Path) -> None:
    found = environment([], tmp_path / "nowhere")["disk"]
    assert found["flush_ms"] is None
    assert found["filesystem"]


def test_it_is_json(tmp_path: Path) -> None:
    found = environment(["numpy"], tmp_path)
    assert json.loads(json.dumps(found, allow_nan=False)) == found


def test_a_fingerprint_outlives_the_file() -> None:
    assert fingerprint(json.loads(json.dumps(SCENARIO, indent=4))) == fingerprint(SCENARIO)


def test_a_fingerprint_ignores_the_order_of_keys_but_no_value() -> None:
    turned = dict(reversed(SCENARIO.items()))
    assert fingerprint(turned) == fingerprint(SCENARIO)
    assert fingerprint(SCENARIO | {"scenario": "order"}) != fingerprint(SCENARIO)


def test_what_is_no_json_has_no_fingerprint() -> None:
    with pytest.raises(ValueError, match="Out of range float"):
        fingerprint({"rate": float("nan")})


def test_our_own_version_is_the_packages() -> None:
    assert environment(["brokerbench"])["libraries"]["brokerbench"] == metadata.version("brokerbench")
