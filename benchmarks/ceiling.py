"""The generator's own ceiling: the null driver, one producer and one consumer process, stamps, histograms, ledger on.

python benchmarks/ceiling.py [seconds]
"""

import statistics
import sys

from _lab import through_engine

NULL = {"driver": "null"}


def main() -> None:
    seconds = float(sys.argv[1]) if len(sys.argv) > 1 else 5.0
    for size in ("16B", "100B", "1KiB"):
        rates, busy = [], []
        for _ in range(3):
            trial = through_engine(
                NULL,
                size=size,
                in_flight=1000,
                prefetch=500,
                seconds=seconds,
                guarantee="at-most-once",
                model="saturate",
            )
            ledger = trial["ledger"]
            assert ledger["closed"], ledger
            assert ledger["lost"] == ledger["duplicates"] == 0, ledger
            rates.append(trial["delivered_msgs_s"])
            busy.append((trial["producers"][0]["busy_share"], trial["consumers"][0]["busy_share"]))
        middle = busy[rates.index(statistics.median_low(rates))]
        spread = f"median {statistics.median(rates):,.0f} msg/s, from {min(rates):,.0f} to {max(rates):,.0f}"
        print(f"null, {size:>4}: {spread}; producer {middle[0]:.0%}, consumer {middle[1]:.0%} of a core; nothing lost")


if __name__ == "__main__":
    main()
