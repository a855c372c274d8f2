"""What the stand-in's cluster looks like: one node, one topic, and groups in which nobody waits for anybody."""

from collections.abc import Mapping
from dataclasses import dataclass

from kafka.protocol.consumer import ConsumerProtocolAssignment

__all__ = ["Topic"]


@dataclass(frozen=True)
class Topic:
    name: str
    partitions: int
    members: Mapping[str, int]  # group id -> consumers
    port: int

    def assignment(self, group: str, client_id: str) -> bytes:
        """The share that range assignment would give this consumer. Its client id ends with its index, so no member
        waits for the others; more consumers than expected start again from the first share."""
        count = self.members.get(group, 1)
        _, _, index = client_id.rpartition("-")
        number = int(index) % count if index.isdecimal() else 0
        each, more = divmod(self.partitions, count)
        first = number * each + min(number, more)
        mine = list(range(first, first + each + (number < more)))
        shares = [ConsumerProtocolAssignment.TopicPartition(topic=self.name, partitions=mine)] if mine else []
        return bytes(ConsumerProtocolAssignment(assigned_partitions=shares, user_data=b"").encode(version=0))
