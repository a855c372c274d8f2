"""How late the generator hands over what is due: the null driver at a given rate, so that no broker holds it up.

On an idle machine the send delay is to be 100 us at most in the median, and 1 ms at most in the 99th percentile.

    python benchmarks/pacing.py [msgs/s] [seconds]
"""

import sys

from _lab import engine_trial

MOST_MS = {"p50": 0.1, "p99": 1.0}


def main() -> None:
    rate = float(sys.argv[1]) if len(sys.argv) > 1 else 5000.0
    seconds = float(sys.argv[2]) if len(sys.argv) > 2 else 10.0
    load = {"model": "open", "warmup": "1s", "stages": [{"steady": f"{seconds}s", "rate": f"{rate}/s"}]}
    record = engine_trial({"driver": "null"}, load, guarantee="at-most-once").record
    delay = record["send_delay_ms"]
    for name, most_ms in MOST_MS.items():
        kept = "kept" if delay[name] <= most_ms else "not kept"
        print(
            f"null, {rate:,.0f} msg/s: send delay {name} {delay[name]:.3f} ms; {most_ms:g} ms at most when idle: {kept}"
        )
    print(f"trial {record['validity']['state']}; {'; '.join(record['validity']['reasons']) or 'no objection'}")


if __name__ == "__main__":
    main()
