"""What a run can show: the share of differences of a known size that the shipped rules find, and of equals told apart.

Writes the tables of docs/power.md anew, between its two marks; the same bytes each time.

    python benchmarks/power.py
"""

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from _drawn import World, judged, judged_twice

from brokerbench_analysis import look_levels
from brokerbench_analysis.claims import Comparison
from brokerbench_analysis.metrics import metric

PAGE = Path(__file__).parent.parent / "docs" / "power.md"
MARKS = "<!-- benchmarks/power.py: from here -->\n", "<!-- to here -->\n"
RUNS, SEED = 2_000, 20_261_123
BLOCKS, FIRST, SECOND = (3, 5, 10), 5, 10
SPREADS = (0.03, 0.06, 0.10)
EFFECTS = (0.05, 0.10, 0.20, 0.50)
THROUGHPUT = metric("throughput")


def tables() -> Iterator[str]:
    for others, heading in ((1, "Two candidates"), (3, "Four candidates: the best is shown to beat all three others")):
        yield f"\n### {heading}\n\n"
        yield from row("spread", "blocks", *(f"+{percent(effect)}" for effect in EFFECTS))
        yield from row(*("---:" for _ in range(2 + len(EFFECTS))))
        for spread in SPREADS:
            for blocks in (*BLOCKS, None):
                found = [judge((effect, *(0.0,) * others), spread, blocks) for effect in EFFECTS]
                yield from row(percent(spread), plan(blocks), *(percent(found_of(rows)) for rows in found))
    yield "\n### Equal candidates: somebody is wrongly said to be better\n\n"
    counts = (2, 4, 8)
    yield from row("spread", "blocks", *(f"{count} candidates" for count in counts))
    yield from row(*("---:" for _ in range(2 + len(counts))))
    for spread in SPREADS:
        for blocks in (*BLOCKS, None):
            wrong = [judge((0.0,) * count, spread, blocks) for count in counts]
            yield from row(percent(spread), plan(blocks), *(percent(wrong_of(rows), 1) for rows in wrong))


def judge(effects: tuple[float, ...], spread: float, blocks: int | None) -> Iterable[Sequence[Comparison]]:
    """`blocks` is None for the plan of two looks."""
    world = World(effects, blocks or SECOND, spread)
    if blocks is None:
        return judged_twice(world, THROUGHPUT, RUNS, SEED, FIRST, look_levels(FIRST, SECOND))
    return judged(world, THROUGHPUT, RUNS, SEED)


def found_of(runs: Iterable[Sequence[Comparison]]) -> float:
    return sum(all((c.a, c.claim) == ("c0", "better") for c in rows) for rows in runs) / RUNS


def wrong_of(runs: Iterable[Sequence[Comparison]]) -> float:
    return sum(any(c.claim in {"better", "worse"} for c in rows) for rows in runs) / RUNS


def plan(blocks: int | None) -> str:
    return f"{FIRST}, then {SECOND}" if blocks is None else str(blocks)


def percent(share: float, places: int = 0) -> str:
    return f"{share * 100:.{places}f} %"


def row(*cells: str) -> Iterator[str]:
    yield "| " + " | ".join(cells) + " |\n"


def main() -> None:
    before, rest = PAGE.read_text(encoding="utf-8").split(MARKS[0])
    after = rest.split(MARKS[1])[1]
    PAGE.write_text(before + MARKS[0] + "".join(tables()) + "\n" + MARKS[1] + after, encoding="utf-8")


if __name__ == "__main__":
    main()
