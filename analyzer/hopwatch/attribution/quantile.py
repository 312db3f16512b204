"""What a request spends where: on average, at a percentile, among the slowest.

Every statistic here is one weighted sum over the ledger's duration buckets, the same weights for
the cells and for the requests' durations. So the cells add up to the figure they explain, exactly,
whatever the statistic (attribution.md section 6):

mean      every request weighs the same
slowest   the requests beyond a rank weigh the same, the others nothing
quantile  local linear regression on the request's mid-rank r (ties of a bucket share it) with a
          tricube kernel of half-width h around q:

              weight                   _.-"-._          h = (1 - q) / 5, wider where fewer than
                                     .'       '.            200 requests would be in it, at
             ______________________.'           '.__        most 1 - q
             0                    q-h     q     q+h 1  rank

A request that was sampled counts, in ranks and in sums, as often as it stands for.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import accumulate
from math import ceil, floor
from typing import Final

import pyarrow as pa

from hopwatch.attribution import buckets
from hopwatch.attribution.long_table import Group, LongTable, Slice, exact, from_rows
from hopwatch.attribution.tabular import Tabular
from hopwatch.errors import InputError

NEEDED_BEYOND: Final = 200
"""Requests beyond a percentile without which it is not broken down."""
EXEMPLARS: Final = 3
_SCALE: Final = 1 << 60
_MEASURED: Final = (
    *(pa.field(name, pa.int64()) for name in ("ns", "low_ns", "retry_ns")),
    *(pa.field(name, pa.float64()) for name in ("calls", "spans")),
)


class TooFewRequestsError(InputError):
    """A percentile of so few requests cannot be broken down. `needed`: how many can."""

    def __init__(self, q: float, needed: int, found: int, weighted: bool = False) -> None:
        self.needed = needed
        there = f"as many as {found:,} of one weight" if weighted else f"{found:,}"
        super().__init__(
            f"p{100 * q:g} by hop needs {needed:,} requests, and there are {there}: widen the "
            f"window, or look at the mean or the slowest {100 * min(q, 1 - q):g} %"
        )


@dataclass(frozen=True, slots=True)
class Share:
    """What one request spends in one row of a view. `ns`, `doubtful_ns`, `retry_ns` in whole ns;
    `calls` and `spans` per request."""

    key: tuple[str, ...]
    ns: int
    doubtful_ns: int
    retry_ns: int
    calls: float
    spans: float

    @property
    def low_ns(self) -> int:
        """The least that the row itself can be blamed for."""
        return self.ns - self.doubtful_ns


@dataclass(frozen=True, slots=True)
class Breakdown(Tabular):
    """One request's time by the rows of a view; `shares` add up to `total_ns`, most first.

    `requests`: how many requests have a weight in it. `exemplars`: trace ids of requests about as
    long, the nearest first. `keys`: what the shares' keys are.
    """

    total_ns: int
    requests: int
    shares: tuple[Share, ...]
    exemplars: tuple[bytes, ...]
    keys: tuple[str, ...]

    def to_arrow(self) -> pa.Table:
        """A row a share: its keys, `ns`, `low_ns` and `retry_ns`, `calls` and `spans` per
        request."""
        names = [pa.field(name, pa.string()) for name in self.keys]
        return from_rows(
            pa.schema([*names, *_MEASURED]),
            ((*s.key, s.ns, s.low_ns, s.retry_ns, s.calls, s.spans) for s in self.shares),
        )

    def _repr_html_(self) -> str:
        from hopwatch.attribution.display import breakdown_html

        return breakdown_html(self)


@dataclass(frozen=True, slots=True)
class Change:
    """One row of a view at two statistics, in whole ns. `ns`: high_ns - low_ns."""

    key: tuple[str, ...]
    low_ns: int
    high_ns: int

    @property
    def ns(self) -> int:
        return self.high_ns - self.low_ns


@dataclass(frozen=True, slots=True)
class Difference:
    """What one kind of request spends more than another, what differs most first: the changes'
    ns add up to `total_ns`, their low_ns and high_ns to the totals of `low` and `high`."""

    low: Breakdown
    high: Breakdown
    changes: tuple[Change, ...]

    @property
    def total_ns(self) -> int:
        return self.high.total_ns - self.low.total_ns


def at_mean(table: LongTable, *keys: str) -> Breakdown:
    """The mean request by `keys` (see `LongTable.group_by`)."""
    by_threshold, unit = table.weights
    sums: dict[tuple[str, ...], list[int]] = {}
    for group in table.group_by("sampling_threshold", *keys):
        _add(sums, group.key[1:], _parts(group), by_threshold[int(group.key[0])])
    return _breakdown(
        sums,
        int(table.weighted_total_ns * unit),
        sum(part.weight for part in table.distribution) or 1,
        table.request_count,
        _exemplars(table.distribution, buckets.of(round(table.mean_ns))),
        keys,
    )


def of_slowest(table: LongTable, share: float, *keys: str) -> Breakdown:
    """The mean of the slowest `share` (0 < share <= 1) of the requests, at least one.

    Of the bucket through which the rank goes, every request weighs the same.
    """
    if not table.request_count:
        return Breakdown(0, 0, (), (), keys)
    whole = sum(part.weight for part in table.distribution)
    wanted = max(table.weights[1], ceil(exact(share) * whole))
    left, taken = wanted, {}
    for part in reversed(table.distribution):
        if left <= 0:
            break
        taken[part.bucket] = (min(part.weight, left), part.weight)
        left -= part.weight
    boundary = next((weight for some, weight in taken.values() if some < weight), 1)
    weights = {
        bucket: boundary if some == weight else some for bucket, (some, weight) in taken.items()
    }
    middle = table.bucket_at(1 - Fraction(wanted, 2 * whole)).bucket
    return _Sums(table, keys, weights).breakdown(weights, wanted * boundary, middle)


def at_quantile(table: LongTable, q: float, *keys: str) -> Breakdown:
    """What requests at the q-quantile (0 < q < 1) of the end-to-end time spend, by `keys`.

    Its total is the smoothed quantile, not the nearest rank of `Ledger.percentile`.
    Raises TooFewRequestsError below 200 requests beyond q.
    """
    (found,) = curve(table, [q], *keys)
    return found


def curve(table: LongTable, qs: Sequence[float], *keys: str) -> tuple[Breakdown, ...]:
    """`at_quantile` for each of `qs`, for little more than the price of one: what requests spend
    as a function of their percentile. `reach` says how far it can go.

    Raises TooFewRequestsError for the first of `qs` beyond which there are too few requests.
    """
    kernels = [kernel(table, q) for q in qs]
    sums = _Sums(table, keys, {bucket for weights, _ in kernels for bucket in weights})
    return tuple(
        sums.breakdown(weights, unit, table.bucket_at(exact(q)).bucket)
        for q, (weights, unit) in zip(qs, kernels, strict=True)
    )


def difference(low: Breakdown, high: Breakdown) -> Difference:
    """What requests like `high` spend more than those like `low`, both by the same keys: exactly,
    for both add up."""
    lows, highs = ({share.key: share.ns for share in found.shares} for found in (low, high))
    changes = [Change(key, lows.get(key, 0), highs.get(key, 0)) for key in lows | highs]
    return Difference(
        low, high, tuple(sorted(changes, key=lambda change: (-abs(change.ns), change.key)))
    )


def reach(table: LongTable) -> tuple[float, float] | None:
    """The lowest and the highest percentile that can be broken down, as far as p0.1 and p99.9 in
    steps of a thousandth; None where there are too few requests for any."""
    grid = [step / 1000 for step in range(1, 1000)]
    enough = [q for q in grid if table.effective_requests(q) >= needed(q)]
    return (enough[0], enough[-1]) if enough else None


def needed(q: float) -> int:
    """How many requests of one weight the q-quantile needs to be broken down."""
    at = exact(q)
    return ceil(NEEDED_BEYOND / min(at, 1 - at))


def kernel(table: LongTable, q: float) -> tuple[dict[int, int], int]:
    """Weight of one request of each bucket in the estimate at q, and what to divide by.
    Raises TooFewRequestsError.

    Local linear: the weighted line through (rank, value), read at q. Where ties make one of its
    weights negative, the weighted mean instead, so that no cell can be.
    """
    n = table.effective_requests(q) if table.request_count else 0
    if n < needed(q):
        raise TooFewRequestsError(q, needed(q), floor(n), table.is_weighted)
    parts = table.distribution
    beyond = min(q, 1 - q)
    width = min(beyond, max(beyond / 5, NEEDED_BEYOND / n))
    whole = sum(part.weight for part in parts)
    ends = accumulate(part.weight for part in parts)
    offsets = [
        (2 * end - part.weight) / (2 * whole) - q for part, end in zip(parts, ends, strict=True)
    ]
    kernel = [
        (part, offset, (1 - abs(offset / width) ** 3) ** 3)
        for part, offset in zip(parts, offsets, strict=True)
        if abs(offset) < width
    ]
    if not kernel:  # one bucket holds the whole neighbourhood of q
        nearest = min(zip(offsets, parts, strict=True), key=lambda found: abs(found[0]))[1]
        return {nearest.bucket: 1}, nearest.weight
    s0, s1, s2 = (
        sum(part.weight / whole * weight * offset**power for part, offset, weight in kernel)
        for power in range(3)
    )
    linear = {part.bucket: weight * (s2 - s1 * offset) for part, offset, weight in kernel}
    spread = s0 * s2 - s1 * s1
    # No line goes through a single rank; what is left of `spread` then is rounding.
    if spread > 1e-9 * s0 * s2 and min(linear.values()) >= 0:
        weights = {bucket: round(weight / spread * _SCALE) for bucket, weight in linear.items()}
    else:
        weights = {part.bucket: round(weight / s0 * _SCALE) for part, _, weight in kernel}
    return weights, _SCALE * whole


class _Sums:
    """The sums of some buckets of a table by bucket and by `keys`, in the units of its weights."""

    def __init__(self, table: LongTable, keys: tuple[str, ...], wanted: Collection[int]) -> None:
        self._parts, self._keys = table.distribution, keys
        some = table.of_buckets(wanted)
        by_threshold, _ = table.weights
        self._durations: dict[int, int] = {}
        for bucket, threshold, duration in zip(
            *(some.requests[name].to_pylist() for name in _OF_REQUESTS), strict=True
        ):
            weighed = by_threshold[threshold] * duration
            self._durations[bucket] = self._durations.get(bucket, 0) + weighed
        self._cells: dict[int, dict[tuple[str, ...], list[int]]] = {}
        for group in some.group_by("bucket", "sampling_threshold", *keys):
            sums = self._cells.setdefault(int(group.key[0]), {})
            _add(sums, group.key[2:], _parts(group), by_threshold[int(group.key[1])])

    def breakdown(self, weights: Mapping[int, int], unit: int, bucket: int) -> Breakdown:
        """Σ over buckets of weight / unit x the bucket's sums, cells and durations alike;
        `bucket`: that of the exemplars."""
        sums: dict[tuple[str, ...], list[int]] = {}
        for one, weight in weights.items():
            for key, values in self._cells.get(one, {}).items():
                _add(sums, key, values, weight)
        return _breakdown(
            sums,
            sum(weight * self._durations[one] for one, weight in weights.items()),
            unit,
            sum(part.requests for part in self._parts if part.bucket in weights),
            _exemplars(self._parts, bucket),
            self._keys,
        )


_OF_REQUESTS: Final = ("bucket", "sampling_threshold", "duration_ns")


def _exemplars(parts: Sequence[Slice], bucket: int) -> tuple[bytes, ...]:
    near = sorted(parts, key=lambda part: (abs(part.bucket - bucket), part.bucket))
    return tuple(part.exemplar for part in near[:EXEMPLARS])


def _add(
    sums: dict[tuple[str, ...], list[int]], key: tuple[str, ...], values: list[int], weight: int
) -> None:
    row = sums.setdefault(key, [0] * len(values))
    for i, value in enumerate(values):
        row[i] += weight * value


def _parts(group: Group) -> list[int]:
    return [group.blamed_ns, group.doubtful_ns, group.retry_ns, group.calls, group.spans]


def _breakdown(
    sums: Mapping[tuple[str, ...], list[int]], total: int, unit: int, requests: int,
    exemplars: tuple[bytes, ...], keys: tuple[str, ...],
) -> Breakdown:  # fmt: skip
    """The sums (see `_parts`) and the durations' `total`, in units of 1 / unit."""
    total_ns = (2 * total + unit) // (2 * unit)
    ns = whole_numbers({key: row[0] for key, row in sums.items()}, unit, total_ns)
    shares = [
        Share(key, ns[key], min(row[1] // unit, ns[key]), row[2] // unit,
              row[3] / unit, row[4] / unit)
        for key, row in sums.items()
    ]  # fmt: skip
    return Breakdown(
        total_ns,
        requests,
        tuple(sorted(shares, key=lambda s: (-s.ns, -s.calls, s.key))),
        exemplars,
        keys,
    )


def whole_numbers(
    numerators: Mapping[tuple[str, ...], int], unit: int, total: int
) -> dict[tuple[str, ...], int]:
    """numerator / unit as whole numbers that add up to `total`, by largest remainder."""
    floors = {key: numerator // unit for key, numerator in numerators.items()}
    by_remainder = sorted(numerators, key=lambda key: (-(numerators[key] % unit), key))
    for key in by_remainder[: total - sum(floors.values())]:
        floors[key] += 1
    return floors
