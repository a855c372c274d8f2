"""The machine a run was made on, for the reader who must judge whether its figures carry over."""

import platform
import sys
from collections.abc import Iterable
from importlib import metadata
from pathlib import Path
from typing import Any

import psutil

__all__ = ["environment"]

_GOVERNOR = Path("/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor")
_CLOCK = Path("/sys/devices/system/clocksource/clocksource0/current_clocksource")


def environment(packages: Iterable[str]) -> dict[str, Any]:
    """CPU, memory, kernel, clock, and the versions of the named packages; None for what the machine does not tell."""
    return {
        "cpu": _cpu(),
        "cores": psutil.cpu_count(),
        "cores_usable": len(psutil.Process().cpu_affinity() or []) or None,
        "memory_gib": round(psutil.virtual_memory().total / 2**30, 1),
        "kernel": f"{platform.system()} {platform.release()}",
        "system": _system(),
        "python": platform.python_version(),
        "executable_bits": 64 if sys.maxsize > 2**32 else 32,
        "clock_source": _line(_CLOCK),
        "cpu_governor": _line(_GOVERNOR),
        "co_located": True,  # one machine carries generator and broker
        "libraries": {name: version for name in sorted(set(packages)) if (version := _version(name))},
    }


def _cpu() -> str | None:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.processor() or None


def _system() -> str | None:
    try:
        return platform.freedesktop_os_release().get("PRETTY_NAME")
    except OSError:
        return None


def _line(path: Path) -> str | None:
    return path.read_text().strip() if path.exists() else None


def _version(package: str) -> str | None:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None
