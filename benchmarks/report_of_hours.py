"""What a long run's report costs: 100 trials of 10 minutes, time and memory of `brokerbench report`.

    python benchmarks/report_of_hours.py [FOLDER]

Bars: 20 s, 1 GiB, 3 MB of page. One trial of each candidate is written message by message; its copies are the blocks.
"""

import argparse
import json
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from tests.analysis.folders import Behaviour, Broker, write_run

BARS = {"seconds": 20.0, "GiB of memory": 1.0, "MB of page": 3.0}
BROKERS = [Broker(f"candidate-{n}", Behaviour(end_to_end_ms=2 + n, lost=n, duplicates=3 * n)) for n in range(5)]


def write_hours(folder: Path, *, blocks: int = 20, measure_s: int = 590, rate: float = 60) -> Path:
    """5 candidates in so many blocks, each trial 10 s of warm-up and then `measure_s`."""
    home = write_run(folder, BROKERS, blocks=1, rate=rate, warmup_s=10, measure_s=measure_s)
    run = json.loads((home / "run.json").read_text())
    first = list(run["trials"])
    for block in range(2, blocks + 1):
        for entry in first:
            name = entry["id"].replace("b01-", f"b{block:02d}-")
            copied = {**entry, "id": name, "block": block, "tag": entry["tag"] + 16 * block}
            run["trials"].append(copied)
            target = home / "trials" / name
            shutil.copytree(home / "trials" / entry["id"], target)
            trial = json.loads((target / "trial.json").read_text())
            changed = {"id": name, "block": block, "tag": copied["tag"]}
            (target / "trial.json").write_text(json.dumps(trial | changed))
    run["scenario"]["repeats"]["blocks"] = blocks
    (home / "run.json").write_text(json.dumps(run))
    return home


def measured(home: Path) -> dict[str, float]:
    """Of a process of its own: its time, its highest memory, and the page."""
    began = time.perf_counter()
    subprocess.run([sys.executable, "-m", "brokerbench", "report", str(home)], check=True)
    seconds = time.perf_counter() - began
    most = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 2**20
    page = (home / "report.html").stat().st_size / 1e6
    return dict(zip(BARS, (seconds, most, page), strict=True))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("folder", nargs="?", type=Path, help="where the run folder is written; kept")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        home = write_hours(asked.folder or Path(temporary) / "hours")
        found = measured(home)
    for name, bar in BARS.items():
        print(f"{found[name]:.2f} {name}, at most {bar:g}: {'ok' if found[name] <= bar else 'too much'}")
    return int(any(found[name] > bar for name, bar in BARS.items()))


if __name__ == "__main__":
    sys.exit(main())
