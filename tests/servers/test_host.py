"""What a server recipe works with."""

import os
import signal
import sys
from pathlib import Path

import pytest

from brokerbench.servers import Guardian, GuardianLost, Host, NotAvailable, Process, ServerHost, ServerProcess

FOREVER = "while :; do sleep 3600; done"


@pytest.fixture
def host(guardian: Guardian, tmp_path: Path) -> Host:
    return guardian.host("kafka (as shipped)", tmp_path / "logs" / "kafka")


def test_it_is_what_recipes_are_promised(host: Host):
    as_promised: ServerHost = host  # mypy checks the calls
    process: ServerProcess = as_promised.spawn(["true"])
    assert isinstance(process, Process)


def test_each_has_an_empty_folder_of_its_own(guardian: Guardian, tmp_path: Path):
    hosts = [guardian.host(name, tmp_path) for name in ("a/b", "a b", "..", "a/b")]
    folders = {host.folder for host in hosts}
    assert len(folders) == 4
    for folder in folders:
        assert folder.parent == guardian.folder
        assert list(folder.iterdir()) == []
        assert folder.stat().st_mode & 0o777 == 0o700


def test_a_server_runs_in_its_folder_and_its_log_is_kept(host: Host):
    process = host.spawn(["sh", "-c", 'pwd; echo "$WORD"; touch data'], env={"WORD": "told"}, log="boot.log")
    assert process.wait(20)
    assert (host.folder / "data").exists()
    host.close()
    assert not host.folder.exists()
    assert (host.logs / "boot.log").read_text().splitlines() == [str(host.folder), "told"]


def test_close_stops_what_runs(host: Host):
    process = host.spawn(["sh", "-c", FOREVER])
    host.close(grace_s=5)
    assert not process.alive()
    assert process.pids() == []


def test_waiting_returns_once_it_is_true(host: Host):
    process = host.spawn(["sh", "-c", f"touch ready; {FOREVER}"])
    host.wait_until((host.folder / "ready").exists, process, 20, "the server")
    assert (host.folder / "ready").exists()


def test_an_os_error_means_not_yet(host: Host):
    ready = host.folder / "ready"
    process = host.spawn(["sh", "-c", f"echo yes > new; mv new ready; {FOREVER}"])
    host.wait_until(lambda: ready.read_text() == "yes\n", process, 20, "the server")  # no such file, at first
    assert ready.read_text() == "yes\n"


def test_a_server_that_ends_is_told_with_its_last_lines(host: Host):
    process = host.spawn(["sh", "-c", "seq 1 40; echo no such option >&2; exit 78"])
    with pytest.raises(NotAvailable) as told:
        host.wait_until(lambda: False, process, 20, "Kafka to listen on 127.0.0.1:9092")
    lines = str(told.value).splitlines()
    assert lines[0] == (
        "Kafka to listen on 127.0.0.1:9092: the process ended with status 78 first; "
        f"its log says why; the whole log: {host.logs / 'server.log'}"
    )
    assert lines[1:] == [f"  | {number}" for number in range(30, 41)] + ["  | no such option"]


def test_a_server_that_never_gets_ready_is_told_with_its_last_lines(host: Host, until):
    process = host.spawn(["sh", "-c", f"echo waiting for godot; {FOREVER}"])
    until(lambda: "godot" in (host.logs / "server.log").read_text(), "it wrote its line")
    with pytest.raises(NotAvailable, match=r"Godot: not so after 0\.1 s.*\n  \| waiting for godot$"):
        host.wait_until(lambda: False, process, 0.1, "Godot")
    assert process.alive()  # the recipe decides what to do with it


def test_the_reason_seen_last_is_told(host: Host):
    process = host.spawn(["sh", "-c", FOREVER])
    with pytest.raises(NotAvailable, match=r"last seen: .*No such file or directory: '/nowhere/at/all'"):
        host.wait_until(lambda: bool(Path("/nowhere/at/all").read_text()), process, 0.1, "the file")


def test_a_mistake_in_the_recipe_is_not_hidden(host: Host):
    process = host.spawn(["sh", "-c", FOREVER])
    with pytest.raises(ZeroDivisionError):
        host.wait_until(lambda: bool(1 / 0), process, 20, "the server")


def test_a_lost_guardian_is_not_the_servers_fault(host: Host, guardian: Guardian):
    process = host.spawn(["sh", "-c", FOREVER])
    os.kill(guardian.pid, signal.SIGKILL)
    with pytest.raises(GuardianLost, match="guardian was killed"):
        host.wait_until(lambda: False, process, 20, "the server")


def test_a_command_that_is_not_there_is_told(host: Host):
    with pytest.raises(NotAvailable, match=r"cannot start no-such-server: No such file or directory; check that"):
        host.spawn(["no-such-server", "--port", "1"])


def test_what_it_says_reaches_the_user(guardian: Guardian, tmp_path: Path):
    said: list[str] = []
    guardian.host("nats", tmp_path, said.append).say("waiting for NATS")
    assert said == ["waiting for NATS"]


def test_a_server_can_use_the_port_it_is_given(host: Host, until):
    port = host.free_port()
    program = "import socket, sys, time; s = socket.create_server(('127.0.0.1', int(sys.argv[1]))); s.accept()"
    process = host.spawn([sys.executable, "-c", program, str(port)])

    def connects() -> bool:
        import socket

        with socket.create_connection(("127.0.0.1", port), timeout=1):
            return True

    host.wait_until(connects, process, 20, "the server to listen")
    assert process.wait(20)
    assert process.returncode == 0
