"""The difference percentile by percentile, and which hops make it. At each percentile the hops add
up to the difference of the two smoothed percentiles."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np
import pandas as pd

from hopwatch.attribution import Ledger, quantile
from hopwatch.comparison.aligning import aligned
from hopwatch.comparison.tails import TailEffect, tails
from hopwatch.comparison.windows import Window
from hopwatch_dashboards.views import distribution
from hopwatch_dashboards.views.tail import edges, place

_STEPS: Final = 32
_LOWEST: Final = 0.01
OTHERS: Final = ""
"""Stands for all hops that are not shown apart."""


def differences(before: Ledger, after: Ledger, most: int = 8) -> pd.DataFrame:
    """What each hop adds at each percentile that both sides have enough requests for: percent,
    place (see `tail.place`), left and right (half-way to the next places), hop, ns; total_ns, low
    and high (where the hop's bar lies, ns: rises are stacked upwards, falls downwards). The `most`
    hops that differ most, the others as one; empty where requests are too few."""
    names = ["percent", "place", "left", "right", "hop", "ns", "total_ns", "low", "high"]
    qs = _percentiles(before, after)
    if not qs:
        return pd.DataFrame(columns=names)
    windows = Window(before), Window(after)
    changes = [_by_hop(effect) for effect in tails(windows, aligned(*windows), qs)]
    kept = _most(changes, most)
    places = [place(q) for q in qs]
    records = []
    for q, change, at, sides in zip(qs, changes, places, edges(places), strict=True):
        shown = {hop: change.pop(hop, 0) for hop in kept}
        if any(change.values()):
            shown[OTHERS] = sum(change.values())
        total = sum(shown.values())
        up = down = 0
        for hop, ns in shown.items():
            start = up if ns > 0 else down
            low, high = sorted((start, start + ns))
            up, down = max(up, high), min(down, low)
            records.append((100 * q, at, *sides, hop, ns, total, low, high))
    return pd.DataFrame(records, columns=names)


def refused(before: Ledger, after: Ledger) -> str:
    """Why the difference ends where it does, or is not there at all."""
    if not _percentiles(before, after):
        return (
            f"The difference percentile by percentile needs {quantile.needed(0.5):,} requests on "
            "each side."
        )
    for q in (0.95, 0.99, 0.999):
        if any(side.effective_requests(q) < quantile.needed(q) for side in (before, after)):
            return (
                f"p{100 * q:.4g} needs {quantile.needed(q):,} requests on each side; there are "
                f"{min(before.request_count, after.request_count):,}."
            )
    return ""


def both(before: Ledger, after: Ledger) -> pd.DataFrame:
    """How long requests take on both sides: side, low, high (ms), requests, share (of the side's
    requests), upto (the share at most that long)."""
    frames = []
    for name, ledger in (("before", before), ("after", after)):
        frame = distribution.histogram(ledger)
        frame["side"] = name
        frame["share"] = frame["requests"] / frame["requests"].sum()
        frames.append(frame)
    return pd.concat(frames, ignore_index=True)


def _percentiles(before: Ledger, after: Ledger) -> list[float]:
    reaches = [quantile.reach(side) for side in (before, after)]
    if None in reaches:
        return []
    low = max(_LOWEST, *(reach[0] for reach in reaches if reach))
    high = min(reach[1] for reach in reaches if reach)
    if low > high:
        return []
    between = np.linspace(place(low), place(high), _STEPS)[1:-1]
    return sorted({low, *(round(1 - 10 ** -float(x), 5) for x in between), high})


def _by_hop(effect: TailEffect) -> dict[str, int]:
    """What each hop adds, the way to it included."""
    sums: dict[str, int] = {}
    for part in effect.parts:
        sums[part.hop] = sums.get(part.hop, 0) + part.ns
    return sums


def _most(changes: Sequence[dict[str, int]], most: int) -> list[str]:
    """The hops with the largest differences of all percentiles, in order."""
    sizes: dict[str, int] = {}
    for change in changes:
        for hop, ns in change.items():
            sizes[hop] = sizes.get(hop, 0) + abs(ns)
    found = sorted((hop for hop, size in sizes.items() if size), key=lambda hop: -sizes[hop])
    return found if len(found) <= most else found[: most - 1]
