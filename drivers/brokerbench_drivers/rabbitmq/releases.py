"""When a RabbitMQ version was released: the server does not say. A version not listed has no `released` fact.

Sources: the release table of endoflife.date/rabbitmq (first and last of each series, end of community support), asked
in March 2026, when 4.2 was the one series supported; 3.10.8, which Debian 12 ships, from its release page; 4.0.5,
which Debian 13 ships, was packaged on this day, as its changelog says, and out by then. The ends of 3.10 to 3.12 are
those that the project had announced; later it supported each series until the next one came.
"""

from collections.abc import Mapping

__all__ = ["RELEASED", "SUPPORT_ENDS"]

RELEASED: Mapping[str, str] = {
    "3.9.29": "2023-03-09",
    "3.10.0": "2022-05-03",
    "3.10.8": "2022-09-21",
    "3.10.25": "2023-07-18",
    "3.11.0": "2022-09-26",
    "3.11.28": "2023-12-21",
    "3.12.0": "2023-06-01",
    "3.12.14": "2024-05-05",
    "3.13.0": "2024-02-22",
    "3.13.7": "2024-08-26",
    "4.0.1": "2024-09-18",
    "4.0.5": "2024-12-17",
    "4.0.9": "2025-04-14",
    "4.1.0": "2025-04-15",
    "4.1.8": "2026-01-21",
    "4.2.0": "2025-10-27",
    "4.2.5": "2026-03-16",
}

# Of a series, by its community.
SUPPORT_ENDS: Mapping[str, str] = {
    "3.9": "2023-01-31",
    "3.10": "2023-07-31",
    "3.11": "2023-12-31",
    "3.12": "2024-06-30",
    "3.13": "2024-09-17",
    "4.0": "2025-04-15",
    "4.1": "2026-01-30",
}
