"""Compose files are read, not run: ports on loopback, pinned images, health checks, and urls that our drivers take."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest
from ruamel.yaml import YAML

import brokerbench_drivers
from tests.support.absent import absent

FOLDER = Path(__file__).parent.parent / "compose"
FILES = sorted(FOLDER.glob("*.yml"))
URLS = {
    name: (driver, url)
    for name, driver, url in re.findall(
        r"^\| `(\w+)\.yml` \| `(\w+)` \| `([^`]+)` \|$", (FOLDER / "README.md").read_text(), re.MULTILINE
    )
}


def test_every_file_has_its_url() -> None:
    assert FILES
    assert sorted(URLS) == [path.stem for path in FILES]
    brokers = set(brokerbench_drivers.names()) - {"null", "simulated", "zeromq"}
    assert {driver for driver, _ in URLS.values()} == brokers


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_services_are_pinned_local_and_checked(path: Path) -> None:
    content = YAML(typ="safe").load(path)
    driver, url = URLS[path.stem]
    address = brokerbench_drivers.load(driver).address(url)
    ports = []
    for service in content["services"].values():
        image, _, tag = service["image"].partition(":")
        assert image
        assert re.match(r"\d+\.\d+", tag), f"{service['image']} is not pinned to a version"
        assert service["healthcheck"]["test"][0] == "CMD"
        for mapping in service["ports"]:
            host, outside, _inside = mapping.split(":")
            assert host == "127.0.0.1"
            ports.append(int(outside))
        for volume in service["volumes"]:
            assert volume.split(":")[0] in content["volumes"]
    where = str(address)
    assert any(str(port) in where for port in ports), f"{where} is at none of {ports}"


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_compose_itself_reads_it(path: Path) -> None:
    program = shutil.which("docker-compose")
    if program is None:
        absent("docker-compose: apt-get install docker-compose")
    told = subprocess.run([program, "-f", str(path), "config"], capture_output=True, text=True, check=False, timeout=60)
    assert told.returncode == 0, told.stderr
    [service] = YAML(typ="safe").load(told.stdout)["services"].values()
    assert service["healthcheck"]["retries"] == 20
    assert service["ports"]
    assert service["volumes"]
