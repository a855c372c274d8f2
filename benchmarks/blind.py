"""Two checks of the verdict on a real broker: nothing found where there is nothing, something where there is.

`blind`: RabbitMQ under two names, one server: ten runs, of which at most one may say "better". Runs take turns between
throughput of a saturating load and p99 at a fixed rate.
`limited`: two RabbitMQ servers, one held to 70 % of the CPU it wants by a cgroup (root, cgroup v1 or v2 with `cpu`).

python benchmarks/blind.py blind|limited [runs]         prints rows for docs/blind-runs.md
"""

import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import psutil
from _lab import server

_ASK = {
    "delivered_msgs_s": "load: {model: saturate, warmup: 1s, stages: [{steady: 4s}], drain: 10s}",
    "end_to_end.p99": "load: {model: open, warmup: 1s, stages: [{steady: 4s, rate: 2k/s}], drain: 10s}",
}
_LOAD_S = 5.0  # warm-up and window of the saturating load; the rest of the time the server idles
_SHARE = 0.70
_PERIOD_US = 20_000


def main() -> None:
    what, runs = sys.argv[1], int(sys.argv[2]) if len(sys.argv) > 2 else 10
    print("| run | primary | blocks | ratio | interval | claim | trials valid |")
    print("| --- " * 7 + "|")
    if what == "blind":
        brokers = {"one": {"driver": "rabbitmq"}, "other": {"driver": "rabbitmq"}}
        for number in range(runs):
            _row(number + 1, list(_ASK)[number % 2], brokers)
        return
    with ExitStack() as stack:
        free, held = (stack.enter_context(server("rabbitmq")) for _ in range(2))
        brokers = {name: {"driver": "rabbitmq", "url": _url(to)} for name, to in (("free", free), ("held", held))}
        wanted = _cores_of(held, brokers["held"])
        with _limited(_pids_at(held["port"]), wanted * _SHARE):
            print(f"(unlimited it used {wanted:.2f} cores; held to {wanted * _SHARE:.2f})")
            for number in range(runs):
                _row(number + 1, "delivered_msgs_s", brokers)


def _row(number: int, primary: str, brokers: Mapping[str, Any]) -> None:
    summary = _run(primary, brokers, seed=number, blocks=5)
    found = next(c for c in summary["comparisons"] if c["primary"])
    trials = [t for c in summary["candidates"].values() for t in c["trials"] if t["kind"] != "probe"]
    states = [t["validity"]["state"] for t in trials if not t["superseded"]]
    ratio, low, high = ("-" if found[name] is None else f"{found[name]:.3f}" for name in ("ratio", "low", "high"))
    print(
        f"| {number} | {primary} | {found['blocks']} | {found['a']} / {found['b']} = {ratio} | {low} to {high} "
        f"| {found['claim']} | {states.count('valid')} of {len(states)} |",
        flush=True,
    )


def _run(primary: str, brokers: Mapping[str, Any], *, seed: int, blocks: int) -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as folder:
        scenario = Path(folder) / "blind.yaml"
        scenario.write_text(
            f"scenario: blind\nbrokers: {json.dumps(brokers)}\nmessage: {{size: 1KiB}}\n"
            f"{_ASK[primary]}\nrepeats: {{blocks: {blocks}}}\nprimary: {primary}\n"
        )
        command = [sys.executable, "-m", "brokerbench", "run", str(scenario), "--results", folder, "--json"]
        done = subprocess.run([*command, "--seed", str(seed)], stdout=subprocess.PIPE, check=False)
        summary: dict[str, Any] = json.loads(done.stdout)
        return summary


def _url(address: Mapping[str, Any]) -> str:
    return f"amqp://{address['user']}:{address['password']}@127.0.0.1:{address['port']}/?management_port={address['management_port']}"


def _pids_at(port: int) -> list[int]:
    """The server that listens there, with all that it started."""
    owner = next(c.pid for c in psutil.net_connections("tcp") if c.status == "LISTEN" and c.laddr.port == port)
    server_process = psutil.Process(owner)
    return [owner, *(child.pid for child in server_process.children(recursive=True))]


def _cores_of(address: Mapping[str, Any], broker: Mapping[str, Any]) -> float:
    """What the server uses of the CPUs while it is saturated."""
    process = psutil.Process(_pids_at(address["port"])[0])
    before = process.cpu_times()
    trials = _run("delivered_msgs_s", {"alone": broker}, seed=1, blocks=1)["candidates"]["alone"]["trials"]
    after = process.cpu_times()
    return (after.user + after.system - before.user - before.system) / (_LOAD_S * len(trials))


@contextmanager
def _limited(pids: list[int], cores: float) -> Iterator[None]:
    v2 = Path("/sys/fs/cgroup/cgroup.controllers").exists()
    group = Path("/sys/fs/cgroup", *([] if v2 else ["cpu"]), "brokerbench-blind")
    group.mkdir()
    quota = int(cores * _PERIOD_US)
    try:
        if v2:
            (group / "cpu.max").write_text(f"{quota} {_PERIOD_US}")
        else:
            (group / "cpu.cfs_period_us").write_text(str(_PERIOD_US))
            (group / "cpu.cfs_quota_us").write_text(str(quota))
        for pid in pids:
            (group / "cgroup.procs").write_text(str(pid))
        yield
    finally:
        for pid in (group / "cgroup.procs").read_text().split():
            (group.parent / "cgroup.procs").write_text(pid)
        group.rmdir()


if __name__ == "__main__":
    main()
