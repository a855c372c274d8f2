"""Which schedule a producer's spec asks for."""

from pathlib import Path

from .profile import Profile
from .replay import Replay
from .schedule import Constant, Limited, Poisson, Saturate, Schedule, Varying
from .spec import ChildSpec
from .users import Users

__all__ = ["schedule_of"]


def schedule_of(spec: ChildSpec) -> Schedule:
    whole = _whole(spec)
    return whole if spec.most is None else Limited(whole, spec.most)


def _whole(spec: ChildSpec) -> Schedule:
    if spec.closed is not None:
        return Users(spec)
    if spec.replay is not None:
        return Replay(Path(spec.replay))
    if spec.rate_msgs_s is None:
        return Saturate(spec.in_flight, spec.confirming or spec.replies_through is not None)
    if spec.profile:
        seed = spec.seed if spec.arrivals == "poisson" else None
        return Varying(Profile(spec.profile), spec.producers, spec.index, seed)
    if spec.arrivals == "poisson":
        return Poisson(spec.rate_msgs_s, spec.producers, spec.index, spec.seed)
    return Constant(spec.rate_msgs_s, spec.producers, spec.index)
