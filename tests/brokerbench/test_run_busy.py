"""An external server that others use: refused in one line before anything of ours is there, unless it is allowed."""

import os
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from brokerbench.model import ServerKind
from brokerbench.servers import Guardian
from brokerbench_drivers.nats import DRIVER
from tests.support.absent import require
from tests.support.live import command
from tests.support.run_folder import check_run
from tests.support.running import read

SCENARIO = """
scenario: busy
brokers: {{it: {{driver: nats, mode: core, url: "{url}"}}}}
message: {{size: 256B}}
delivery: {{guarantee: at-most-once}}
load: {{model: open, warmup: 300ms, stages: [{{steady: 1s, rate: 500/s}}], drain: 2s}}
repeats: {{blocks: 1}}
"""


@pytest.fixture
def url(tmp_path: Path) -> Iterator[str]:
    """Of a server with one client of somebody else's."""
    require("nats")
    with Guardian() as guardian:
        host = guardian.host("theirs", tmp_path / "logs")
        server = DRIVER.servers[ServerKind.EMBEDDED].start(host, DRIVER.Settings(mode="core"))
        with socket.create_connection(("127.0.0.1", server.address["port"]), timeout=5) as other:
            other.sendall(b'CONNECT {"verbose":false}\r\nPING\r\n')
            while b"PONG" not in other.recv(4096):
                pass
            yield DRIVER.url(server.address)


def told(home: Path, url: str, *more: str) -> "subprocess.CompletedProcess[str]":
    (home / "it.yaml").write_text(SCENARIO.format(url=url))
    return subprocess.run(
        command("run", "it.yaml", "--results", "results", *more),
        cwd=home,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
        env=os.environ,
    )


def test_it_is_refused_and_said_how_to_go_on(tmp_path: Path, url: str) -> None:
    done = told(tmp_path, url)
    assert done.returncode == 1, done.stdout + done.stderr
    [folder] = (tmp_path / "results").glob("*/")
    check_run(folder)
    reasons = {trial["reason"] for trial in read(folder / "run.json")["trials"]}
    assert len(reasons) == 1, reasons
    [reason] = reasons
    assert "others use this server: 1 connection of others" in reason
    assert "--allow-busy" in reason


def test_it_is_measured_where_that_is_allowed(tmp_path: Path, url: str) -> None:
    done = told(tmp_path, url, "--allow-busy")
    assert done.returncode in (0, 3), done.stdout + done.stderr  # 3: so short a load proves little
    assert "lost 0" in done.stdout
