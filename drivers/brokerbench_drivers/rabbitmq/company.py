"""Who else uses an external server at this moment."""

from .link import OURS
from .management import Management

__all__ = ["busy"]

RATES = ("publish_details", "deliver_get_details")


def busy(management: Management) -> str:
    """Asked before anything of ours is there but the admin's connection. A user who is no monitor sees only its own."""
    names = [(each.get("client_properties") or {}).get("connection_name", "") for each in management.connections()]
    others = sum(not name.startswith(f"{OURS} ") for name in names)
    if not others:
        return ""
    stats = management.overview().get("message_stats") or {}
    rates = [stats[word]["rate"] for word in RATES if word in stats]
    text = f"{others} connection{'s' if others > 1 else ''} of others"
    return f"{text}, {sum(rates):.0f} msg/s in and out" if rates else text
