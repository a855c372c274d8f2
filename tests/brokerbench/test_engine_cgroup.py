"""Limits and waiting time of our control group, from folders laid out as version 1, version 2 and both have them."""

from collections.abc import Mapping
from pathlib import Path

import pytest

from brokerbench.engine.cgroup import own_cgroup

V1_MOUNTS = """\
31 23 0:28 / /sys/fs/cgroup rw,relatime - tmpfs tmpfs rw,mode=755
32 31 0:29 / /sys/fs/cgroup/cpu,cpuacct rw,relatime - cgroup cgroup rw,cpu,cpuacct
35 31 0:32 / /sys/fs/cgroup/memory rw,relatime - cgroup cgroup rw,memory
40 31 0:37 / /sys/fs/cgroup/systemd rw,relatime - cgroup cgroup rw,name=systemd
"""
V2_MOUNTS = "30 23 0:26 / /sys/fs/cgroup rw,relatime shared:4 - cgroup2 cgroup2 rw,nsdelegate\n"
NO_LIMIT = str(2**63 - 4096)


def machine(root: Path, mounts: str, groups: str, files: Mapping[str, str]) -> Path:
    texts = {"proc/self/mountinfo": mounts, "proc/self/cgroup": groups}
    for name, text in (texts | {f"sys/fs/cgroup/{n}": t for n, t in files.items()}).items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return root


def test_version_1_with_its_own_path_for_each_controller(tmp_path: Path) -> None:
    files = {
        "cpu,cpuacct/cpu.stat": "nr_periods 0\nnr_throttled 0\nthrottled_time 0\n",
        "cpu,cpuacct/jobs/one/cpu.cfs_quota_us": "150000\n",
        "cpu,cpuacct/jobs/one/cpu.cfs_period_us": "100000\n",
        "cpu,cpuacct/jobs/one/cpu.stat": "nr_periods 9\nnr_throttled 3\nthrottled_time 2500000000\n",
        "memory/runs/memory.limit_in_bytes": f"{512 * 2**20}\n",
        "memory/runs/seven/memory.limit_in_bytes": f"{NO_LIMIT}\n",
    }
    groups = "9:name=systemd:/\n4:memory:/runs/seven\n1:cpu,cpuacct:/jobs/one\n"
    found = own_cgroup(machine(tmp_path, V1_MOUNTS, groups, files))
    assert found.version == 1
    assert found.cpu_quota_cores() == 1.5
    assert found.memory_limit_mib() == 512, "an ancestor's limit holds too"
    assert found.throttled_s() == 2.5


def test_version_2(tmp_path: Path) -> None:
    files = {
        "cgroup.controllers": "cpu memory\n",
        "cpu.stat": "usage_usec 5\n",
        "pod/cpu.max": "200000 100000\n",
        "pod/cpu.stat": "usage_usec 5\nnr_throttled 1\nthrottled_usec 250000\n",
        "pod/memory.max": f"{2**30}\n",
        "pod/box/cpu.max": "max 100000\n",
        "pod/box/cpu.stat": "usage_usec 5\nnr_throttled 1\nthrottled_usec 500000\n",
        "pod/box/memory.max": "max\n",
    }
    found = own_cgroup(machine(tmp_path, V2_MOUNTS, "0::/pod/box\n", files))
    assert found.version == 2
    assert found.cpu_quota_cores() == 2
    assert found.memory_limit_mib() == 1024
    assert found.throttled_s() == 0.75


def test_both_versions_side_by_side(tmp_path: Path) -> None:
    """Version 2 keeps a cpu.stat of its own without the controller; version 1 is the one that limits."""
    mounts = V1_MOUNTS + "41 31 0:38 / /sys/fs/cgroup/unified rw,relatime - cgroup2 cgroup2 rw\n"
    files = {
        "unified/cpu.stat": "usage_usec 5\n",
        "cpu,cpuacct/cpu.stat": "throttled_time 1000000000\n",
        "memory/memory.limit_in_bytes": NO_LIMIT,
    }
    found = own_cgroup(machine(tmp_path, mounts, "4:memory:/\n1:cpu,cpuacct:/\n0::/\n", files))
    assert (found.version, found.throttled_s()) == (1, 1.0)
    assert found.cpu_quota_cores() is None
    assert found.memory_limit_mib() is None


@pytest.mark.parametrize(
    ("shown", "group"),
    [
        ("/docker/abc", "/docker/abc"),  # the host's path, of which the container sees its own part
        ("/", "/"),  # a name space of its own
        ("/", "/../other"),  # somebody else's name space
        ("/docker/abc", "/elsewhere"),
    ],
)
def test_in_a_container_the_mount_is_our_group(shown: str, group: str, tmp_path: Path) -> None:
    mounts = f"30 23 0:26 {shown} /sys/fs/cgroup ro,relatime - cgroup2 cgroup rw\n"
    found = own_cgroup(machine(tmp_path, mounts, f"0::{group}\n", {"cpu.max": "50000 100000\n", "memory.max": "max\n"}))
    assert (found.version, found.cpu_quota_cores(), found.memory_limit_mib()) == (2, 0.5, None)


def test_what_the_kernel_does_not_say_is_none(tmp_path: Path) -> None:
    """The root of version 2 has no quota, so it counts no waiting."""
    found = own_cgroup(machine(tmp_path, V2_MOUNTS, "0::/\n", {"cpu.stat": "usage_usec 5\nuser_usec 4\n"}))
    assert (found.version, found.cpu_quota_cores(), found.memory_limit_mib(), found.throttled_s()) == (
        2,
        None,
        None,
        None,
    )


def test_no_control_groups_at_all(tmp_path: Path) -> None:
    found = own_cgroup(tmp_path)
    assert (found.version, found.cpu_quota_cores(), found.memory_limit_mib(), found.throttled_s()) == (
        None,
        None,
        None,
        None,
    )


def test_this_machine_counts_forwards() -> None:
    found = own_cgroup()
    before, after = found.throttled_s(), found.throttled_s()
    assert (before is None) == (after is None)
    assert (before or 0.0) <= (after or 0.0)
