"""Sets of time as sorted disjoint half-open intervals, in integer ns."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Sequence

Interval = tuple[int, int]


def union(intervals: Iterable[Interval]) -> list[Interval]:
    """The same points as disjoint intervals, in order."""
    merged: list[Interval] = []
    for start, end in sorted(intervals):
        if merged and start <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(merged[-1][1], end))
        elif start < end:
            merged.append((start, end))
    return merged


def length(disjoint: Iterable[Interval]) -> int:
    """How long disjoint intervals are together."""
    return sum(end - start for start, end in disjoint)


def overlap(disjoint: Sequence[Interval], merged: list[Interval]) -> int:
    """How long the part of `disjoint` is that `merged` (see `union`) covers."""
    total = 0
    for start, end in disjoint:
        first = max(0, bisect_right(merged, (start,)) - 1)
        for low, high in merged[first : bisect_left(merged, (end,))]:
            total += max(0, min(end, high) - max(start, low))
    return total
