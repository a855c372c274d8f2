"""Was it the generator? A core of ours that was full, or a child of ours that did not run, is no news of a broker."""

from collections.abc import Iterator, Sequence

from brokerbench.model import GENERATOR_BUSY as BUSY

from .folder import Json, TrialFiles
from .reasons import Reason, State
from .words import digits, percent

__all__ = ["busiest", "busy", "client_bound", "doubt", "paused", "pauses", "unsent", "watched"]

SENT_SHARE = 0.99  # of the schedule
PAUSED, PAUSED_LONG = 0.001, 0.01  # of the measured window


def busy(files: TrialFiles) -> Iterator[Reason]:
    for child in files.children:
        share = child["busy_share"]
        if share is not None and share > BUSY:
            text = f"the generator is near its limit: {child['child']} was busy {percent(share)} of the time"
            yield Reason("generator-busy", f"{text} (more than {percent(BUSY)}); use more of its kind")


def busiest(children: Sequence[Json]) -> tuple[str | None, float | None]:
    """Name and share of the time of the child that was busy most; None where that was not measured."""
    shares = [(child["busy_share"], child["child"]) for child in children if child["busy_share"] is not None]
    share, name = max(shares, default=(None, None))
    return name, share


def watched(children: Sequence[Json]) -> bool:
    """Whether it was measured of each child how busy it was."""
    return bool(children) and all(child["busy_share"] is not None for child in children)


def doubt(files: TrialFiles) -> str | None:
    """What shows that the generator may be it, whatever the broker did: a full core, a long pause. None for nothing."""
    name, share = busiest(files.children)
    if share is not None and share > BUSY:
        return f"{name} was busy {percent(share)} of the time"
    worst = pauses(files)
    stood = 0.0 if worst is None else _stood_still(files, worst)
    if worst is not None and stood > PAUSED_LONG:
        return f"{worst['child']} did not run for {percent(stood)} of the measured window"
    return None


def client_bound(files: TrialFiles) -> bool:
    """An open load that was not sent although the broker may have taken it: the producer had no time left."""
    _, share = busiest(files.trial["producers"])
    return files.model == "open" and share is not None and share > BUSY and unsent(files) is not None


def unsent(files: TrialFiles) -> tuple[int, int] | None:
    """Messages sent and scheduled in the measured window, where the schedule was not reached."""
    producers = files.trial["producers"]
    scheduled, sent = (sum(p["in_window"][name] for p in producers) for name in ("scheduled", "sent"))
    least = min(sent, sum(p["sent_by_time"] for p in producers))
    return (least, scheduled) if least < SENT_SHARE * scheduled else None


def pauses(files: TrialFiles) -> Json | None:
    """Of the child that stood still longest; None where no child kept watch."""
    met = [(child["hiccups"], child["child"]) for child in files.children if child.get("hiccups")]
    if not met:
        return None
    worst, child = max(met, key=lambda row: float(row[0]["total_ms"]))
    return {**{name: worst[name] for name in ("count", "total_ms", "max_ms")}, "child": child}


def paused(files: TrialFiles) -> Iterator[Reason]:
    """A child that does not run sends, stamps and counts late; the broker cannot have caused that.

    In `saturate` no latency is claimed, and processes that share full cores with a broker must stand still at times:
    suspect at most, and only where it was long.
    """
    worst = pauses(files)
    if worst is None:
        return
    share = _stood_still(files, worst)
    if share > (PAUSED_LONG if files.model == "saturate" else PAUSED):
        times = "once" if worst["count"] == 1 else f"{worst['count']:,} times"
        text = f"the generator stood still: {worst['child']} did not run {times}, {digits(worst['total_ms'])} ms in all"
        text += f" ({percent(share)} of the measured window), {digits(worst['max_ms'])} ms at the longest;"
        text += " the latencies above are the generator's, not the broker's"
        long = share > PAUSED_LONG and files.model != "saturate"
        yield Reason("generator-paused", text, State.INVALID if long else State.SUSPECT)


def _stood_still(files: TrialFiles, worst: Json) -> float:
    return float(worst["total_ms"]) / 1000 / files.measure_s
