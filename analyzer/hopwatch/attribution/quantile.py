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
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import accumulate
from math import ceil
from typing import Final

from hopwatch.attribution.long_table import Group, LongTable
from hopwatch.errors import InputError

NEEDED_BEYOND: Final = 200
"""Requests beyond a percentile without which it is not broken down."""
_SCALE: Final = 1 << 60


class TooFewRequestsError(InputError):
    """A percentile of so few requests cannot be broken down. `needed`: how many can."""

    def __init__(self, q: float, needed: int, found: int) -> None:
        self.needed = needed
        super().__init__(
            f"p{100 * q:g} by hop needs {needed:,} requests, and there are {found:,}: widen the "
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
class Breakdown:
    """One request's time by the rows of a view; `shares` add up to `total_ns`, most first.

    `requests`: how many requests have a weight in it.
    """

    total_ns: int
    requests: int
    shares: tuple[Share, ...]


def at_mean(table: LongTable, *keys: str) -> Breakdown:
    """The mean request by `keys` (see `Ledger.group_by`)."""
    sums = {group.key: _parts(group) for group in table.group_by(*keys)}
    n = table.request_count
    return _breakdown(sums, table.total_ns, n or 1, n)


def of_slowest(table: LongTable, share: float, *keys: str) -> Breakdown:
    """The mean of the slowest `share` (0 < share <= 1) of the requests, at least one.

    Of the bucket through which the rank goes, every request weighs the same.
    """
    wanted = max(1, ceil(round(table.request_count * share, 6)))
    left, taken = wanted, {}
    for bucket, count in sorted(_counts(table).items(), reverse=True):
        if left <= 0:
            break
        taken[bucket] = (min(count, left), count)
        left -= count
    boundary = next((count for part, count in taken.values() if part < count), 1)
    weights = {
        bucket: boundary if part == count else part for bucket, (part, count) in taken.items()
    }
    return _weighted(table, keys, weights, wanted * boundary)


def at_quantile(table: LongTable, q: float, *keys: str) -> Breakdown:
    """What requests at the q-quantile (0 < q < 1) of the end-to-end time spend, by `keys`.

    Its total is the smoothed quantile, not the nearest rank of `Ledger.percentile`.
    Raises TooFewRequestsError below 200 requests beyond q.
    """
    n = table.request_count
    beyond = min(q, 1 - q)
    needed = ceil(round(NEEDED_BEYOND / beyond, 6))
    if n < needed:
        raise TooFewRequestsError(q, needed, n)
    return _weighted(
        table,
        keys,
        _regression_weights(_counts(table), q, min(beyond, max(beyond / 5, NEEDED_BEYOND / n))),
        _SCALE,
    )


def _counts(table: LongTable) -> dict[int, int]:
    """Requests per bucket, ascending."""
    grouped = table.requests.group_by("bucket").aggregate([("requests", "sum")])
    return {row["bucket"]: row["requests_sum"] for row in grouped.sort_by("bucket").to_pylist()}


def _regression_weights(counts: Mapping[int, int], q: float, width: float) -> dict[int, int]:
    """Weight of one request of each bucket in the estimate at q, in units of 1 / _SCALE.

    Local linear: the weighted line through (rank, value), read at q. Where ties make one of its
    weights negative, the weighted mean instead, so that no cell can be.
    """
    n = sum(counts.values())
    ends = accumulate(counts.values())
    offsets = {
        bucket: (end - count / 2) / n - q
        for (bucket, count), end in zip(counts.items(), ends, strict=True)
    }
    kernel = {
        bucket: (1 - abs(offset / width) ** 3) ** 3
        for bucket, offset in offsets.items()
        if abs(offset) < width
    }
    if not kernel:  # one bucket holds the whole neighbourhood of q
        nearest = min(offsets, key=lambda bucket: abs(offsets[bucket]))
        return {nearest: _SCALE // counts[nearest]}
    s0, s1, s2 = (
        sum(counts[b] * weight * offsets[b] ** power for b, weight in kernel.items())
        for power in range(3)
    )
    linear = {b: weight * (s2 - s1 * offsets[b]) for b, weight in kernel.items()}
    spread = s0 * s2 - s1 * s1
    if spread > 0 and min(linear.values()) >= 0:
        return {b: round(weight / spread * _SCALE) for b, weight in linear.items()}
    return {b: round(weight / s0 * _SCALE) for b, weight in kernel.items()}


def _weighted(
    table: LongTable, keys: tuple[str, ...], weights: Mapping[int, int], unit: int
) -> Breakdown:
    """Σ over buckets of weight / unit x the bucket's sums, cells and durations alike."""
    weighing = table.of_buckets(weights)
    requests = weighing.requests
    total = sum(
        weights[bucket] * duration
        for bucket, duration in zip(
            requests["bucket"].to_pylist(), requests["duration_ns"].to_pylist(), strict=True
        )
    )
    sums: dict[tuple[str, ...], list[int]] = {}
    for group in weighing.group_by("bucket", *keys):
        weight = weights[int(group.key[0])]
        row = sums.setdefault(group.key[1:], [0] * 5)
        for i, value in enumerate(_parts(group)):
            row[i] += weight * value
    return _breakdown(sums, total, unit, sum(requests["requests"].to_pylist()))


def _parts(group: Group) -> list[int]:
    return [group.blamed_ns, group.doubtful_ns, group.retry_ns, group.calls, group.spans]


def _breakdown(
    sums: Mapping[tuple[str, ...], list[int]], total: int, unit: int, requests: int
) -> Breakdown:
    """The sums (see `_parts`) and the durations' `total`, in units of 1 / unit."""
    total_ns = (2 * total + unit) // (2 * unit)
    whole = _whole_ns({key: row[0] for key, row in sums.items()}, unit, total_ns)
    shares = [
        Share(key, whole[key], min(row[1] // unit, whole[key]), row[2] // unit,
              row[3] / unit, row[4] / unit)
        for key, row in sums.items()
    ]  # fmt: skip
    return Breakdown(
        total_ns, requests, tuple(sorted(shares, key=lambda s: (-s.ns, -s.calls, s.key)))
    )


def _whole_ns(
    numerators: Mapping[tuple[str, ...], int], unit: int, total: int
) -> dict[tuple[str, ...], int]:
    """numerator / unit in whole ns that add up to `total`, by largest remainder."""
    whole = {key: numerator // unit for key, numerator in numerators.items()}
    by_remainder = sorted(numerators, key=lambda key: (-(numerators[key] % unit), key))
    for key in by_remainder[: total - sum(whole.values())]:
        whole[key] += 1
    return whole
