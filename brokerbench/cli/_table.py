"""The result on the terminal: validity before any figure, unmeasured said in words."""

from typing import Any

from rich.table import Table

from brokerbench_analysis.metrics import is_bound, whole_way

__all__ = ["result_table"]


def result_table(summary: dict[str, Any]) -> Table:
    table = Table(box=None, pad_edge=False, header_style="dim")
    table.add_column("candidate", no_wrap=True)
    table.add_column("valid")
    # Short headings: eight columns must fit a terminal of 80. CPU is the broker's, seconds for a million messages.
    for heading in ("msg/s", "p50 ms", "p99 ms", "lost", "twice", "CPU s/M"):
        table.add_column(heading, justify="right")
    order = {row["candidate"]: place for place, row in enumerate(summary["verdict"]["ranking"])}
    for name in sorted(summary["candidates"], key=lambda n: (order.get(n, 99), summary["candidates"][n]["role"])):
        table.add_row(*_row(name, summary["candidates"][name]))
    return table


def _row(name: str, candidate: dict[str, Any]) -> list[str]:
    if candidate["excluded"] is not None:
        return [name, "not run", *[""] * 6]
    trials = candidate["trials"]
    valid = sum(t["validity"]["state"] == "valid" for t in trials)
    suspect = sum(t["validity"]["state"] == "suspect" for t in trials)
    state = f"{valid} of {len(trials)}" + (f", {suspect} suspect" if suspect else "")
    label = f"{name} (floor)" if candidate["role"] == "floor" else name
    merged = candidate["merged"]
    if not merged:
        return [label, state, *["–"] * 6]
    latency, ledger, resources = (
        merged[f"{whole_way(merged)}_ms"] or {},
        merged["ledger"] or {},
        merged.get("resources") or {},
    )
    return [
        label,
        state,
        _figure(merged["delivered_msgs_s"], ",.0f"),
        _latency(latency, "p50"),
        _latency(latency, "p99"),
        _figure(ledger.get("lost"), ",d"),
        _figure(ledger.get("duplicates"), ",d"),
        _figure(resources.get("broker_cpu_s_per_million"), ".1f"),
    ]


def _latency(latency: dict[str, Any], figure: str) -> str:
    return ("≥ " if is_bound(latency, figure) else "") + _figure(latency.get(figure), ".2f")


def _figure(value: float | int | None, style: str) -> str:
    return "–" if value is None else format(value, style)
