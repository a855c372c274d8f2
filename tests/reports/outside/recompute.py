"""Recomputes a page's figures from the raw files of its run folder, with nothing of ours: python recompute.py FOLDER

Which trials count is the page's own judgement, read from it; every number must then be right to its last digit.
"""

import json
import re
import sys
from collections import Counter
from pathlib import Path

import numpy as np
from hdrh.histogram import HdrHistogram
from hdrh.log import HistogramLogReader
from tables import Page

COUNTED_BY_SENDERS = ("sent", "promised", "unknown", "refused")


class Trial:
    def __init__(self, home):
        self.t, self.ledger = (json.loads((home / f"{name}.json").read_text()) for name in ("trial", "ledger"))
        begin, length = self.t["phases"]["warmup_s"], self.t["phases"]["measure_s"]
        merged, reader = {}, HistogramLogReader(str(home / "latency.hlog"), HdrHistogram(1, 1 << 47, 3))
        while (found := reader.get_next_interval_histogram()) is not None:
            merged.setdefault((found.get_tag() or "").split(":")[0], HdrHistogram(1, 1 << 47, 3)).add(found)
        self.values = {
            tag: Counter(
                {h.get_highest_equivalent_value(i.value_iterated_to): i.count_at_value_iterated_to for i in rows}
            )
            for tag, h in merged.items()
            for rows in [h.get_recorded_iterator()]
        }
        use, before = [], 0.0  # of each whole second of the window
        for line in map(json.loads, (home / "resources.jsonl").read_text().splitlines()):
            second, span, before = (before + line["t"]) // 2, line["t"] - before, line["t"]
            if line["broker"] and begin - 0.05 <= second <= begin + length - 0.95:
                use.append((line["broker"]["cpu_s"] / span, line["broker"]["rss_mib"]))
        producers, consumers = self.t["producers"], self.t["consumers"]
        sent, unique = [p["in_window"] for p in producers], sum(c["unique_by_time"] for c in consumers)
        unconfirmed = sum(p["sent"] - p["confirmed"] - p["refused"] for p in sent)
        self.absent = {"end_to_end": sum(self.ledger["lost_in_window"].values()), "confirm": unconfirmed}
        due = sum(p["scheduled"] for p in sent)
        due = due if self.t["load"]["model"] == "open" else sum(p["sent_by_time"] for p in producers)
        self.means = {"offered": due / length, "delivered": unique / len(self.ledger["groups"]) / length}
        self.means["generator CPU"] = 1e6 / unique * sum(c["cpu_s"] for c in producers + consumers)
        self.means["broker CPU"] = 1e6 / unique * length * (np.mean([cpu for cpu, _ in use]) if use else np.nan)
        self.most = {"broker memory": max((memory for _, memory in use), default=np.nan)}
        self.most["generator busy"] = 100 * max(c["busy_share"] for c in producers + consumers)


def quantile(trials, metric, q):
    """In ms; a message that never came is slower than all that did."""
    counts = sum((t.values.get(metric, Counter()) for t in trials), Counter())
    absent, values = sum(t.absent.get(metric, 0) for t in trials), sorted(counts)
    rank = np.ceil(q * (sum(counts.values()) + absent) - 1e-6)
    at = int(np.searchsorted(np.cumsum([counts[v] for v in values]), rank))
    waited = min((1e9 * t.t["phases"]["drain_s"] for t in trials if t.absent.get(metric)), default=0)
    return (values[at] if at < len(values) else max(waited, values[-1] if values else 0)) / 1e6


def figure(label, trials, every, group=None):
    """What belongs under a label, as a function of trials, and the trials it is of; None: no figure of raw files."""
    name = label.split(",")[0].removesuffix(" messages").replace("busiest process", "generator busy")
    name = name.replace("throughput", "delivered")
    if found := re.fullmatch(r"(end-to-end|confirm|send delay) p([\d.]+)", name):
        return lambda some: quantile(some, re.sub("[- ]", "_", found[1]), float(found[2]) / 100), trials
    if name in ("offered", "delivered", "broker CPU", "generator CPU"):
        return lambda some: np.mean([t.means[name] for t in some]), trials
    if name in ("broker memory", "generator busy"):
        return lambda some: max(t.most[name] for t in some), trials
    if group and every and label in every[0].ledger:
        by_sender = name in COUNTED_BY_SENDERS
        return lambda some: sum((t.ledger if by_sender else t.ledger["groups"][group])[name] for t in some), every
    return (lambda some: sum(t.ledger[name] for t in some), every) if name in ("lost", "duplicates") else None


def check(shown, number, where, found):
    """Compares what a cell says, where it is a figure, and notes it. Counts are exact; the others have 3 digits."""
    digits = re.sub(r"[≥, ]|ms|msg/s", "", shown)
    if re.fullmatch(r"[\d.]+", digits):
        whole, _, rest = digits.partition(".")
        last = -len(rest) if rest or isinstance(number, int) else max(len(whole) - 3, 0)
        right = abs(float(digits) - number) <= 0.501 * 10**last + 1e-9 * abs(number)
        found[right].append(f"{where}: {shown} on the page, {number:.6g} by the files")


def read(home):
    """The page, and its trials by candidate: all of them, and those that its figures are made of."""
    page, every, usable = Page((home / "report.html").read_text()), {}, {}
    rows = [(name, about, cells) for section, (name, about), cells in page.rows if section == "trials" and cells]
    counted = {name for name, about, cells in rows if cells["state"][0] != "invalid" and "no figure" not in about}
    for one in (Trial(ledger.parent) for ledger in sorted(home.glob("trials/*/ledger.json"))):
        every.setdefault(one.t["candidate"], []).append(one)
        usable.setdefault(one.t["candidate"], []).extend([one] if one.t["id"] in counted else [])
    return page, every, usable


def recomputed(page, every, usable):
    """Right -> what was compared."""
    found, trials = {True: [], False: []}, {t.t["id"]: [t] for some in every.values() for t in some}
    for section, (name, _), cells in page.rows:
        slo = cells.get("objective", [""])[0].partition(":")[0].replace("end_to_end.", "end-to-end ")
        for label, (text, note) in cells.items() if name in trials or name in every else ():
            mine, all_ = trials.get(name) or usable[name], trials.get(name) or every[name]
            known = figure(slo if label == "measured" else label or "", mine, all_, cells.get("group", [""])[0])
            if known and known[1]:
                check(text, known[0](known[1]), f"{section}, {name}, {label}", found)
                ends = note.split("–") if section != "ledger" and "–" in note else ()
                for end, of in zip(ends, (min, max), strict=False):
                    check(end, of(known[0]([t]) for t in known[1]), f"{section}, {name}, {label}, {of.__name__}", found)
    return found


if __name__ == "__main__":
    answers = recomputed(*read(Path(sys.argv[1])))
    print(f"{len(answers[True])} figures agree, {len(answers[False])} differ", *answers[False], sep="\n")
    sys.exit(bool(answers[False]))
