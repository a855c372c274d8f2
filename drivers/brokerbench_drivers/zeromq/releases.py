"""When a libzmq version was released. A version not listed has no `released` fact.

Source: libzmq's NEWS, as version 4.3.5 ships it (read on 2026-11-23; older copies have a slip in 4.3.4's year).
"""

from collections.abc import Mapping

__all__ = ["RELEASED"]

RELEASED: Mapping[str, str] = {
    "4.3.0": "2018-11-28",
    "4.3.1": "2019-01-12",
    "4.3.2": "2019-07-08",
    "4.3.3": "2020-09-07",
    "4.3.4": "2021-01-17",
    "4.3.5": "2023-10-09",
}
