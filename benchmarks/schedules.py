"""What a schedule costs: the intended times of 10^7 sends, in the batches that the load loop asks for.

On an idle machine each takes 1 s at most. That memory stays constant is a test: test_engine_schedule.py.

    python benchmarks/schedules.py
"""

import time
from collections.abc import Iterator

from brokerbench.engine.profile import Profile
from brokerbench.engine.schedule import Constant, Poisson, Schedule, Varying
from brokerbench.model import Stage

SENDS, RATE, MOST_S = 10_000_000, 1e6, 1.0


def schedules() -> Iterator[tuple[str, Schedule]]:
    yield "constant", Constant(RATE, 1, 0)
    yield "poisson", Poisson(RATE, 1, 0, 1)
    for kind in ("ramp", "spike", "day"):
        stage = Stage.from_base({f"{kind}_s": 10.0, "from_msgs_s": RATE / 2, "to_msgs_s": 1.5 * RATE})
        yield kind, Varying(Profile(tuple(stage.segments())), 1, 0, None)
        yield f"{kind}, poisson", Varying(Profile(tuple(stage.segments())), 1, 0, 1)


def main() -> None:
    for name, schedule in schedules():
        batch = schedule.batch_cap
        schedule.times(0, batch)
        began = time.perf_counter()
        for first in range(batch, SENDS, batch):
            schedule.times(first, batch)
        took_s = time.perf_counter() - began
        kept = "kept" if took_s <= MOST_S else "not kept"
        print(
            f"{name}: {SENDS:,} sends in {took_s:.2f} s, batches of {batch:,}; {MOST_S:g} s at most when idle: {kept}"
        )


if __name__ == "__main__":
    main()
