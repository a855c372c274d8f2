"""Lines between coordinator and child: whole, in order, and an end that is noticed."""

import json
import socket
import threading

import pytest

from brokerbench.engine.channel import Channel, ChannelClosed


@pytest.fixture
def pair():
    ours, theirs = socket.socketpair()
    with ours, theirs:
        yield Channel(ours), theirs


def test_messages_come_in_order(pair):
    channel, theirs = pair
    other = Channel(theirs)
    for number in range(3):
        other.send({"say": "it", "number": number, "text": "µ\n"})
    assert channel.poll() == [{"say": "it", "number": n, "text": "µ\n"} for n in range(3)]
    assert channel.poll() == []


def test_a_line_may_come_in_pieces(pair):
    channel, theirs = pair
    line = json.dumps({"do": "go", "t0_ns": 123456789}).encode() + b"\n"
    for byte in line[:-1]:
        theirs.send(bytes([byte]))
        assert channel.poll() == []
    theirs.send(line[-1:] + line[:5])
    assert channel.poll() == [{"do": "go", "t0_ns": 123456789}]
    theirs.send(line[5:] + line + line)
    assert channel.poll() == [{"do": "go", "t0_ns": 123456789}] * 3


def test_the_end_comes_after_what_was_said_before_it(pair):
    channel, theirs = pair
    Channel(theirs).send({"say": "done"})
    theirs.close()
    assert channel.poll() == [{"say": "done"}]
    for _ in range(2):
        with pytest.raises(ChannelClosed):
            channel.poll()


def test_a_half_line_is_no_message(pair):
    channel, theirs = pair
    theirs.send(b'{"say": "do')
    theirs.close()
    with pytest.raises(ChannelClosed):
        channel.poll(1)


def test_sending_to_nobody_says_so(pair):
    channel, theirs = pair
    theirs.close()
    with pytest.raises(ChannelClosed):
        channel.send({"do": "go"})


def test_a_reset_is_an_end(pair):
    channel, theirs = pair
    channel.send({"do": "go"})  # never read by the other side: closing it resets the connection
    theirs.close()
    with pytest.raises(ChannelClosed):
        channel.poll()


def test_a_message_larger_than_a_buffer(pair):
    channel, theirs = pair
    message = {"histogram": list(range(200_000))}
    sender = threading.Thread(target=Channel(theirs).send, args=(message,))
    sender.start()
    found = []
    while not found:
        found = channel.poll(5)
    sender.join()
    assert found == [message]
