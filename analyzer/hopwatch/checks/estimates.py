"""Values of a sample of requests, each with the interval that holds it with 95 % confidence if
requests were independent. Under load they are not quite, so true intervals are wider.

A request counts as often as `weights` says (how many requests one stands for, where they were
sampled); None: once.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from math import ceil, floor, inf, sqrt
from statistics import NormalDist
from typing import Final

import numpy as np
import numpy.typing as npt

from hopwatch.attribution.ledger import interval_ranks

Integers = npt.NDArray[np.int64]
Weights = Sequence[tuple[Fraction, npt.NDArray[np.bool_]]]
"""Each different weight, and which requests have it."""

_Z: Final = NormalDist().inv_cdf(0.975)
_ENOUGH_FOR_NORMAL: Final = 30


@dataclass(frozen=True, slots=True)
class Estimate:
    """A value and its interval, a bound being None where too few requests give none. `exact`:
    of these very requests, not an estimate. `place`: a request that shows it; -1: none does."""

    value: Fraction
    low: float | None = None
    high: float | None = None
    exact: bool = False
    place: int = -1


def quantile(values: Integers, q: Fraction, weights: Weights) -> Estimate:
    """The nearest-rank q-quantile (0 < q < 1), with order statistics around it."""
    order = np.argsort(values, kind="stable")
    counts = [(weight, np.cumsum(having[order])) for weight, having in weights]
    total = sum(weight * int(count[-1]) for weight, count in counts)

    def place(share: Fraction) -> int:
        """Of the first request up to which this share of the weight lies."""
        low, high = 0, len(order) - 1
        while low < high:
            middle = (low + high) // 2
            if sum(weight * int(count[middle]) for weight, count in counts) >= share * total:
                high = middle
            else:
                low = middle + 1
        return int(order[low])

    found = place(q)
    rank = int(np.flatnonzero(order == found)[0]) + 1
    n = floor(_effective_at(q, [(w, int(c[rank - 1]), int(c[-1])) for w, c in counts]))
    low, high = interval_ranks(n, float(q))
    return Estimate(
        Fraction(int(values[found])),
        float(values[place(Fraction(low, n))]) if low >= 1 else None,
        float(values[place(Fraction(high, n))]) if high <= n else None,
        place=found,
    )


def ratio(parts: Integers, wholes: Integers, weights: Weights) -> Estimate:
    """Σ parts / Σ wholes, with the interval of a ratio of two means; 0 / 0 is 0."""
    part = sum(weight * _sum(parts[having]) for weight, having in weights)
    whole = sum(weight * _sum(wholes[having]) for weight, having in weights)
    value = Fraction(part) / whole if whole else Fraction(0)
    place = int(np.argmax(parts))
    n = len(parts)
    if n < _ENOUGH_FOR_NORMAL or not whole:
        return Estimate(value, place=place)
    squares = sum(
        float(weight) ** 2 * float(np.sum((parts[having] - float(value) * wholes[having]) ** 2))
        for weight, having in weights
    )
    spread = _Z * sqrt(squares * n / (n - 1)) / float(whole)
    return Estimate(value, max(0.0, float(value) - spread), float(value) + spread, place=place)


def rate(hits: npt.NDArray[np.bool_], weights: Weights) -> Estimate:
    """The share of the requests that are hits, with Wilson's interval."""
    counts = [
        (weight, int(np.count_nonzero(hits & having)), int(np.count_nonzero(having)))
        for weight, having in weights
    ]
    first = int(np.argmax(hits))
    return replace(rate_of(counts), place=first if hits[first] else -1)


def rate_of(counts: Sequence[tuple[Fraction, int, int]]) -> Estimate:
    """As `rate`, of weights each with how many hits there are and how many requests."""
    total = sum(weight * count for weight, _, count in counts)
    value = Fraction(sum(weight * hit for weight, hit, _ in counts)) / total
    # The number of equally weighted requests that would say as much (Kish).
    n = float(Fraction(total**2) / sum(weight**2 * count for weight, _, count in counts))
    p = float(value)
    centre = (p + _Z**2 / (2 * n)) / (1 + _Z**2 / n)
    spread = _Z * sqrt(p * (1 - p) / n + _Z**2 / (4 * n**2)) / (1 + _Z**2 / n)
    return Estimate(value, max(0.0, centre - spread), min(1.0, centre + spread))


def needed(q: Fraction) -> int:
    """How many requests a percentile needs to have one beyond it."""
    return ceil(1 / min(q, 1 - q))


def beyond(estimate: Estimate, limit: Fraction, *, above: bool) -> bool:
    """Whether the interval lies wholly above the limit, or (`above` False) wholly below it; what
    is exact always lies on one side."""
    if estimate.exact:
        return True
    if above:
        return (-inf if estimate.low is None else estimate.low) > limit
    return (inf if estimate.high is None else estimate.high) < limit


def _effective_at(q: Fraction, counts: Sequence[tuple[Fraction, int, int]]) -> Fraction:
    """How many equally weighted requests would tell the q-quantile as well (see
    `LongTable.effective_requests`). Weights, each with the requests up to the quantile and all."""
    if len(counts) == 1:
        return Fraction(counts[0][2])
    whole = sum(weight * count for weight, _, count in counts)
    below = sum(weight**2 * inside for weight, inside, _ in counts)
    above = sum(weight**2 * (count - inside) for weight, inside, count in counts)
    return q * (1 - q) * whole**2 / ((1 - q) ** 2 * below + q**2 * above)


def _sum(values: Integers) -> int:
    """Exact, also beyond 64 bits."""
    low = int((values & 0xFFFF_FFFF).sum())
    return (int((values >> 32).sum()) << 32) + low
