"""RabbitMQ 4 out of a Debian 13 folder: it is what was asked, reachable from here alone, and leaves nothing behind."""

import os
import signal
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import psutil
import pytest

from brokerbench.contract import BadTarget
from brokerbench.model import ServerKind, ServerSpec
from brokerbench.servers import Guardian, GuardianLost, Host, NotAvailable, Server, proctree, tailored
from brokerbench_drivers.rabbitmq import DRIVER
from brokerbench_drivers.rabbitmq.debootstrap import bootstrap, mirror
from brokerbench_drivers.rabbitmq.trixie import Trixie
from tests.conformance.lab import until
from tests.support.absent import absent, recipe_of

FOUR = ServerSpec(version="4")
NATIVE = DRIVER.servers[ServerKind.NATIVE]
ROOT = Trixie().root

needs_folder = pytest.mark.timeout(900)  # it may have to be made first

pytestmark = pytest.mark.broker("rabbitmq")


def start(guardian: Guardian, logs: Path) -> Server:
    recipe = recipe_of("rabbitmq", settings=DRIVER.Settings(), spec=FOUR)
    return recipe.start(Host(guardian, "rabbitmq", logs, print), DRIVER.Settings())


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with Guardian() as guardian:
        yield start(guardian, tmp_path_factory.mktemp("logs"))


def within_root() -> list[int]:
    """Every process that has the folder as its root."""
    found = []
    for proc in Path("/proc").glob("[0-9]*"):
        try:
            if os.readlink(proc / "root") == str(ROOT):
                found.append(int(proc.name))
        except OSError:
            continue  # it ended
    return found


def lives(pid: int) -> bool:
    proc = proctree.living(pid)
    return proc is not None and proc.living


def mounted() -> list[str]:
    return [line for line in Path("/proc/self/mountinfo").read_text().splitlines() if str(ROOT) in line]


@needs_folder
def test_it_is_version_4_and_listens_here_alone(server: Server) -> None:
    assert server.process is not None
    pids = server.process.pids()
    names, sockets = set(), []
    for pid in pids:
        with suppress(psutil.NoSuchProcess):  # a child that came and went
            names.add(psutil.Process(pid).name())
            sockets += psutil.Process(pid).net_connections("inet")
    assert {"epmd", "beam.smp"} <= names
    listening = [socket.laddr for socket in sockets if socket.status == psutil.CONN_LISTEN]
    assert {where.ip for where in listening} == {"127.0.0.1", "::1"}  # epmd takes the other loopback too, unasked
    assert {server.address["port"], server.address["management_port"]} < {where.port for where in listening}
    assert server.about["version"].startswith("4.0.")
    with pytest.raises(BadTarget, match="use queue_type: quorum"):
        DRIVER.admin(server.address, DRIVER.Settings(mirrored=True))


@needs_folder
def test_its_root_is_read_only_and_mounted_for_nobody_else(server: Server) -> None:
    assert server.process is not None
    assert server.process.pid in within_root()
    assert mounted() == []
    seen = Path(f"/proc/{server.process.pid}/mountinfo").read_text().splitlines()
    options = {line.split()[4]: line.split()[5].split(",") for line in seen}
    assert "ro" in options["/"]
    assert "rw" in options["/srv"]


@needs_folder
def test_a_killed_guardian_leaves_neither_a_process_nor_a_mount(tmp_path: Path) -> None:
    with Guardian() as guardian:
        server = start(guardian, tmp_path)
        assert server.process is not None
        pids = set(server.process.pids())
        data = guardian.folder
        os.kill(guardian.pid, signal.SIGKILL)
        until(lambda: not any(map(lives, pids)), "its processes are gone")
        until(lambda: not data.exists(), "its data is gone")
        assert pids.isdisjoint(within_root())
        assert mounted() == []
        with pytest.raises(GuardianLost):
            guardian.check()


def test_a_mirror_without_the_suite_is_refused_at_once_in_one_line(tmp_path: Path) -> None:
    try:
        mirror("It")
    except (NotAvailable, OSError) as error:
        absent(str(error))
    with pytest.raises(NotAvailable, match=r"^It: .*; check the network and apt's sources, and try again$") as refused:
        bootstrap("no-such-suite", "rabbitmq-server", tmp_path, "It")
    assert "\n" not in str(refused.value)
    assert list(tmp_path.iterdir()) == []


def test_mirrored_queues_are_refused_before_anything_starts() -> None:
    with pytest.raises(NotAvailable, match="no mirrored queues: use queue_type: quorum"):
        tailored(NATIVE, DRIVER.Settings(mirrored=True), FOUR)


def test_a_version_that_nobody_has_is_refused_with_those_there_are() -> None:
    with pytest.raises(NotAvailable, match=r"RabbitMQ 9 is asked, and there is .*4\.0\.\d+: ask for one of these"):
        tailored(NATIVE, DRIVER.Settings(), ServerSpec(version="9"))
