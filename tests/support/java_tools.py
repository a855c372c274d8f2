"""Java programs of others that read what we write: their jars, pinned, and a way to run them."""

import os
import subprocess
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from zipfile import ZipFile

import pytest

from brokerbench.servers.java import find_java
from brokerbench.servers.maven import PinnedJars

__all__ = ["JavaTools"]

_JARS = PinnedJars("JMeter and HdrHistogram", Path(__file__).with_name("java_tools.sha256"), 23, "kafka")
_NEEDED = "these tests need a Java of 17 or newer and jgo: pip install 'brokerbench[kafka]'"


@dataclass(frozen=True)
class JavaTools:
    """`folder`: where JMeter's home is laid out, and what it wants to keep of its user."""

    folder: Path

    @cached_property
    def java(self) -> Path:
        """Fetches the jars too, once for this user. Skipped by name where there is no Java."""
        found = find_java()
        if found is None or not (_JARS.can_fetch() or not _JARS.missing()):
            if os.environ.get("BROKERBENCH_REQUIRE") == "all":
                pytest.fail(f"BROKERBENCH_REQUIRE=all: {_NEEDED}")
            pytest.skip(_NEEDED)
        _JARS.fetch(print)
        return found.executable

    @cached_property
    def jmeter_home(self) -> Path:
        """Settings and the dashboard's templates come in a jar of their own, and must lie on the disk."""
        home = self.folder / "jmeter"
        [settings] = [jar for jar in _JARS.files() if jar.name.startswith("ApacheJMeter_config-")]
        with ZipFile(settings) as archive:
            archive.extractall(home)
        for name in ("ext", "junit"):
            (home / "lib" / name).mkdir(parents=True)
        return home

    def run(self, main: str, *arguments: object, **properties: object) -> str:
        """What it printed. Its working folder is ours, so its logs are too."""
        settings = {"java.awt.headless": "true", "java.util.prefs.userRoot": self.folder} | properties
        command = [self.java, "-Xmx512m", *(f"-D{name}={value}" for name, value in settings.items())]
        command += ["-cp", _JARS.classpath(), main, *arguments]
        ran = subprocess.run(
            [str(part) for part in command], cwd=self.folder, capture_output=True, text=True, timeout=120, check=False
        )
        assert ran.returncode == 0, ran.stdout + ran.stderr
        return ran.stdout

    def histogram_log(self, *arguments: object) -> str:
        return self.run("org.HdrHistogram.HistogramLogProcessor", *arguments)

    def dashboard(self, jtl: Path) -> Path:
        """The folder of JMeter's dashboard, made of a result file and beside it."""
        made = jtl.with_suffix(".dashboard")
        home = {"jmeter.home": self.jmeter_home}
        told = self.run("org.apache.jmeter.NewDriver", "-g", jtl, "-o", made, "-j", self.folder / "jmeter.log", **home)
        assert "error" not in told.lower(), told
        return made
