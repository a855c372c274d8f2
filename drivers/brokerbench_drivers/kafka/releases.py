"""When a Kafka version was released. A version not listed has no `released` fact.

Sources, read on 2026-11-23: the project's download page (kafka.apache.org/community/downloads) up to 4.1.0; the dates
of its release announcements (kafka.apache.org/blog) from 4.2.0 on. The project publishes no end of support of its
series (it promises fixes for the last three), so there is no such table.
"""

from collections.abc import Mapping

__all__ = ["RELEASED"]

RELEASED: Mapping[str, str] = {
    "3.6.2": "2024-04-04",
    "3.7.0": "2024-02-27",
    "3.7.1": "2024-06-28",
    "3.8.0": "2024-07-29",
    "3.8.1": "2024-10-29",
    "3.9.0": "2024-11-06",
    "3.9.1": "2025-05-21",
    "4.0.0": "2025-03-18",
    "4.1.0": "2025-09-02",
    "4.2.0": "2026-02-17",
    "4.3.0": "2026-05-22",
    "4.3.1": "2026-06-25",
}
