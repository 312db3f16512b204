"""The lines that pass below all points a and above all points b, for many groups of points.

The polygon (offset, slope) of a group's lines is found from the least a and the greatest b of
each of `_BINS` slices of its time: a line that passes these passes nearly all, and leaving
points out can only admit more lines. So that "least" means nearest to the lines also where
they are steep, points are first laid level by a rough slope.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt

Integers = npt.NDArray[np.int64]

_BINS: Final = 8
_SLICES: Final = 8
FREE_PPB: Final = 200_000
"""Two quartz clocks drift apart no faster, unless the points say so."""
_SLEW_PPB: Final = 1_000_000  # nor are they slewed faster
_PPB: Final = 1_000_000_000
_FAR: Final = 1 << 60
_AT_ONCE: Final = 1 << 13  # groups, to bound memory


class Lines(NamedTuple):
    """By group. low, high: what the lines allow at the start, in the middle and at the end
    (n x 3), ns; joined by chords, these enclose all lines. slope: least and greatest (n x 2),
    ppb. room: what a line of medium slope can be shifted by, ns. agree: whether any line passes
    at all; else the rest means nothing."""

    low: Integers
    high: Integers
    slope: Integers
    room: Integers
    agree: npt.NDArray[np.bool_]


class Points(NamedTuple):
    """Points of groups, by time: group i's from `bounds[i]` to before `bounds[i + 1]`, and
    somewhere within `start[i]` and `end[i]`, which are an hour apart at most."""

    time: Integers
    a: Integers
    b: Integers
    bounds: Integers
    start: Integers
    end: Integers


def between(points: Points, odd: Callable[[int], int]) -> Lines:
    """The lines of each group. Of n points, the `odd(n)` lowest a and highest b do not count."""
    parts = [_between(part, odd) for part in _parts(points)]
    return Lines(*(np.concatenate(columns) for columns in zip(*parts, strict=True)))


def agree(points: Points, odd: Callable[[int], int]) -> npt.NDArray[np.bool_]:
    """By group whether any line passes, as `between` would say."""
    return np.concatenate([_polygon(part, odd).agree for part in _parts(points)])


def _parts(points: Points) -> Iterator[Points]:
    """Some groups at a time."""
    time, a, b, bounds, start, end = points
    for first in range(0, max(1, len(start)), _AT_ONCE):
        some = bounds[first : first + _AT_ONCE + 1]
        rows, groups = slice(some[0], some[-1]), slice(first, first + _AT_ONCE)
        yield Points(time[rows], a[rows], b[rows], some - some[0], start[groups], end[groups])


class _Polygon(NamedTuple):
    """By group: points of each slice of time that are nearest to the lines, from above and,
    upside down, from below (n x bins), less the level and the rough slope; and the least and
    the greatest slope of lines between them, less the rough slope."""

    level: Integers
    rough: Integers
    upper: Integers
    upper_at: Integers
    lower: Integers
    lower_at: Integers
    least: Integers
    greatest: Integers
    agree: npt.NDArray[np.bool_]


def _polygon(points: Points, odd: Callable[[int], int]) -> _Polygon:
    time, a, b, bounds, start, end = points
    groups = len(bounds) - 1
    group = np.repeat(np.arange(groups), np.diff(bounds))
    since = time - start[group]
    slot = group * _BINS + since * _BINS // (end - start + 1)[group]
    level = ranked(a, bounds, lambda size: size // 2)
    above = np.clip(a - level[group], -_FAR // 2, _FAR // 2)
    below = np.clip(level[group] - b, -_FAR // 2, _FAR // 2)
    rough = _rough_slope(slot, since, above, below, groups)
    trend = _rise(rough[group], since)
    upper = _least(slot, since, _without(above - trend, bounds, odd), groups)
    lower = _least(slot, since, _without(below + trend, bounds, odd), groups)
    least, greatest, passes = _slopes(*upper, *lower, rough)
    return _Polygon(level, rough, *upper, *lower, least, greatest, passes)


def _between(points: Points, odd: Callable[[int], int]) -> Lines:
    span = points.end - points.start
    level, rough, upper, upper_at, lower, lower_at, least, greatest, passes = _polygon(points, odd)
    middle = (least + greatest) // 2
    laid = level[:, None] + np.stack(
        [0 * span, _rise(rough, span // 2), _rise(rough, span)], axis=1
    )
    return Lines(
        low=laid - _highest(lower, lower_at, -greatest, -least, span),
        high=laid + _highest(upper, upper_at, least, greatest, span),
        slope=np.stack([least, greatest], axis=1) + rough[:, None],
        room=(upper - _rise(middle[:, None], upper_at)).min(axis=1)
        + (lower + _rise(middle[:, None], lower_at)).min(axis=1),
        agree=passes,
    )


def _rise(slope: Integers, time: Integers) -> Integers:
    """By how much a line of a slope (ppb) rises."""
    return slope * time // _PPB


def _highest(
    above: Integers, when: Integers, least: Integers, greatest: Integers, span: Integers
) -> Integers:
    """How high at most lines below some points are at the start, in the middle and at the end
    of the span. Slopes are taken in slices: of each, a point bounds a line by one of the ends."""
    slopes = least[:, None] + (greatest - least)[:, None] * np.arange(_SLICES + 1) // _SLICES
    heights = []
    for time in (0 * span, span // 2, span):
        ahead = time[:, None] - when
        bound = above[:, None, :] + _rise(slopes[:, :, None], ahead[:, None, :]) + 1
        heights.append(np.maximum(bound[:, :-1], bound[:, 1:]).min(axis=2).max(axis=1))
    return np.stack(heights, axis=1)


def ranked(values: Integers, bounds: Integers, rank: Callable[[int], int]) -> Integers:
    """By group the value of a rank that depends on the group's size."""
    found = [
        np.partition(values[low:high], rank(high - low))[rank(high - low)]
        for low, high in zip(bounds[:-1].tolist(), bounds[1:].tolist(), strict=True)
    ]
    return np.array(found, np.int64)


def _without(values: Integers, bounds: Integers, odd: Callable[[int], int]) -> Integers:
    """Values, those below the rank `odd` of their group out of the way."""
    sizes = np.diff(bounds)
    if not any(odd(size) for size in np.unique(sizes).tolist()):
        return values
    least = np.repeat(ranked(values, bounds, odd), sizes)
    return np.where(values < least, _FAR, values)


def _least(
    slot: Integers, since: Integers, values: Integers, groups: int
) -> tuple[Integers, Integers]:
    """The least value of each slot and when it was, as groups x bins; `_FAR` in empty slots."""
    begins = np.flatnonzero(np.diff(slot, prepend=-1))
    least = np.full(groups * _BINS, _FAR, np.int64)
    when = np.zeros(groups * _BINS, np.int64)
    least[slot[begins]] = np.minimum.reduceat(values, begins)
    hits = np.flatnonzero(values == least[slot])[::-1]  # the first is written last
    when[slot[hits]] = since[hits]
    return least.reshape(groups, _BINS), when.reshape(groups, _BINS)


def _rough_slope(
    slot: Integers, since: Integers, above: Integers, below: Integers, groups: int
) -> Integers:
    """The median slope between the middles of slices (Theil and Sen), ppb."""
    upper, upper_at = _least(slot, since, above, groups)
    lower, lower_at = _least(slot, since, below, groups)
    middle, when = (upper - lower) / 2, (upper_at + lower_at) / 2
    first, second = np.triu_indices(_BINS, 1)
    there = (upper < _FAR)[:, first] & (upper < _FAR)[:, second]
    apart = np.where(there, when[:, second] - when[:, first], 1.0)
    slopes = np.where(there, (middle[:, second] - middle[:, first]) / apart, np.inf)
    slopes.sort(axis=1)
    count = there.sum(axis=1)
    median = np.take_along_axis(slopes, np.maximum(count - 1, 0)[:, None] // 2, axis=1)[:, 0]
    median = np.where(count > 0, median, 0.0)
    slope: Integers = np.rint(np.clip(median * _PPB, -_SLEW_PPB, _SLEW_PPB)).astype(np.int64)
    return slope


def _slopes(
    upper: Integers, upper_at: Integers, lower: Integers, lower_at: Integers, rough: Integers
) -> tuple[Integers, Integers, npt.NDArray[np.bool_]]:
    """The least and the greatest slope of lines between the points, less the rough slope, ppb;
    and whether there are any."""
    there = (upper < _FAR)[:, None, :] & (lower < _FAR)[:, :, None]
    later = upper_at[:, None, :] - lower_at[:, :, None]
    room = upper[:, None, :] + lower[:, :, None]
    slope = room / np.where(later == 0, 1, later) * _PPB
    most = np.where(there & (later > 0), slope, np.inf).min(axis=(1, 2))
    least = np.where(there & (later < 0), slope, -np.inf).max(axis=(1, 2))
    apart = (there & (later == 0) & (room < 0)).any(axis=(1, 2))
    widest = 2 * _SLEW_PPB
    most_ppb = np.ceil(np.clip(most, -widest, widest)).astype(np.int64)
    least_ppb = np.floor(np.clip(least, -widest, widest)).astype(np.int64)
    free_least = np.maximum(least_ppb, -FREE_PPB - rough)
    free_most = np.minimum(most_ppb, FREE_PPB - rough)
    free = free_least <= free_most
    least_ppb = np.where(free, free_least, np.maximum(least_ppb, -_SLEW_PPB - rough))
    most_ppb = np.where(free, free_most, np.minimum(most_ppb, _SLEW_PPB - rough))
    return least_ppb, most_ppb, (least_ppb <= most_ppb) & ~apart
