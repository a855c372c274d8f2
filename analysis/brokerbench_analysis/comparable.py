"""Whether figures of two runs may be held against each other: every recorded fact in which they differ, by name.

The two answer "what did my change do?" only where the machine, the promise and the question stayed the same. A
difference in CPU, kernel, the broker's major version, what is promised or what was asked (load, message, topology,
delivery, primary figure) forbids the comparison; all others are printed beside it.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from .folder import Json, own_of

__all__ = ["Difference", "Side", "differences"]

_NOT_A_FACT_OF_THE_MACHINE = {
    "cpu",
    "cores",
    "cores_usable",
    "kernel",
    "cgroup",
    "disk",
    "libraries",
    "scenario_sha256",
}
_PROMISE = {"guarantee": "guarantee", "survives": "what is survived", "promise_point": "promise point"}
_SET_UP = ("client", "server", "nodes", "role", "generator")
_ASKED = ("load", "message", "topology", "delivery")
_UNASKED = {"load.arrivals": "constant"}  # of runs that are older than the key
_TAKES_PART = "takes part"
_OF_THE_DISK = ("device", "model", "rotational", "filesystem")
FLUSH_FACTOR = 2.0  # a disk whose flush takes that many times as long is another disk


@dataclass(frozen=True)
class Difference:
    what: str
    a: str
    b: str
    blocks_comparison: bool

    def record(self) -> dict[str, Any]:
        return dict(vars(self))


@dataclass(frozen=True)
class Side:
    """One run: run.json as read, and summary.json as analysed."""

    run: Json
    summary: Json


def differences(a: Side, b: Side) -> list[Difference]:
    """Those that forbid a comparison first. What only one recorded is no difference, unless it forbids."""
    found = [
        *_machine(a.run["environment"], b.run["environment"]),
        *_candidates(a, b),
        *_question(a, b),
        *_noted("", *(_flat(_aside(side.run)) for side in (a, b))),
        *_noted("", {"brokerbench": a.run.get("brokerbench")}, {"brokerbench": b.run.get("brokerbench")}),
    ]
    return sorted(found, key=lambda difference: not difference.blocks_comparison)


def _machine(a: Json, b: Json) -> Iterator[Difference]:
    for what, one, other in (("CPU", _cpu(a), _cpu(b)), ("kernel", a.get("kernel"), b.get("kernel"))):
        if one != other or one is None:  # two machines that nobody wrote down are not one machine
            yield Difference(what, _told(one), _told(other), True)
    yield from _noted("", *(_rest(side) for side in (a, b)))
    yield from _noted("disk ", *({name: (s.get("disk") or {}).get(name) for name in _OF_THE_DISK} for s in (a, b)))
    ours, theirs = ((side.get("disk") or {}).get("flush_ms") for side in (a, b))
    if ours and theirs and max(ours, theirs) >= FLUSH_FACTOR * min(ours, theirs):
        yield Difference("disk flush time", f"{ours:g} ms", f"{theirs:g} ms", False)
    yield from _noted("library ", *(side.get("libraries") or {} for side in (a, b)))


def _cpu(machine: Json) -> str | None:
    """Model, and how much of it there was to use."""
    if machine.get("cpu") is None:
        return None
    cores, quota = machine.get("cores_usable") or machine.get("cores"), _cgroup(machine).get("cpu_quota_cores")
    return f"{machine['cpu']}, {cores} cores" + (f", at most {quota:g} of them" if quota else "")


def _cgroup(machine: Json) -> Json:
    return machine.get("cgroup") or {}


def _rest(machine: Json) -> Json:
    plain = {name: value for name, value in machine.items() if name not in _NOT_A_FACT_OF_THE_MACHINE}
    return plain | {"memory_limit_mib": _cgroup(machine).get("memory_limit_mib")}


def _candidates(a: Side, b: Side) -> Iterator[Difference]:
    ours, theirs = a.summary["candidates"], b.summary["candidates"]
    for name in dict.fromkeys((*ours, *theirs)):
        there = [_presence(side.get(name)) for side in (ours, theirs)]
        if there[0] != there[1]:
            yield Difference(f"candidate {name}", there[0], there[1], False)
        if set(there) != {_TAKES_PART}:
            continue
        one, other = ours[name], theirs[name]
        yield from _forbidden(f"{name}: driver", one.get("driver"), other.get("driver"))
        yield from _versions(name, one.get("broker_version"), other.get("broker_version"))
        for key, words in _PROMISE.items():
            yield from _forbidden(f"{name}: {words}", one.get(key), other.get(key))
        alone = [_flat(own_of(side.run, name)) for side in (a, b)]
        for key in dict.fromkeys((*alone[0], *alone[1])):
            yield from _forbidden(f"{name}: {key}", alone[0].get(key), alone[1].get(key))
        yield from _noted(f"{name}: ", *({key: side.get(key) for key in _SET_UP} for side in (one, other)))
        yield from _noted(f"{name}: ", *(_flat(_settings(side.run, name)) for side in (a, b)))


def _presence(candidate: Json | None) -> str:
    if candidate is None:
        return "is missing"
    return _TAKES_PART if candidate.get("excluded") is None else "is excluded"


def _versions(name: str, a: str | None, b: str | None) -> Iterator[Difference]:
    """A run that saw several versions lists them all: `3.10.8, 3.10.9`."""
    majors = [set(re.findall(r"(?:^|, )v?(\d+)", version or "")) for version in (a, b)]
    if a != b:
        what = "broker's major version" if majors[0] != majors[1] else "broker's version"
        yield Difference(f"{name}: {what}", _told(a), _told(b), majors[0] != majors[1])


def _settings(run: Json, name: str) -> Json:
    return dict((run["candidates"][name].get("promise") or {}).get("settings") or {})


def _question(a: Side, b: Side) -> Iterator[Difference]:
    """Another load or message makes other figures of the same broker."""
    ours, theirs = (_UNASKED | _flat({n: side.run["scenario"].get(n) for n in _ASKED}) for side in (a, b))
    for name in dict.fromkeys((*ours, *theirs)):
        yield from _forbidden(name, ours.get(name), theirs.get(name))
    yield from _forbidden("primary figure", a.summary["primary"], b.summary["primary"])


def _aside(run: Json) -> Json:
    """The rest of the scenario but its brokers, who are compared one by one, and its words."""
    told = {*_ASKED, "primary", "brokers", "scenario", "question"}
    return {name: value for name, value in run["scenario"].items() if name not in told}


def _flat(value: Mapping[str, Any], above: str = "") -> Json:
    """{"load": {"model": "open"}} -> {"load.model": "open"}."""
    out: Json = {}
    for name, item in value.items():
        out |= _flat(item, f"{above}{name}.") if isinstance(item, Mapping) and item else {f"{above}{name}": item}
    return out


def _forbidden(what: str, a: object, b: object) -> Iterator[Difference]:
    if a != b:
        yield Difference(what, _told(a), _told(b), True)


def _noted(above: str, a: Json, b: Json) -> Iterator[Difference]:
    for name in (name for name in a if name in b):
        if a[name] != b[name] and None not in (a[name], b[name]):
            yield Difference(f"{above}{name}", _told(a[name]), _told(b[name]), False)


def _told(value: object) -> str:
    if value is None:
        return "not recorded"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, Mapping):
        return ", ".join(f"{name} {_told(item)}" for name, item in value.items())
    if isinstance(value, (list, tuple)):
        return "; ".join(_told(item) for item in value) or "none"
    return f"{value:g}" if isinstance(value, float) else str(value)
