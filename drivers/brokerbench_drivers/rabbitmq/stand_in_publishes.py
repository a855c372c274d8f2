"""Finds how many publishes a block of bytes holds, without looking at each.

A producer's messages of one size are frames of one shape: method, header, body. The first one shows the shape; the
rest are compared with it all at once, and whatever differs is left to the parser of single frames.
"""

import struct
from dataclasses import dataclass

import numpy as np
from pamqp import constants

__all__ = ["FRAME_HEAD", "Run", "run_of"]

FRAME_HEAD = struct.Struct(">BHI")  # of every frame: kind, channel, bytes of payload
PUBLISH = (60).to_bytes(2) + (40).to_bytes(2)  # class and method of basic.publish
ENVELOPE_BYTES = FRAME_HEAD.size + 1  # around a frame's payload
BODY_SIZE_AT = 4  # in a content header's payload: after class and weight


@dataclass(frozen=True, slots=True)
class Run:
    channel: int
    count: int  # whole messages; 0: the first is not all here yet
    stride_bytes: int


def run_of(data: memoryview) -> Run | None:
    """The publishes of one shape at the front of `data`; None where it starts with anything else."""
    shape = _shape(data)
    if shape is None:
        return None
    channel, head, stride = shape
    count = len(data) // stride
    if count:
        rows = np.frombuffer(data, np.uint8, count * stride).reshape(count, stride)
        alike = (rows[:, :head] == rows[0, :head]).all(axis=1) & (rows[:, -1] == constants.FRAME_END)
        if not alike.all():
            count = int(alike.argmin())
            if not count:
                return None
    return Run(channel, count, stride)


def _shape(data: memoryview) -> tuple[int, int, int] | None:
    """(channel, bytes before the body, bytes in all) of the publish at the front; its body must be one frame."""
    if data[7:11] != PUBLISH:
        return None
    at, channels, sizes = 0, set(), []
    for kind in (constants.FRAME_METHOD, constants.FRAME_HEADER, constants.FRAME_BODY):
        if len(data) < at + FRAME_HEAD.size or (at and data[at - 1] != constants.FRAME_END):
            return None
        found, channel, size = FRAME_HEAD.unpack_from(data, at)
        if found != kind:
            return None
        channels.add(channel)
        sizes.append(size)
        at += ENVELOPE_BYTES + size
    head = at - 1 - sizes[2]
    body_size_at = sizes[0] + ENVELOPE_BYTES + FRAME_HEAD.size + BODY_SIZE_AT
    body_size = int.from_bytes(data[body_size_at : body_size_at + 8])
    if len(channels) > 1 or body_size != sizes[2]:
        return None
    return channels.pop(), head, at
