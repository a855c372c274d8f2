"""AMQP 0-9-1 as the stand-in speaks it: what brokerbench's own client says, and no more."""

from collections.abc import Sequence
from typing import Any

from pamqp.body import ContentBody
from pamqp.commands import Basic, Channel, Confirm, Connection
from pamqp.common import FieldTable
from pamqp.exceptions import PAMQPException
from pamqp.frame import marshal, unmarshal
from pamqp.header import ContentHeader, ProtocolHeader

from brokerbench_drivers._dialogue import Unspoken

from .stand_in_deliveries import FRAME_MAX, Deliveries, Window
from .stand_in_publishes import FRAME_HEAD, run_of

__all__ = ["AmqpDialogue"]

# pika asks for confirms only where the server says that it has them.
CAPABILITIES: FieldTable = {"publisher_confirms": True, "basic.nack": True, "consumer_cancel_notify": True}
# Requests whose answer has nothing to say.
PLAIN: dict[type, Any] = {
    Connection.Open: Connection.OpenOk,
    Channel.Open: Channel.OpenOk,
    Channel.Close: Channel.CloseOk,
    Connection.Close: Connection.CloseOk,
}


class _Channel:
    def __init__(self) -> None:
        self.confirming = False
        self.published = self.answered = 0
        self.body_left_bytes = 0
        self.prefetch: int | None = None
        self.window = Window(None)
        self.deliveries: Deliveries | None = None


class AmqpDialogue:
    """One connection. No heartbeat is proposed, so none is sent."""

    def __init__(self, canned: bytes, size_bytes: int) -> None:
        self._canned, self._size_bytes = canned, size_bytes
        self._channels: dict[int, _Channel] = {}
        self._answers: list[bytes] = []

    def feed(self, data: memoryview) -> int:
        at = 0
        while at < len(data):
            used = self._publishes(data[at:]) or self._frame(data[at:])
            if not used:
                break
            at += used
        return at

    def output(self) -> Sequence[bytes | memoryview]:
        for number, channel in self._channels.items():
            if channel.confirming and channel.published > channel.answered:
                channel.answered = channel.published
                self._answers.append(marshal(Basic.Ack(channel.published, True), number))
        answers, self._answers = self._answers, []
        giving = ((channel.deliveries, channel.window) for channel in self._channels.values() if channel.deliveries)
        blocks = (deliveries.take(window) for deliveries, window in giving)
        return [*answers, *(block for block in blocks if block is not None)]

    def _publishes(self, data: memoryview) -> int:
        """As many messages of one shape as there are; the bytes they took."""
        run = run_of(data)
        if run is None:
            return 0
        self._channel(run.channel).published += run.count
        return run.count * run.stride_bytes

    def _frame(self, data: memoryview) -> int:
        """One frame of any kind; 0 while it is not whole."""
        if len(data) < FRAME_HEAD.size + 1:
            return 0
        whole = FRAME_HEAD.size + 1 + (0 if bytes(data[:4]) == b"AMQP" else FRAME_HEAD.unpack_from(data)[2])
        if len(data) < whole:
            return 0
        try:
            used, number, frame = unmarshal(bytes(data[:whole]))
        except PAMQPException as error:
            raise Unspoken(f"not a frame: {error}") from error
        if (answer := self._answer(frame, number)) is not None:  # a frame without fields is false
            self._answers.append(marshal(answer, number))
        return used

    def _channel(self, number: int) -> _Channel:
        if number not in self._channels:
            raise Unspoken(f"channel {number} is not open")
        return self._channels[number]

    def _answer(self, frame: Any, number: int) -> Any:
        match frame:
            case ContentHeader() | ContentBody() | Basic.Publish():
                self._content(frame, self._channel(number))
            case Basic.Ack() | Basic.Nack() | Basic.Reject():
                # Nothing is kept, so nothing comes again.
                tag = frame.delivery_tag or 0
                self._channel(number).window.settle(tag, getattr(frame, "multiple", False))
            case Basic.Qos() | Basic.Consume() | Basic.Cancel() | Confirm.Select():
                return self._set_up(frame, number)
            case ProtocolHeader():
                return Connection.Start(server_properties={"capabilities": CAPABILITIES})
            case Connection.StartOk():
                return Connection.Tune(channel_max=2047, frame_max=FRAME_MAX, heartbeat=0)
            case Connection.TuneOk() | Connection.CloseOk() | Channel.CloseOk():
                pass
            case _ if type(frame) in PLAIN:
                if isinstance(frame, Channel.Open):
                    self._channels[number] = _Channel()
                elif isinstance(frame, Channel.Close):
                    del self._channels[number]
                return PLAIN[type(frame)]()
            case _:
                raise Unspoken(f"this stand-in knows no {frame.name}")
        return None

    def _content(self, frame: Any, channel: _Channel) -> None:
        """A message frame by frame: of more than one body frame, of another size than the last, or cut by a read."""
        match frame:
            case ContentHeader():
                channel.body_left_bytes = frame.body_size or 0
            case ContentBody():
                channel.body_left_bytes -= len(frame)
            case _:
                return
        channel.published += channel.body_left_bytes == 0

    def _set_up(self, frame: Any, number: int) -> Any:
        channel = self._channel(number)
        match frame:
            case Confirm.Select():
                channel.confirming = True
                return Confirm.SelectOk()
            case Basic.Qos():
                channel.prefetch = frame.prefetch_count or None
                return Basic.QosOk()
            case Basic.Consume():
                tag = frame.consumer_tag or f"stand-in-{number}"
                channel.window = Window(None if frame.no_ack else channel.prefetch)
                channel.deliveries = Deliveries(number, frame, tag, self._canned, self._size_bytes)
                return Basic.ConsumeOk(tag)
            case Basic.Cancel():
                channel.deliveries = None
                return Basic.CancelOk(frame.consumer_tag)
        return None
