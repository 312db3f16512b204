"""Intervals of time as kernels; the readable form is `intervals`."""

from __future__ import annotations

from typing import Any

import numpy as np

from hopwatch.attribution.columnar.jit import compiled


@compiled
def union(low: Any, high: Any, count: Any) -> Any:
    """Makes intervals disjoint and ordered, in place; gives their number."""
    if count > 1:
        order = np.argsort(low[:count].copy())
        low[:count] = low[:count][order]
        high[:count] = high[:count][order]
    merged = 0
    for i in range(count):
        if merged and low[i] <= high[merged - 1]:
            high[merged - 1] = max(high[merged - 1], high[i])
        elif low[i] < high[i]:
            low[merged], high[merged] = low[i], high[i]
            merged += 1
    return merged


@compiled
def first_after(times: Any, first: Any, time: Any) -> Any:
    """The first place from `first` on whose time, of rising ones, is after `time`."""
    last = len(times)
    while first < last:
        middle = (first + last) // 2
        if times[middle] > time:
            last = middle
        else:
            first = middle + 1
    return first


@compiled
def overlap(room: Any, segments: Any, shift: Any, low: Any, high: Any) -> Any:
    """How long the part of the segments (last first, less `shift`) is that disjoint intervals
    cover."""
    total, i = 0, 0
    for segment in range(segments - 1, -1, -1):
        start, end = room[segment].segment_low - shift, room[segment].segment_high - shift
        i = first_after(high, i, start)
        j = i
        while j < len(low) and low[j] < end:
            total += min(end, high[j]) - max(start, low[j])
            j += 1
    return total
