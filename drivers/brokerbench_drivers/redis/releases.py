"""When Redis and Valkey were released: the server does not say. A version not listed has no `released` fact.

Sources: the release tables of endoflife.date/redis and endoflife.date/valkey (first and latest of each series, end of
security support; asked on 2026-11-24 in a stored copy that ends in February 2026 for Redis, in December 2025 for
Valkey); Redis 7.0.1 to 7.0.5 from its release notes; Valkey 9.1.0 and 9.1.1 from the project's container repository
and release notes. Of later versions no date was found.
"""

from collections.abc import Mapping

__all__ = ["REDIS_RELEASED", "REDIS_SUPPORT_ENDS", "VALKEY_RELEASED", "VALKEY_SUPPORT_ENDS"]

REDIS_RELEASED: Mapping[str, str] = {
    "5.0.0": "2018-10-17",
    "5.0.14": "2021-10-04",
    "6.0.0": "2020-04-30",
    "6.0.20": "2023-07-10",
    "6.2.0": "2021-02-22",
    "6.2.21": "2025-11-02",
    "7.0.0": "2022-04-27",
    "7.0.1": "2022-06-08",
    "7.0.2": "2022-06-12",
    "7.0.3": "2022-07-11",
    "7.0.4": "2022-07-18",
    "7.0.5": "2022-09-21",
    "7.0.15": "2024-01-09",
    "7.2.0": "2023-08-15",
    "7.2.13": "2026-02-22",
    "7.4.0": "2024-07-29",
    "7.4.8": "2026-02-22",
    "8.0.0": "2025-05-02",
    "8.0.6": "2026-02-22",
    "8.2.0": "2025-08-04",
    "8.2.5": "2026-02-22",
    "8.4.0": "2025-11-18",
    "8.4.2": "2026-02-22",
    "8.6.0": "2026-02-11",
    "8.6.1": "2026-02-23",
}
REDIS_SUPPORT_ENDS: Mapping[str, str] = {
    "5.0": "2022-04-27",
    "6.0": "2022-05-31",
    "7.0": "2024-07-29",
    "8.0": "2026-02-11",
}
VALKEY_RELEASED: Mapping[str, str] = {
    "7.2.11": "2025-10-03",
    "8.0.0": "2024-09-15",
    "8.0.6": "2025-10-03",
    "8.1.0": "2025-03-31",
    "8.1.5": "2025-12-04",
    "9.0.0": "2025-10-21",
    "9.1.0": "2026-05-19",
    "9.1.1": "2026-07-21",
}
VALKEY_SUPPORT_ENDS: Mapping[str, str] = {
    "7.2": "2029-04-16",
    "8.0": "2027-09-15",
    "8.1": "2030-03-31",
    "9.0": "2028-10-21",
}
