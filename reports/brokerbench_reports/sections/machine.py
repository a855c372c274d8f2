"""The machine in words: what of it moves figures, and how."""

from collections.abc import Mapping
from typing import Any

from brokerbench_reports.words import NOT_MEASURED, figure, flag, value

__all__ = ["LIMIT", "colocated", "disk_warning", "machine", "where"]

Json = Mapping[str, Any]
_ELSEWHERE = {"libraries", "co_located"}
_NAMES = {
    "cpu": "CPU",
    "cores": "cores",
    "memory_gib": "memory, GiB",
    "cpu_governor": "CPU governor",
    "governor": "CPU governor",
    "cgroup": "container limits",
    "python": "Python",
    "scenario_sha256": "scenario, SHA-256",
}
LIMIT = "Figures are relative on this machine, not sizing figures: compare candidates with each other, nothing else."
_SLOW_DISK_MS = 5.0  # a disk that really writes, without a cache of its own that outlives power


def where(environment: Json) -> str:
    """Whether generator and brokers took from each other what they needed."""
    cores = environment.get("cores")
    share = f"this machine's {cores} cores" if cores else "this machine's cores"
    return f"Co-located: generator and brokers shared {share}."


def colocated(environment: Json) -> str:
    """What every reader must know before carrying a figure elsewhere."""
    return f"{where(environment)} {LIMIT}"


def disk_warning(environment: Json) -> str:
    """Empty where the flush time is not known, or this disk is itself no faster."""
    flush_ms = (environment.get("disk") or {}).get("flush_ms")
    if flush_ms is None or flush_ms >= _SLOW_DISK_MS:
        return ""
    return (
        f"A flush to disk takes {figure(flush_ms)} ms here; on a {_SLOW_DISK_MS:g} ms disk this ranking may change "
        "where candidates flush before they confirm."
    )


def machine(environment: Json) -> list[tuple[str, str]]:
    """Name and words of each thing recorded."""
    told = {key: item for key, item in environment.items() if key not in _ELSEWHERE}
    if "governor" in told:  # the same by its newer name
        told.pop("cpu_governor", None)
    return [(_NAMES.get(key, key.replace("_", " ")), _told(key, item)) for key, item in told.items()]


def _told(key: str, item: Any) -> str:
    if item is None:
        return "not recorded"
    if key == "cgroup" and isinstance(item, Mapping):
        return _cgroup(item)
    if key == "disk" and isinstance(item, Mapping):
        return _disk(item)
    return f"{item:,.4g}" if isinstance(item, float) else flag(item)


def _cgroup(limits: Json) -> str:
    cores, memory, version = (limits.get(key) for key in ("cpu_quota_cores", "memory_limit_mib", "version"))
    cpu = "no CPU quota" if cores is None else f"at most {figure(cores)} cores"
    most = "no memory limit" if memory is None else f"at most {value(memory, 'MiB', 4)}"
    return f"{cpu}, {most}" + (f" (cgroup v{version})" if version else "")


def _disk(disk: Json) -> str:
    kind = {True: "rotating", False: "solid state"}.get(disk.get("rotational"), "")  # type: ignore[arg-type]
    parts = [str(part) for part in (disk.get("device"), disk.get("model"), kind, disk.get("filesystem")) if part]
    flush_ms = disk.get("flush_ms")
    flush = f"{figure(flush_ms)} ms (median of 4 KiB)" if flush_ms is not None else NOT_MEASURED
    return f"{', '.join(parts) or 'not recorded'}; a flush: {flush}"
