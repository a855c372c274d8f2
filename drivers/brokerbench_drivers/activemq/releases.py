"""When an ActiveMQ version was released. A version not listed has no `released` fact; no end of support was found.

Source: the build's time in the published archives (the files of apache-artemis-2.44.0-bin.tar.gz, of
activemq-broker-6.3.1.jar), read on 2026-11-24; a vote of some days lies between it and the announcement.
"""

from collections.abc import Mapping

__all__ = ["RELEASED"]

RELEASED: Mapping[str, str] = {"2.44.0": "2025-10-29", "6.3.1": "2026-06-25"}
