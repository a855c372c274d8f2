"""Kafka's protocol as the stand-in speaks it: one node, one topic, and groups in which nobody waits for anybody.

kafka-python encodes and decodes. Why not librdkafka's own mock cluster: kafka-python 3.0 does not get through to it
(2.16), and its topics hold what was produced, so a producer would have to keep up with the consumers that are measured.
"""

import struct
from collections.abc import Callable, Sequence
from typing import Any

from kafka.protocol import consumer, metadata, producer

from brokerbench_drivers._dialogue import Unspoken

from .stand_in_log import EndlessLog
from .stand_in_topic import Topic

__all__ = ["KafkaDialogue"]

NODE = 1
EARLIEST = -2
END = 2**62  # of a log without one
UNSUPPORTED_VERSION = 35
UNKNOWN_TOPIC = 3
HEAD = struct.Struct(">hhi")  # of every request: which one, its version, the number its answer carries
# What is taken, each up to a version in which topics and groups still go by name, one by one.
TAKEN: dict[Any, tuple[Any, int]] = {
    metadata.ApiVersionsRequest: (metadata.ApiVersionsResponse, 4),
    metadata.MetadataRequest: (metadata.MetadataResponse, 9),
    metadata.FindCoordinatorRequest: (metadata.FindCoordinatorResponse, 3),
    producer.InitProducerIdRequest: (producer.InitProducerIdResponse, 4),
    producer.ProduceRequest: (producer.ProduceResponse, 11),
    consumer.JoinGroupRequest: (consumer.JoinGroupResponse, 7),
    consumer.SyncGroupRequest: (consumer.SyncGroupResponse, 5),
    consumer.HeartbeatRequest: (consumer.HeartbeatResponse, 4),
    consumer.LeaveGroupRequest: (consumer.LeaveGroupResponse, 4),
    consumer.ListOffsetsRequest: (consumer.ListOffsetsResponse, 7),
    consumer.OffsetFetchRequest: (consumer.OffsetFetchResponse, 7),
    consumer.OffsetCommitRequest: (consumer.OffsetCommitResponse, 8),
    consumer.FetchRequest: (consumer.FetchResponse, 12),
}
BY_KEY = {request.API_KEY: (request, *rest) for request, rest in TAKEN.items()}
Fields = dict[str, Any]


class KafkaDialogue:
    """One connection of a client."""

    def __init__(self, topic: Topic, log: EndlessLog) -> None:
        self._topic, self._log = topic, log
        self._answers: list[bytearray] = []
        self._about: dict[Any, Callable[[Any], Fields]] = {
            metadata.ApiVersionsRequest: lambda _: {"error_code": 0, "api_keys": _versions()},
            metadata.MetadataRequest: self._metadata,
            metadata.FindCoordinatorRequest: lambda _: {"error_code": 0, "error_message": None, **self._node()},
            producer.InitProducerIdRequest: lambda _: {"error_code": 0, "producer_id": 1, "producer_epoch": 0},
            producer.ProduceRequest: _produced,
            consumer.JoinGroupRequest: _joined,
            consumer.SyncGroupRequest: self._share,
            consumer.HeartbeatRequest: lambda _: {"error_code": 0},
            consumer.LeaveGroupRequest: lambda _: {"error_code": 0, "members": []},
            consumer.ListOffsetsRequest: _ends,
            consumer.OffsetFetchRequest: _nothing_committed,
            consumer.OffsetCommitRequest: _committed,
            consumer.FetchRequest: self._fetched,
        }

    def feed(self, data: memoryview) -> int:
        at = 0
        while len(data) - at >= 4:
            end = at + 4 + int.from_bytes(data[at : at + 4])
            if end > len(data):
                break
            self._answer(data[at + 4 : end])
            at = end
        return at

    def output(self) -> Sequence[bytearray]:
        answers, self._answers = self._answers, []
        return answers

    def _answer(self, data: memoryview) -> None:
        key, version, number = HEAD.unpack_from(data)
        if key not in BY_KEY:
            raise Unspoken(f"this stand-in takes no request of kind {key}")
        kind, response, newest = BY_KEY[key]
        if kind is metadata.ApiVersionsRequest and version > newest:
            self._say(response, 0, number, {"error_code": UNSUPPORTED_VERSION, "api_keys": _versions()})
            return
        request = kind.decode(data, version=version, header=True)
        fields = self._about[kind](request)
        if kind is not producer.ProduceRequest or request.expect_response():
            self._say(response, version, number, fields)

    def _say(self, response: Any, version: int, number: int, fields: Fields) -> None:
        answer = response[version](**fields)
        answer.with_header(number)
        self._answers.append(answer.encode(header=True, framed=True))

    def _node(self) -> Fields:
        return {"node_id": NODE, "host": "127.0.0.1", "port": self._topic.port}

    def _metadata(self, request: Any) -> Fields:
        told = metadata.MetadataResponse.MetadataResponseTopic
        names = [self._topic.name] if request.topics is None else [topic.name for topic in request.topics]
        partitions = [
            told.MetadataResponsePartition(
                error_code=0, partition_index=p, leader_id=NODE, leader_epoch=0, replica_nodes=[NODE], isr_nodes=[NODE]
            )
            for p in range(self._topic.partitions)
        ]
        topics = [
            told(error_code=0, name=name, partitions=partitions)
            if name == self._topic.name
            else told(error_code=UNKNOWN_TOPIC, name=name, partitions=[])
            for name in names
        ]
        brokers = [metadata.MetadataResponse.MetadataResponseBroker(**self._node(), rack=None)]
        return {"brokers": brokers, "cluster_id": "stand-in", "controller_id": NODE, "topics": topics}

    def _share(self, request: Any) -> Fields:
        share = self._topic.assignment(request.group_id, request.header.client_id)
        agreed = {"protocol_type": request.protocol_type, "protocol_name": request.protocol_name}
        return {"error_code": 0, **agreed, "assignment": share}

    def _fetched(self, request: Any) -> Fields:
        told = consumer.FetchResponse.FetchableTopicResponse
        left = request.max_bytes
        topics = []
        for topic in request.topics:
            partitions = []
            for asked in topic.partitions:
                most = min(left, asked.partition_max_bytes)
                records = self._log.read(asked.fetch_offset, most) if most > 0 else b""
                left -= len(records)
                partitions.append(
                    told.PartitionData(
                        partition_index=asked.partition,
                        error_code=0,
                        high_watermark=END,
                        last_stable_offset=END,
                        log_start_offset=0,
                        aborted_transactions=None,
                        records=records,
                    )
                )
            topics.append(told(topic=topic.topic, partitions=partitions))
        return {"error_code": 0, "session_id": 0, "responses": topics}


def _versions() -> list[Any]:
    return [
        metadata.ApiVersionsResponse.ApiVersion(
            api_key=request.API_KEY, min_version=request.valid_versions[0], max_version=newest
        )
        for request, (_, newest) in TAKEN.items()
    ]


def _produced(request: Any) -> Fields:
    """Confirmed and forgotten, so every batch is the first."""
    told = producer.ProduceResponse.TopicProduceResponse
    topics = [
        told(
            name=topic.name,
            partition_responses=[
                told.PartitionProduceResponse(index=batch.index, error_code=0, base_offset=0)
                for batch in topic.partition_data
            ],
        )
        for topic in request.topic_data
    ]
    return {"responses": topics}


def _joined(request: Any) -> Fields:
    """Somebody else leads, who shares out the partitions at once."""
    return {
        "error_code": 0,
        "generation_id": 1,
        "protocol_type": "consumer",
        "protocol_name": request.protocols[0].name,
        "leader": "stand-in",
        "member_id": request.member_id or request.header.client_id,
        "members": [],
    }


def _ends(request: Any) -> Fields:
    told = consumer.ListOffsetsResponse.ListOffsetsTopicResponse
    topics = [
        told(
            name=topic.name,
            partitions=[
                told.ListOffsetsPartitionResponse(
                    partition_index=asked.partition_index,
                    error_code=0,
                    offset=0 if asked.timestamp == EARLIEST else END,
                )
                for asked in topic.partitions
            ],
        )
        for topic in request.topics
    ]
    return {"topics": topics}


def _nothing_committed(request: Any) -> Fields:
    told = consumer.OffsetFetchResponse.OffsetFetchResponseTopic
    topics = [
        told(
            name=topic.name,
            partitions=[
                told.OffsetFetchResponsePartition(partition_index=index, committed_offset=-1, metadata="", error_code=0)
                for index in topic.partition_indexes
            ],
        )
        for topic in request.topics or ()
    ]
    return {"topics": topics, "error_code": 0}


def _committed(request: Any) -> Fields:
    told = consumer.OffsetCommitResponse.OffsetCommitResponseTopic
    topics = [
        told(
            name=topic.name,
            partitions=[
                told.OffsetCommitResponsePartition(partition_index=asked.partition_index, error_code=0)
                for asked in topic.partitions
            ],
        )
        for topic in request.topics
    ]
    return {"topics": topics}
