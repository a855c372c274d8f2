"""What the broker reports of itself and of a trial's queues: version, limits, members, policy, as read back."""

import json
from collections.abc import Mapping
from typing import Any

from brokerbench.contract import Endpoints
from brokerbench_drivers._dated import dated

from .layout import names_of
from .management import Management
from .releases import RELEASED, SUPPORT_ENDS

__all__ = ["facts"]

NODE_FACTS = {"mem_limit": "vm_memory_high_watermark_bytes", "disk_free_limit": "disk_free_limit_bytes"}


def facts(management: Management, address: Mapping[str, Any], endpoints: Endpoints) -> dict[str, str]:
    overview = management.overview()
    found = dated(overview["rabbitmq_version"], RELEASED, SUPPORT_ENDS) | {"erlang": overview["erlang_version"]}
    node = management.node(overview["node"])
    found |= {name: str(node[key]) for key, name in NODE_FACTS.items() if key in node}
    if "stats_interval_ms" in address:  # the API does not tell it
        found["collect_statistics_interval_ms"] = str(address["stats_interval_ms"])
    found["nodes"] = ", ".join(f"{each['name']}{'' if each['running'] else ' (down)'}" for each in management.nodes())
    queues = {name: management.queue(name) or {} for name in names_of(endpoints)}
    found |= {f"queue.{group}": _described(queues[name]) for group, name in endpoints.groups.items()}
    for fact, of in (("replicas", _replicas), ("policy", _policy)):
        if text := "; ".join(dict.fromkeys(filter(None, map(of, queues.values())))):
            found[fact] = text
    exchange = endpoints.extra["exchange"]
    found["exchange"] = str((management.exchange(exchange) or {}).get("type", "missing")) if exchange else "default"
    return found


def _described(queue: Mapping[str, Any]) -> str:
    """Type and arguments as the broker reports them."""
    if not queue:
        return "missing"
    arguments = {**(queue.get("effective_policy_definition") or {}), **(queue.get("arguments") or {})}
    words = [queue.get("type", "?"), "durable" if queue.get("durable") else "transient"]
    if "storage_version" in queue:
        words.append(f"storage version {queue['storage_version']}")
    return ", ".join([*words, *(f"{key}={value}" for key, value in sorted(arguments.items()))])


def _replicas(queue: Mapping[str, Any]) -> str:
    """Where a replicated queue lies: the members of a quorum queue or stream, the mirrors of a classic one."""
    if members := queue.get("members"):
        leader = queue.get("leader") or queue.get("node")  # of a stream 3.10 names it so
        return f"{len(members)}: {_names(members)}; online {_names(queue.get('online'))}; leader {leader}"
    if "ha-mode" not in (queue.get("effective_policy_definition") or {}):
        return ""
    copies = [queue.get("node"), *(queue.get("slave_nodes") or [])]
    return f"{len(copies)}: {_names(copies)}; synchronised {_names(queue.get('synchronised_slave_nodes'))}"


def _policy(queue: Mapping[str, Any]) -> str:
    """The one in effect."""
    definition = queue.get("effective_policy_definition") or {}
    return f"{queue.get('policy')}: {json.dumps(definition, sort_keys=True)}" if definition else ""


def _names(nodes: Any) -> str:
    return ", ".join(sorted(map(str, nodes or ()))) or "none"
