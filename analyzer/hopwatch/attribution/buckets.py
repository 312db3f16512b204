"""Logarithmic buckets of durations, 1 % wide: what makes percentiles mergeable by addition.

Bucket i > 0 holds the durations d with BOUNDS[i-1] < d <= BOUNDS[i]; bucket 0 holds zero (and
one ns). Bounds are integers, each at most 1 % above the one before (but 1 ns at least),
so every machine sorts a duration into the same bucket. A bucket is shown as its middle, which
is at most 0.5 % (or half a ns) off any duration in it.
"""

from __future__ import annotations

from bisect import bisect_left
from typing import Final


def _bounds() -> tuple[int, ...]:
    bounds = [1]
    while bounds[-1] < 2**63:
        bounds.append(max(bounds[-1] + 1, bounds[-1] * 101 // 100))
    return tuple(bounds)


BOUNDS: Final = _bounds()


def of(duration: int) -> int:
    """Index of the bucket of a duration in ns (>= 0)."""
    return bisect_left(BOUNDS, duration)


def middle(bucket: int) -> int:
    """The duration in ns that stands for a bucket."""
    if bucket == 0:
        return BOUNDS[0]
    return (BOUNDS[bucket - 1] + 1 + BOUNDS[bucket]) // 2
