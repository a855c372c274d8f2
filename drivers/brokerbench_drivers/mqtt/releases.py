"""When a Mosquitto was released. A version not listed has no `released` fact.

Source: the project's change log, https://mosquitto.org/ChangeLog.txt, and its release notes.
"""

from collections.abc import Mapping

__all__ = ["RELEASED", "SUPPORT_ENDS"]

RELEASED: Mapping[str, str] = {
    "2.0.11": "2021-06-08",
}

SUPPORT_ENDS: Mapping[str, str] = {}
