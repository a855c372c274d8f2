"""What a destination says of itself: its settings as they work, and how late it was against its own law."""

from .model import SimulatedBroker

__all__ = ["VERSION", "facts"]

VERSION = "1"


def facts(broker: SimulatedBroker) -> dict[str, str]:
    settings = broker.settings
    found = {
        "version": VERSION,
        "queue": settings.words(),
        "confirms": f"{settings.confirm_delay_s * 1e3:g} ms after arrival" if settings.confirms else "none",
    }
    for number, stall in enumerate(settings.stalls, 1):
        again = "" if stall.every_s is None else f", every {stall.every_s:g} s"
        found[f"stall {number}"] = f"{stall.for_s:g} s, {stall.at_s:g} s after t0{again}"
    for fate, picks in settings.fates:
        if picks:
            found[f"fates.{fate}"] = ", ".join(str(pick) for pick in picks)
    late = broker.account.late_us()
    if late is not None:
        found["left late"] = f"p50 {late['p50']:.0f} µs, p99 {late['p99']:.0f} µs, at most {late['max']:.0f} µs"
    return found
