"""Mirrored classic queues, which RabbitMQ had up to 3.13: the policy that the usual guides set.

Source: rabbitmq.com/docs/3.13/ha; the release notes of 4.0 say that they are gone.
"""

import json
from collections.abc import Mapping
from typing import Any

from brokerbench.contract import BadTarget

from .address import of_ours, where
from .layout import HA_ALL, HA_PATTERN
from .management import Management

__all__ = ["require_mirrors", "without_mirrors"]

DEFINITION = {"ha-mode": "all"}
POLICY = {"pattern": HA_PATTERN, "definition": DEFINITION, "apply-to": "queues"}


def without_mirrors(version: str) -> str:
    """What to say where this version cannot mirror; empty where it can."""
    gone = version.partition(".")[0].isdecimal() and int(version.partition(".")[0]) >= 4
    return f"RabbitMQ {version} has no mirrored queues: use queue_type: quorum" if gone else ""


def require_mirrors(management: Management, address: Mapping[str, Any], version: str) -> None:
    """Sets the policy on a server of ours; on another one it must be there. Raises BadTarget."""
    if refusal := without_mirrors(version):
        raise BadTarget(refusal)
    if of_ours(address):
        management.set_policy(HA_ALL, POLICY)
    elif not any(policy["pattern"] == HA_PATTERN and _mirrors(policy) for policy in management.policies()):
        line = f"rabbitmqctl set_policy -p {address['vhost']} --apply-to queues {HA_ALL} '{HA_PATTERN}'"
        raise BadTarget(
            f"mirrored: true needs a policy that mirrors {HA_PATTERN}, and {where(address)} has none:"
            f" {line} '{json.dumps(DEFINITION)}'"
        )


def _mirrors(policy: Mapping[str, Any]) -> bool:
    return "ha-mode" in policy["definition"] and policy["apply-to"] in ("queues", "all")
