"""The tail: what requests spend as a function of their percentile, and what the slow ones spend
more on than the usual ones. Everything adds up, as it is printed."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import log10
from typing import Final

import numpy as np
import pandas as pd

from hopwatch.attribution import Ledger, quantile
from hopwatch.attribution.quantile import Breakdown
from hopwatch.reports.numbers import Scale, apportion, scale_for
from hopwatch_dashboards.theme import time
from hopwatch_dashboards.views.breakdown import MEAN, SLOWEST, broken_down, quantile_of

Key = tuple[str, ...]
PERCENTILES: Final = ("p50", "p75", "p90", "p95", "p99", "p99.9")
"""Those that can be compared at a click."""
_LOWEST: Final = 0.01
_STEPS: Final = 48
_MINUS: Final = "\N{MINUS SIGN}"


@dataclass(frozen=True, slots=True)
class Difference:
    """One row: what a request spends in it at the lower and at the higher statistic. Printed
    figures add up to the printed totals, down and across."""

    key: Key
    low: str
    high: str
    more: str  # with its sign
    more_ns: int


@dataclass(frozen=True, slots=True)
class Comparison:
    """Two statistics of the same requests, row by row, what differs most first. `low` and
    `high`: what each is of; `notes`: why one is not what was asked for."""

    keys: tuple[str, ...]
    unit: str
    rows: tuple[Difference, ...]
    total: Difference
    low: str
    high: str
    notes: tuple[str, ...]


def needed(word: str) -> int:
    """How many requests a percentile by hop needs."""
    q = quantile_of(word)
    return 0 if q is None else quantile.needed(q)


def answerable(ledger: Ledger) -> tuple[str, ...]:
    """Those of `PERCENTILES` for which there are enough requests."""
    at = {word: quantile_of(word) or 0.5 for word in PERCENTILES}
    return tuple(w for w, q in at.items() if ledger.effective_requests(q) >= needed(w))


def usual_pair(ledger: Ledger) -> tuple[str, str]:
    """The statistics to compare where nothing else is asked for: the median with the highest
    percentile there are enough requests for, p99 at most, else the mean with the slowest."""
    enough = [word for word in answerable(ledger) if word != "p99.9"]
    return ("p50", enough[-1]) if len(enough) > 1 else (MEAN, SLOWEST)


def place(q: float) -> float:
    """Where a percentile lies on the axis: as far from p90 to p99 as from p99 to p99.9."""
    return -log10(1 - q)


def curve(ledger: Ledger, keys: tuple[str, ...], most: int = 10) -> pd.DataFrame:
    """What requests spend at each percentile that there are enough requests for: percent, place
    (see there), left and right (half-way to the next places), row (the number of the key, 0 for
    what grows most), key, ns. At each percentile the rows add up to total_ns, the smoothed
    quantile. The `most` dearest rows, the others as one; empty below 400 requests.
    """
    qs = _percentiles(ledger)
    found = quantile.curve(ledger, qs, *keys)
    rows = _rows(found, most)
    all_keys = {share.key for breakdown in found for share in breakdown.shares if share.ns}
    others = (f"{len(all_keys) - len(rows)} others", *[""] * (len(keys) - 1))
    places = [place(q) for q in qs]
    records = []
    for q, breakdown, at, sides in zip(qs, found, places, edges(places), strict=True):
        sums = {share.key: share.ns for share in breakdown.shares}
        parts = [(key, sums.pop(key, 0)) for key in rows]
        if len(all_keys) > len(rows):
            parts.append((others, sum(sums.values())))
        records += [
            (100 * q, at, *sides, row, key, ns, breakdown.total_ns)
            for row, (key, ns) in enumerate(parts)
        ]
    names = ["percent", "place", "left", "right", "row", "key", "ns", "total_ns"]
    return pd.DataFrame(records, columns=names)


def marks(frame: pd.DataFrame, words: Iterable[str]) -> list[float]:
    """The percentages of those of the statistics that lie within the curve."""
    asked = [100 * q for word in words if word != SLOWEST and (q := quantile_of(word))]
    return [p for p in asked if frame["percent"].min() - 1e-9 <= p <= frame["percent"].max() + 1e-9]


def ends(frame: pd.DataFrame) -> list[tuple[int, str]]:
    """Each row of the curve, from the top, and what it takes at the first and the last step."""
    first, last = (
        frame[frame["percent"] == end].set_index("row")["ns"]
        for end in (frame["percent"].min(), frame["percent"].max())
    )
    return [(int(row), f"{time(first[row])} to {time(last[row])}") for row in sorted(last.index)]


def compare(
    ledger: Ledger, low: str, high: str, keys: tuple[str, ...], most: int = 40
) -> Comparison:
    """What requests at the statistic `high` spend more on than those at `low` (see
    `breakdown.broken_down`); the `most` that differ most, the others as one."""
    (one, basis, note), (other, other_basis, other_note) = (
        broken_down(ledger, at, keys) for at in (low, high)
    )
    changes = quantile.difference(one, other).changes
    rows = [(c.key, c.low_ns, c.high_ns) for c in changes if c.low_ns or c.high_ns]
    if len(rows) > most:
        rest = rows[most - 1 :]
        name = (f"{len(rest)} others", *[""] * (len(keys) - 1))
        rows = [*rows[: most - 1], (name, sum(r[1] for r in rest), sum(r[2] for r in rest))]
    scale = scale_for(max(one.total_ns, other.total_ns))
    totals = [scale.ticks(one.total_ns), scale.ticks(other.total_ns)]
    ticks = zip(
        apportion([r[1] for r in rows], totals[0]),
        apportion([r[2] for r in rows], totals[1]),
        strict=True,
    )
    shown = tuple(
        _difference(key, pair, after_ns - before_ns, scale)
        for (key, before_ns, after_ns), pair in zip(rows, ticks, strict=True)
    )
    total = _difference((), (totals[0], totals[1]), other.total_ns - one.total_ns, scale)
    notes = tuple(text for text in (note, other_note) if text)
    return Comparison(keys, scale.unit, shown, total, basis, other_basis, notes)


def _difference(key: Key, ticks: tuple[int, int], more_ns: int, scale: Scale) -> Difference:
    low, high = ticks
    sign = "+" if high > low else _MINUS if high < low else ""
    return Difference(
        key, scale.show(low), scale.show(high), sign + scale.show(abs(high - low)), more_ns
    )


def _percentiles(ledger: Ledger) -> list[float]:
    """Where the curve is computed: evenly along its axis, as far as there are requests."""
    ends = quantile.reach(ledger)
    if ends is None:
        return []
    low, high = max(ends[0], _LOWEST), ends[1]
    between = np.linspace(place(low), place(high), _STEPS)[1:-1]
    return sorted({low, *(round(1 - 10 ** -float(x), 5) for x in between), high})


def edges(places: list[float]) -> list[tuple[float, float]]:
    """The step of each place, from half-way to the one before to half-way to the next."""
    if not places:
        return []
    between = [(a + b) / 2 for a, b in pairwise(places)]
    bounds = [places[0], *between, places[-1]]
    return list(pairwise(bounds))


def _rows(breakdowns: Sequence[Breakdown], most: int) -> list[Key]:
    """The dearest rows of all percentiles together, those first that grow most to the last."""
    if not breakdowns:
        return []
    sums: dict[Key, int] = {}
    for breakdown in breakdowns:
        for share in breakdown.shares:
            sums[share.key] = sums.get(share.key, 0) + share.ns
    dearest = sorted((k for k, ns in sums.items() if ns), key=lambda k: (-sums[k], k))
    kept = dearest if len(dearest) <= most else dearest[: most - 1]
    first, last = ({s.key: s.ns for s in breakdowns[i].shares} for i in (0, -1))
    return sorted(kept, key=lambda k: (first.get(k, 0) - last.get(k, 0), k))
