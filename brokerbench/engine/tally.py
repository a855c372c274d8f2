"""What one producer counted: told every second, and in all at its end."""

from typing import Any

from .answers import Answers, HandOvers
from .awaited import Awaited
from .schedule import Schedule
from .schedules import schedule_of
from .spec import ChildSpec
from .users import Users

__all__ = ["Tally"]


class Tally:
    """The loop counts what it sends here. `since`: now, in ns since t0."""

    def __init__(self, spec: ChildSpec, schedule: Schedule) -> None:
        self.spec, self.schedule = spec, schedule
        self.users = schedule if isinstance(schedule, Users) else None
        self.answers = Answers(spec)
        self.awaited = Awaited(spec) if spec.replies_through else None
        self.hand_overs = HandOvers(spec)
        self.end_ns = 0  # of the schedule
        self.sent = 0
        self.by_one = 0
        self.canaries = 0  # taken by the client before t0

    def sample(self, since: int) -> dict[str, Any]:
        answers = self.answers
        self.hand_overs.flush()
        answers.flush()
        histograms = {"send_delay": self.hand_overs.delay.take()}
        if self.spec.confirming:
            histograms["confirm"] = answers.latency.take()
        if self.awaited is not None:
            histograms["service"] = self.awaited.service.take()
        elif self.users is not None:
            histograms["service"] = answers.service.take()
        counts = {
            "scheduled": self._scheduled(since),
            "sent": self.sent,
            "confirmed": answers.confirmed,
            "refused": answers.refused,
        }
        gauges = {"outstanding": answers.outstanding if self.spec.confirming else None}
        return {"counts": counts, "gauges": gauges, "histograms": histograms}

    def _scheduled(self, since: int) -> int:
        if not self.schedule.owes:
            return self.sent
        since = min(since, self.end_ns - 1)
        return max(self.sent, self.schedule.due(since)) if since >= 0 else 0

    def totals(self, since: int) -> dict[str, Any]:
        answers, hand_overs = self.answers, self.hand_overs
        start, end = self._window()
        return {
            "scheduled": self._scheduled(since),
            "sent": self.sent,
            "confirmed": answers.confirmed,
            "refused": answers.refused,
            "unknown": self.sent - answers.confirmed - answers.refused if self.spec.confirming else 0,
            "unsent": self._unsent(since),
            "window": [start, end],
            "in_window": {
                "scheduled": end - start,
                "sent": hand_overs.in_window,
                "confirmed": answers.confirmed_in_window,
                "refused": answers.refused_in_window,
                "due_sum_ns": hand_overs.due_sum_ns,
            },
            **self._of_users(),
            **self._replies(),
            "in_flight_mean": self._in_flight_mean(),
            "by_one": self.by_one,
            "confirmed_by_time": answers.confirmed_by_time,
            "sent_by_time": hand_overs.by_time,
            "carried_in_max_ns": answers.carried_in_ns,
            "answered_twice": answers.twice,
            "negative": self._negative(),
            "canaries": self.canaries,
            "ended_s": round(self.end_ns / 1e9, 3),
        }

    def _of_users(self) -> dict[str, int]:
        names = ("thoughts", "thought_ns", "thought_ends_ns", "waited_ends_ns", "answered_ends")
        return {} if self.users is None else {name: getattr(self.users, name) for name in names}

    def _replies(self) -> dict[str, int]:
        awaited = self.awaited
        if awaited is None:
            return {}
        return {"replied": awaited.replied, "replied_in_window": awaited.in_window, "given_up": awaited.given_up}

    def _in_flight_mean(self) -> float | None:
        if self.awaited is not None:
            return self.awaited.in_flight_mean()
        return self.answers.in_flight_mean() if self.spec.confirming else None

    def _negative(self) -> dict[str, int]:
        found = {"send_delay": self.hand_overs.delay.negative, "confirm": self.answers.latency.negative}
        return found if self.awaited is None else {**found, "service": self.awaited.service.negative}

    def _unsent(self, since: int) -> int:
        """Where it is known, from a schedule of its own: that it fits what was counted is checked later."""
        since = min(since, self.end_ns - 1)
        if not self.schedule.owes or since < 0:
            return 0
        schedule = schedule_of(self.spec) if self.schedule.known else self.schedule
        return schedule.due(since) - self.sent

    def _window(self) -> tuple[int, int]:
        """First and end sequence that were intended in the measured window (as far as the load came)."""
        if not self.schedule.known:
            first = self.hand_overs.first_in_window or 0
            return first, first + self.hand_overs.in_window
        start, end = self.spec.window_ns
        schedule = schedule_of(self.spec)  # from the beginning: a schedule only goes forward
        first = schedule.due(start - 1) if start else 0
        return first, max(first, schedule.due(min(end, self.end_ns) - 1))
