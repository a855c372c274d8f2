"""docs/advice.md, made from the rules: `python -m tests.analysis.advice_page` writes it."""

import sys
from collections.abc import Iterator
from pathlib import Path

from brokerbench_analysis.advice import RULES, Rule

__all__ = ["PAGE", "page"]

PAGE = Path(__file__).parents[2] / "docs" / "advice.md"
_HEAD = """\
# Advice

Made from the rules by `python -m tests.analysis.advice_page`; do not edit it by hand.

A report advises a setting where a rule's pattern is in the run's own figures, and says nothing else: without the
pattern, no advice. It names what was seen, the value to try, what to expect, the price and the source, and stays
`unproved` until paired trials have shown a gain.

- Only trials that may be believed speak: none that is invalid, contaminated (CPU time taken by others) or bound by
  the client, and none of a smoke run.
- No rule trades what a message survives, or the guarantee, for speed.
- A default is told with the version that it belongs to, beside the version that was measured.
- Losses come first, then consumers before producers: what is taken off faster cannot jam.

## Proof
`brokerbench run FILE --prove N` tries the first N pieces after the run: for each candidate one run below `proofs/` in
the run's folder, with a page of its own. Its arms are the candidate as asked, then with the first change, then with
the second on top, and so on, in blocks, each arm once a block, in random order, at least 5 blocks. Where the pattern
caps the rate it sends as fast as messages are confirmed (30 s a trial at most), else the scenario's own load is used.
Each step is held against the one before, and, of several, the last against the first, by the paired interval that
comparisons have; the 5 % are shared by these comparisons (Bonferroni). `proved`: better beyond chance and margin.
`tried, no gain shown` stands beside its interval. A loss counts as gone where every block lost messages before, and
none after, in 3 blocks at least.

A step that brings nothing alone may be needed by the next one: a wide prefetch gains little while the producer waits
for each confirm, and confirms in flight would jam behind a prefetch of 1. The result of all steps together is
therefore told too.

## Rules
"""


def page() -> str:
    return _HEAD + "".join(line + "\n" for rule in RULES for line in _rule(rule)).rstrip() + "\n"


def _rule(rule: Rule) -> Iterator[str]:
    yield f"### {rule.name}"
    yield f"- pattern: {rule.pattern}"
    yield f"- expected: {rule.effect}"
    yield f"- price: {rule.price}"
    yield f"- defaults: {rule.default}"
    proof = "saturating load" if rule.jams else "the scenario's own load; lost messages are counted"
    proof = proof if rule.provable else "none by `--prove`: with other messages it would be another question"
    yield f"- proof: {proof}"
    yield f"- source: <{rule.source}>"
    yield ""


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
    sys.stdout.write(f"{PAGE.name} written\n")
