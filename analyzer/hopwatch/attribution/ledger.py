"""The ledger: two long tables that add up, from which every view is computed.

`cells`: time block x route x outcome x sampling threshold x duration bucket of the request x
caller x hop x operation x language x version x kind -> sums of ns and counts. `requests`: time
block x route x outcome x sampling threshold x bucket -> requests, their durations, an exemplar.
Tables of two halves of the data merge by addition to the table of the whole, byte for byte
(attribution.md section 6).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from math import ceil, floor, sqrt
from statistics import NormalDist
from typing import Final, Self

import pyarrow as pa
import pyarrow.compute as pc

from hopwatch.attribution import buckets
from hopwatch.attribution.long_table import (
    MEASURES,
    LongTable,
    add_up,
    column_type,
    exact,
    from_rows,
    total,
)
from hopwatch.attribution.units import UnitTime

BLOCK_NS: Final = 1_000_000_000

_KEYS: Final = ("block_start_unix_nano", "route", "outcome", "sampling_threshold")
_CELL_KEYS: Final = (
    *_KEYS, "bucket", "caller", "hop", "operation", "language", "version", "kind",
)  # fmt: skip
CELLS_SCHEMA: Final = pa.schema([(name, column_type(name)) for name in (*_CELL_KEYS, *MEASURES)])
REQUESTS_SCHEMA: Final = pa.schema(
    [
        *((name, column_type(name)) for name in (*_KEYS, "bucket", "requests", "duration_ns")),
        ("exemplar_trace_id", pa.binary(16)),  # the least of the bucket's trace ids
    ]
)


@dataclass(frozen=True, slots=True)
class Percentile:
    """A percentile of the end-to-end time in ns, and the interval that holds it with 95 %
    confidence if requests were independent; a bound is None where there are too few requests
    to give one."""

    value: int
    low: int | None
    high: int | None


@dataclass(frozen=True)
class Ledger(LongTable):
    """Where the time of `requests` went. See the module's docstring."""

    quality: dict[str, int]

    GROUP_KEYS = _CELL_KEYS
    SUBJECT = "ledger"

    @classmethod
    def of_units(cls, units: Iterable[UnitTime], quality: dict[str, int] | None = None) -> Self:
        """Adds up attributed units. `quality`: counts that merge by addition."""
        cells: dict[tuple[object, ...], list[int]] = {}
        requests: dict[tuple[object, ...], tuple[int, int, bytes]] = {}
        for unit in units:
            root = unit.unit.root
            block = root.start // BLOCK_NS * BLOCK_NS
            common = (
                block, unit.route, unit.outcome, unit.threshold, buckets.of(unit.duration),
            )  # fmt: skip
            count, total, exemplar = requests.get(common, (0, 0, root.trace_id))
            requests[common] = (
                count + 1, total + unit.duration, min(exemplar, root.trace_id),
            )  # fmt: skip
            for time in unit.spans:
                cell = time.cell
                key = (
                    *common, cell.caller, cell.hop, cell.operation, cell.language,
                    cell.version, cell.kind,
                )  # fmt: skip
                sums = cells.setdefault(key, [0] * len(MEASURES))
                for i, value in enumerate(time.measures()):
                    sums[i] += value
        return cls(
            from_rows(CELLS_SCHEMA, ((*key, *sums) for key, sums in sorted(cells.items()))),
            from_rows(REQUESTS_SCHEMA, ((*key, *sums) for key, sums in sorted(requests.items()))),
            dict(sorted((quality or {}).items())),
        )

    def merge(self, other: Ledger) -> Ledger:
        """The ledger of both; the order does not matter."""
        quality = dict(self.quality)
        for name, count in other.quality.items():
            quality[name] = quality.get(name, 0) + count
        return Ledger(
            add_up(pa.concat_tables([self.cells, other.cells]), _CELL_KEYS),
            add_up(pa.concat_tables([self.requests, other.requests]), (*_KEYS, "bucket")),
            dict(sorted(quality.items())),
        )

    def _repr_html_(self) -> str:
        from hopwatch.attribution.display import ledger_html

        return ledger_html(self)

    @cached_property
    def failed_count(self) -> int:
        return total(self._failed, "requests")

    @property
    def weighted_failed(self) -> Fraction:
        """Of `weighted_requests` those that failed."""
        return self.weighted(self._failed, "requests")

    @cached_property
    def _failed(self) -> pa.Table:
        return self.requests.filter(pc.equal(self.requests["outcome"], "error"))

    def percentile(self, q: float) -> Percentile | None:
        """The nearest-rank q-quantile (0 < q < 1) of the end-to-end time, by buckets: each
        figure is at most 0.5 % off, and exact where its bucket holds one request. Requests count
        by their weight, and the interval knows how few they are for that. None without
        requests."""
        if not self.request_count:
            return None
        n = floor(self.effective_requests(q))
        low, high = interval_ranks(n, q)
        return Percentile(
            value=self._at(exact(q)),
            low=self._at(Fraction(low, n)) if low >= 1 else None,
            high=self._at(Fraction(high, n)) if high <= n else None,
        )

    def exemplar(self, q: float) -> bytes | None:
        """Trace id of a request whose duration is that of the q-quantile."""
        return self.bucket_at(exact(q)).exemplar if self.request_count else None

    def _at(self, share: Fraction) -> int:
        found = self.bucket_at(share)
        return found.total_ns if found.requests == 1 else buckets.middle(found.bucket)


def interval_ranks(n: int, q: float) -> tuple[int, int]:
    """Ranks (1-based; 0 and n + 1 mean none) of the order statistics that enclose the
    q-quantile with 95 % confidence: the number of values below it is binomial."""
    if n * q * (1 - q) > 50:
        spread = NormalDist().inv_cdf(0.975) * sqrt(n * q * (1 - q))
        return floor(n * q - spread), ceil(n * q + spread) + 1
    if q > 0.5:  # mirrored, for (1 - q)^n may vanish in a float
        low, high = interval_ranks(n, 1 - q)
        return n + 1 - high, n + 1 - low
    low, high = 0, n + 1
    probability, below = (1 - q) ** n, 0.0
    for successes in range(n + 1):
        if below + probability <= 0.025:
            low = successes + 1
        if 1 - below <= 0.025:
            high = successes
            break
        below += probability
        probability *= (n - successes) / (successes + 1) * q / (1 - q)
    return low, high
