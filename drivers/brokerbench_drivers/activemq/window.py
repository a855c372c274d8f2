"""Prefetch: Classic counts messages, Artemis counts the bytes of whole STOMP frames that are not acknowledged."""

from collections.abc import Mapping

from brokerbench.contract import Session

__all__ = ["window_headers"]

# What Artemis adds to a message of ours: its headers with numbers of usual length.
_FRAME = (
    "MESSAGE\nsubscription:0\ncontent-length:{size}\nmessage-id:1000,100000\ndestination:{name}\nexpires:0\n"
    "redelivered:false\npriority:4\npersistent:false\ntimestamp:1700000000000\ndestination-type:ANYCAST\n"
    "{receipt}destination-type:ANYCAST\nack:1000,100000\n\n\0"
)


def window_headers(session: Session) -> Mapping[str, str]:
    """For SUBSCRIBE. Artemis sends while less than the window is out: half a frame less is the count asked."""
    settings = session.settings
    if settings.product == "classic":
        return {"activemq.prefetchSize": str(session.prefetch)}
    if settings.ack == "auto":
        return {}
    receipt = "receipt:100000\n" if settings.confirms else ""
    size = round(session.mean_bytes or session.size_bytes)
    frame = _FRAME.format(size=size, name=session.endpoints.destination, receipt=receipt)
    ours = sum(len(f"{name}:{value}\n") for name, value in session.headers.items())
    frame_bytes = len(frame) + ours + size
    return {"consumer-window-size": str(max(1, session.prefetch * frame_bytes - frame_bytes // 2))}
