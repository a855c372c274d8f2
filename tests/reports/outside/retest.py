"""Recomputes the ratios and intervals that a page claims, from its run folder: python retest.py FOLDER

Paired in blocks, on logs; each interval at the level that the page names.
"""

import re
import sys
from pathlib import Path

import numpy as np
from recompute import check, figure, read


def interval(ratios, level):
    """Student's, of the mean of logs: t = sqrt(n) tan(u), where u has the density cos(u) ** (n - 1)."""
    n, u = len(ratios) - 1, np.linspace(-np.pi / 2, np.pi / 2, 4_000_001)
    share = np.cumsum(np.cos(u) ** (n - 1))
    t = np.sqrt(n) * np.tan(u[np.searchsorted(share, share[-1] * (1 + level) / 2)])
    # No two trials agree better than a histogram's bin is wide, which is 0.1 %.
    reach = t * np.sqrt(max(np.var(np.log(ratios), ddof=1), 0.001**2 / 6) / (n + 1))
    return np.exp(np.mean(np.log(ratios)) + np.array([-reach, reach]))


def level_of(note):
    """As Holm made it: 5 % or, of two looks, 2.5 %, over a number of comparisons."""
    told = float(note.removesuffix("%"))
    return min((1 - alpha / k for alpha in (0.05, 0.025) for k in range(1, 300)), key=lambda x: abs(100 * x - told))


def retested(page, usable):
    found = {True: [], False: []}
    for _, _, cells in page.rows:
        if "between" not in cells or not re.match(r"[\d.]", cells["ratio, first ÷ second"][0]):
            continue
        of, sides = cells["figure"][0].replace("CPU seconds", "CPU,"), cells["between"][0].split(" against ")
        if figure(of, [], []) is None or any(sum(t.absent.values()) for side in sides for t in usable[side]):
            continue
        a, b = ({t.t["block"]: figure(of, [t], [t])[0]([t]) for t in usable[side]} for side in sides)
        ratios = [a[block] / b[block] for block in a if block in b]
        check(cells["ratio, first ÷ second"][0], np.exp(np.mean(np.log(ratios))), f"ratio, {of}, {sides}", found)
        ends, note = cells["interval of the ratio"][0].split(" to "), cells["interval of the ratio"][1]
        for end, number in zip(ends, interval(ratios, level_of(note)), strict=True) if len(ends) == 2 else ():
            check(end, number, f"interval, {of}, {sides}", found)
    return found


if __name__ == "__main__":
    page, _, usable = read(Path(sys.argv[1]))
    answers = retested(page, usable)
    print(f"{len(answers[True])} figures agree, {len(answers[False])} differ", *answers[False], sep="\n")
    sys.exit(bool(answers[False]))
