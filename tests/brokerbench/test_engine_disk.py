"""The disk below a folder, from a made-up /proc and /sys; its flush time on a real one."""

from pathlib import Path

import pytest

from brokerbench.engine.disk import Flushed, disk_of, flush_ms

STATS = "{} {} {} 10 0 80 1 20 0 2048 2 0 3 4 0 0 0 0 77 5\n"  # the tenth is sectors written, the last but one flushes


class Machine:
    def __init__(self, root: Path) -> None:
        self.root = root
        self.mounts: list[str] = []
        (root / "proc/self").mkdir(parents=True)
        (root / "sys/dev/block").mkdir(parents=True)

    def block(self, where: str, number: str, **files: str) -> Path:
        """A device with its files (`queue__rotational` for queue/rotational), found by its number."""
        home = self.root / "sys/devices" / where
        for name, text in {"dev": number, **files}.items():
            path = home / name.replace("__", "/")
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text + "\n")
        (self.root / "sys/dev/block" / number).symlink_to(home)
        major, minor = number.split(":")
        with (self.root / "proc/diskstats").open("a") as file:
            file.write(STATS.format(major, minor, home.name))
        return home

    def mount(self, number: str, at: str, kind: str, source: str) -> None:
        self.mounts.append(f"27 1 {number} / {at} rw,relatime shared:1 - {kind} {source} rw\n")
        (self.root / "proc/self/mountinfo").write_text("".join(self.mounts))


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(tmp_path)


def test_a_partition_belongs_to_its_disk(machine: Machine) -> None:
    machine.block("nvme0n1", "259:0", queue__rotational="0", device__model="Quick 3000  ")
    machine.block("nvme0n1/nvme0n1p2", "259:2", partition="2")
    machine.mount("259:2", "/", "ext4", "/dev/root")
    machine.mount("0:21", "/data", "tmpfs", "tmpfs")
    found = disk_of(Path("/var/lib"), machine.root)
    assert found.record() == {
        "device": "nvme0n1",
        "model": "Quick 3000",
        "rotational": False,
        "filesystem": "ext4",
    }
    assert found.number == "259:0"
    assert found.flushed() == Flushed(flushes=77, written_bytes=2048 * 512)


def test_memory_has_no_disk(machine: Machine) -> None:
    machine.mount("259:2", "/", "ext4", "/dev/root")
    machine.mount("0:21", "/data", "tmpfs", "tmpfs")
    found = disk_of(Path("/data/broker"), machine.root)
    assert found.record() == {"device": None, "model": None, "rotational": None, "filesystem": "tmpfs"}
    assert found.flushed() is None


def test_the_last_of_two_mounts_in_one_place_and_a_blank_in_its_name(machine: Machine) -> None:
    machine.mount("0:1", "/my\\040data", "tmpfs", "tmpfs")
    machine.mount("8:1", "/my\\040data", "xfs", "/dev/none")
    machine.block("sda", "8:0", queue__rotational="1")
    machine.block("sda/sda1", "8:1", partition="1")
    found = disk_of(Path("/my data"), machine.root)
    assert (found.device, found.filesystem, found.rotational, found.model) == ("sda", "xfs", True, None)


def test_through_a_mapper_that_stands_on_one_device(machine: Machine) -> None:
    machine.block("sda", "8:0", queue__rotational="1", device__model="Slow")
    part = machine.block("sda/sda3", "8:3", partition="3")
    slaves = machine.block("dm-0", "253:0", queue__rotational="1") / "slaves"
    slaves.mkdir()
    (slaves / "sda3").symlink_to(part)
    machine.mount("253:0", "/", "ext4", "/dev/mapper/root")
    assert disk_of(Path("/srv"), machine.root).model == "Slow"


def test_a_mapper_on_two_devices_stays_itself(machine: Machine) -> None:
    disks = [machine.block(name, number) for name, number in (("sda", "8:0"), ("sdb", "8:16"))]
    slaves = machine.block("md0", "9:0") / "slaves"
    slaves.mkdir()
    for disk in disks:
        (slaves / disk.name).symlink_to(disk)
    machine.mount("9:0", "/", "ext4", "/dev/md0")
    assert disk_of(Path("/srv"), machine.root).device == "md0"


def test_no_mounts_known(tmp_path: Path) -> None:
    found = disk_of(Path("/srv"), tmp_path)
    assert (found.number, found.filesystem, found.flushed()) == (None, None, None)


def test_this_machine_names_the_file_system(tmp_path: Path) -> None:
    assert disk_of(tmp_path).filesystem


def test_a_flush_takes_time_and_leaves_nothing(tmp_path: Path) -> None:
    took_ms = flush_ms(tmp_path)
    assert took_ms is not None
    assert took_ms > 0
    assert not list(tmp_path.iterdir())


def test_what_cannot_be_flushed_is_not_measured(tmp_path: Path) -> None:
    assert flush_ms(tmp_path / "nowhere") is None
