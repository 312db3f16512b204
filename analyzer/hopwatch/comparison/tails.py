"""What requests at a percentile spend, before and after, by aligned hops.

A side's breakdown at q is that of `attribution.quantile`: one weighted sum over duration buckets,
for cells and durations alike. So the hops' differences add up to the difference of the smoothed
percentiles, exactly (attribution.md section 6).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from hopwatch.attribution.quantile import TooFewRequestsError, kernel, whole_numbers
from hopwatch.comparison.blocks import Integers
from hopwatch.comparison.roles import Alignment, Place
from hopwatch.comparison.windows import Window


@dataclass(frozen=True, slots=True)
class TailPart:
    """What one request at the percentile spends in a hop and kind of time, whole ns; the way to
    a hop (`gap`) is its own."""

    hop: str
    kind: str
    before_ns: int
    after_ns: int

    @property
    def ns(self) -> int:
        return self.after_ns - self.before_ns


@dataclass(frozen=True, slots=True)
class TailEffect:
    """Both sides' smoothed q-quantile, whole ns, and the parts that add up to them, what changed
    most first. Where too few requests can tell, None and no parts, and `refused` says why."""

    q: float
    before_ns: int | None
    after_ns: int | None
    parts: tuple[TailPart, ...]
    refused: str

    @property
    def delta_ns(self) -> int | None:
        if self.before_ns is None or self.after_ns is None:
            return None
        return self.after_ns - self.before_ns


_Spent = tuple[int, dict[tuple[str, ...], int]]
"""Of a request at a percentile: ns, and its parts by hop and kind."""


def tails(
    windows: Sequence[Window], alignment: Alignment, qs: Sequence[float]
) -> tuple[TailEffect, ...]:
    """The difference at each of `qs`."""
    sides = [_Side(*side) for side in zip(windows, alignment.sides, strict=True)]
    return tuple(_tail(sides, q) for q in qs)


def _tail(sides: Sequence[_Side], q: float) -> TailEffect:
    try:
        (before_ns, before), (after_ns, after) = (side.at(q) for side in sides)
    except TooFewRequestsError as error:
        why = f"p{100 * q:g} by hop needs {error.needed:,} requests on each side"
        return TailEffect(q, None, None, (), why)
    parts = [
        TailPart(hop, kind, before.get((hop, kind), 0), after.get((hop, kind), 0))
        for hop, kind in before | after
    ]
    parts.sort(key=lambda part: (-abs(part.ns), part.hop, part.kind))
    return TailEffect(q, before_ns, after_ns, tuple(parts), "")


class _Side:
    """The sums of one side by duration bucket, in the units of the ledger's weights."""

    def __init__(self, window: Window, places: Sequence[Place]) -> None:
        self._window = window
        names = [(place.role.hop, place.role.kind) for place in places]
        self._parts: list[tuple[str, ...]] = sorted(set(names))
        number = {name: at for at, name in enumerate(self._parts)}
        self._part_of_cell = np.array([number[name] for name in names], np.int64)
        self._cells: dict[int, dict[int, int]] | None = None

    def at(self, q: float) -> _Spent:
        """Raises TooFewRequestsError."""
        weights, unit = kernel(self._window.ledger, q)
        if self._cells is None:  # only where some percentile can be told
            self._cells = _by_bucket(self._window, self._part_of_cell)
            self._durations = self._window.durations_by_bucket
        sums: dict[tuple[str, ...], int] = defaultdict(int)
        total = 0
        for bucket, weight in weights.items():
            total += weight * self._durations[bucket]
            for part, ns in self._cells.get(bucket, {}).items():
                sums[self._parts[part]] += weight * ns
        total_ns = (2 * total + unit) // (2 * unit)
        return total_ns, whole_numbers(sums, unit, total_ns)


def _by_bucket(window: Window, part_of_cell: Integers) -> dict[int, dict[int, int]]:
    found: dict[int, dict[int, int]] = defaultdict(lambda: defaultdict(int))
    for bucket, part, ns in window.blamed_by_bucket(part_of_cell):
        found[bucket][part] += ns
    return found
