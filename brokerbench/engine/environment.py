"""The machine a run was made on, for the reader who must judge whether its figures carry over."""

import functools
import hashlib
import json
import platform
import sys
from collections.abc import Iterable, Mapping, Sequence
from importlib import metadata
from pathlib import Path
from typing import Any

import psutil

from brokerbench.contract import Driver

from .cgroup import own_cgroup
from .disk import disk_of, flush_ms
from .kernel import first_line, lines

__all__ = ["environment", "fingerprint", "packages_of", "providers"]

_GOVERNOR = Path("/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor")
_CLOCK = Path("/sys/devices/system/clocksource/clocksource0/current_clocksource")


def environment(packages: Iterable[str], data_folder: Path | None = None) -> dict[str, Any]:
    """The machine, and the versions of the named packages; None for what it does not tell.

    `data_folder` lies where servers keep their data: a moment is spent there on finding the disk's flush time.
    """
    cgroup = own_cgroup()
    return {
        "cpu": _cpu(),
        "cores": psutil.cpu_count(),
        "cores_usable": len(psutil.Process().cpu_affinity() or []) or None,
        "governor": first_line(_GOVERNOR),
        "memory_gib": round(psutil.virtual_memory().total / 2**30, 1),
        "kernel": f"{platform.system()} {platform.release()}",
        "system": _system(),
        "clock_source": first_line(_CLOCK),
        "cgroup": {
            "version": cgroup.version,
            "cpu_quota_cores": cgroup.cpu_quota_cores(),
            "memory_limit_mib": cgroup.memory_limit_mib(),
        },
        "disk": None if data_folder is None else disk_of(data_folder).record() | {"flush_ms": flush_ms(data_folder)},
        "co_located": True,  # one machine carries generator and broker
        "python": platform.python_version(),
        "executable_bits": 64 if sys.maxsize > 2**32 else 32,
        "libraries": {name: version for name in sorted(set(packages)) if (version := _version(name))},
    }


def fingerprint(scenario: Mapping[str, Any]) -> str:
    """sha256 of a scenario as run.json shows it: without secrets, the order of its keys and its blanks aside."""
    text = json.dumps(scenario, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
    return hashlib.sha256(text.encode()).hexdigest()


def packages_of(drivers: Sequence[Driver]) -> list[str]:
    """Distributions whose versions belong into the record: what provides the drivers' client modules, and our own."""
    found = providers()
    modules = {module.partition(".")[0] for driver in drivers for module in driver.clients.values()}
    return ["brokerbench", "numpy", *{name for module in modules for name in found.get(module, [])}]


@functools.cache  # it reads the list of files of every package that is installed
def providers() -> Mapping[str, Sequence[str]]:
    """Top-level module -> the distributions that brought it."""
    return metadata.packages_distributions()


def _cpu() -> str | None:
    for line in lines(Path("/proc/cpuinfo")):
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.processor() or None


def _system() -> str | None:
    try:
        return platform.freedesktop_os_release().get("PRETTY_NAME")
    except OSError:
        return None


def _version(package: str) -> str | None:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None
