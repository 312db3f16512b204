"""Sums that merge by addition: what the ledger and the call paths have in common.

`cells`: by keys, sums of ns and counts (`MEASURES`); `requests`: by some of the same keys how many
requests there are and how long they took. The cells' blamed ns add up to the requests' time, in
the whole and in every duration bucket.

Where requests were sampled, one stands for several (see `sampling`). Sums and counts are of what
is there, as integers; what is called *weighted* is of all that happened, as exact fractions; the
mean, percentiles and all of `quantile` are weighted.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import cached_property
from math import lcm
from typing import ClassVar, Final, Generic, NamedTuple, Self, TypeVar

import pyarrow as pa
import pyarrow.compute as pc

from hopwatch.attribution import sampling
from hopwatch.attribution.tabular import Tabular
from hopwatch.errors import ConservationError, InputError

MEASURES: Final = (
    "blamed_ns", "local_ns", "concurrent_ns", "hidden_ns", "doubtful_ns", "retry_ns", "calls",
    "spans",
)  # fmt: skip
"""What a cell adds up, of the parts of `units.SpanTime`. `calls`: how often the hop was entered;
`spans`: spans of the cell."""

_TEXT_KEYS: Final = frozenset(
    {"route", "outcome", "caller", "hop", "operation", "language", "version", "kind"}
)
_SMALL_KEYS: Final = frozenset({"bucket", "path"})


def column_type(name: str) -> pa.DataType:
    """The Arrow type of a key or a measure."""
    if name in _TEXT_KEYS:
        return pa.string()
    return pa.int32() if name in _SMALL_KEYS else pa.int64()


Number = TypeVar("Number", int, Fraction)


@dataclass(frozen=True, slots=True)
class _Sums(Generic[Number]):
    key: tuple[str, ...]
    blamed_ns: Number
    local_ns: Number
    concurrent_ns: Number
    hidden_ns: Number
    doubtful_ns: Number
    retry_ns: Number
    calls: Number
    spans: Number

    @property
    def low_ns(self) -> Number:
        """The least that the hop itself can be blamed for: without the time in which it may
        have waited for a child that was not chosen, or for one whose span is missing."""
        return self.blamed_ns - self.doubtful_ns


class Group(_Sums[int]):
    """One row of a view: its key's values, and sums in ns and counts of what is there."""

    __slots__ = ()


class WeightedGroup(_Sums[Fraction]):
    """The same with every request as often as it stands for."""

    __slots__ = ()


class Slice(NamedTuple):
    """The requests of one duration bucket, and the sum of their durations. `weight`: how many they
    stand for, in the units of `LongTable.weights`. `squares`: the sum of their squared weights, in
    requests; a float, for it only says how sure a figure is."""

    bucket: int
    requests: int
    total_ns: int
    weight: int
    squares: float
    exemplar: bytes


@dataclass(frozen=True)
class LongTable(Tabular):
    """Cells, and the requests whose time they explain. See the module's docstring."""

    cells: pa.Table
    requests: pa.Table

    GROUP_KEYS: ClassVar[tuple[str, ...]]
    """What `group_by` takes."""
    SUBJECT: ClassVar[str]
    """What this is, in messages."""

    def to_arrow(self) -> pa.Table:
        """The cells: their keys and sums."""
        return self.cells

    @cached_property
    def request_count(self) -> int:
        return total(self.requests, "requests")

    @cached_property
    def total_ns(self) -> int:
        """Σ end-to-end durations = Σ cells."""
        return total(self.requests, "duration_ns")

    @property
    def mean_ns(self) -> float:
        """Mean end-to-end time, requests by their weight; 0 without requests."""
        if not self.request_count:
            return 0.0
        return float(self.weighted_total_ns / self.weighted_requests)

    @cached_property
    def weights(self) -> tuple[dict[int, int], int]:
        """How many requests one of each sampling threshold stands for: whole numbers by
        threshold, and what to divide them by."""
        said: list[int] = pc.unique(self.requests["sampling_threshold"]).to_pylist()
        exactly = {threshold: sampling.weight(threshold) for threshold in said}
        unit = lcm(*(weight.denominator for weight in exactly.values()))
        return {threshold: int(weight * unit) for threshold, weight in exactly.items()}, unit

    @cached_property
    def is_weighted(self) -> bool:
        """Whether some requests stand for more than themselves."""
        return any(threshold > 0 for threshold in self.weights[0])

    @cached_property
    def weighted_requests(self) -> Fraction:
        """How many requests those that were kept stand for."""
        return self.weighted(self.requests, "requests")

    @cached_property
    def weighted_total_ns(self) -> Fraction:
        """Their durations' sum."""
        return self.weighted(self.requests, "duration_ns")

    def weighted(self, table: pa.Table, column: str) -> Fraction:
        """The sum of a column of `requests` or `cells`, or of some rows of it, each row by its
        weight."""
        by_threshold, unit = self.weights
        rows = zip(table["sampling_threshold"].to_pylist(), table[column].to_pylist(), strict=True)
        return Fraction(sum(by_threshold[threshold] * value for threshold, value in rows), unit)

    def weighted_by(self, *keys: str) -> list[WeightedGroup]:
        """As `group_by`, with every request as often as it stands for; the blamed ns add up to
        `weighted_total_ns`."""
        by_threshold, unit = self.weights
        sums: dict[tuple[str, ...], list[int]] = {}
        for group in self.group_by("sampling_threshold", *keys):
            weight = by_threshold[int(group.key[0])]
            row = sums.setdefault(group.key[1:], [0] * len(MEASURES))
            for i, name in enumerate(MEASURES):
                row[i] += weight * getattr(group, name)
        groups = [
            WeightedGroup(key, *(Fraction(v, unit) for v in row)) for key, row in sums.items()
        ]
        return sorted(groups, key=lambda group: (-group.blamed_ns, -group.calls, group.key))

    @cached_property
    def distribution(self) -> list[Slice]:
        """The requests by duration bucket, ascending."""
        by_threshold, _ = self.weights
        grouped = self.requests.group_by(["bucket", "sampling_threshold"]).aggregate(
            [("requests", "sum"), ("duration_ns", "sum"), ("exemplar_trace_id", "min")]
        )
        slices: dict[int, Slice] = {}
        order = [("bucket", "ascending"), ("sampling_threshold", "ascending")]
        for row in grouped.sort_by(order).to_pylist():
            bucket, threshold, n = row["bucket"], row["sampling_threshold"], row["requests_sum"]
            exemplar = row["exemplar_trace_id_min"]
            before = slices.get(bucket) or Slice(bucket, 0, 0, 0, 0.0, exemplar)
            slices[bucket] = Slice(
                bucket, before.requests + n, before.total_ns + row["duration_ns_sum"],
                before.weight + n * by_threshold[threshold],
                before.squares + n * float(sampling.weight(threshold)) ** 2,
                min(before.exemplar, exemplar),
            )  # fmt: skip
        return list(slices.values())

    def bucket_at(self, share: Fraction) -> Slice:
        """The bucket of the first request at or below which are `share` (0 < share <= 1) of all
        requests, by weight."""
        seen, whole = 0, sum(part.weight for part in self.distribution)
        for part in self.distribution:
            seen += part.weight
            if seen * share.denominator >= whole * share.numerator:
                return part
        raise IndexError(f"{float(share)} of {self.request_count} requests")

    def effective_requests(self, q: float) -> float:
        """How many requests of one weight would tell the q-quantile as well as these do: as many
        as there are, or fewer where they stand for differently many. With W the sum of weights
        and S that of their squares below and above the quantile (Woodruff's variance):

            q (1 - q) W^2 / ((1 - q)^2 S_below + q^2 S_above)
        """
        if not self.is_weighted:
            return self.request_count
        left, below, above = q, 0.0, 0.0
        for weight, squares in self._shares:
            inside = min(1.0, max(0.0, left / weight))
            below += inside * squares
            above += (1 - inside) * squares
            left -= weight
        return round(q * (1 - q) / ((1 - q) ** 2 * below + q**2 * above), 6)

    @cached_property
    def _shares(self) -> list[tuple[float, float]]:
        """By bucket its share of the weight W, and its squared weights by W^2. Floats, for there
        may be as many weights as requests, and what they have in common is an endless number."""
        whole, unit = sum(part.weight for part in self.distribution), self.weights[1]
        square = (whole / unit) ** 2
        return [(part.weight / whole, part.squares / square) for part in self.distribution]

    def group_by(self, *keys: str) -> list[Group]:
        """The cells by some of their keys, most blamed first.

        Raises KeyError for a name that is no key.
        """
        for key in keys:
            if key not in self.GROUP_KEYS:
                known = ", ".join(self.GROUP_KEYS)
                raise KeyError(f"{key} is no key of the {self.SUBJECT}; it has {known}")
        cells = self._grouped_from(keys)
        grouped = cells.group_by(list(keys)).aggregate([(name, "sum") for name in MEASURES])
        groups = [
            Group(tuple(str(row[key]) for key in keys), *(row[f"{m}_sum"] for m in MEASURES))
            for row in grouped.to_pylist()
        ]
        if sum(group.blamed_ns for group in groups) != self.total_ns:
            raise ConservationError(
                f"the view by {', '.join(keys)} does not add up to {self.total_ns} ns: the sums "
                "are beyond 292 years; look at a shorter window"
            )
        return sorted(groups, key=lambda group: (-group.blamed_ns, -group.calls, group.key))

    def _grouped_from(self, keys: Sequence[str]) -> pa.Table:
        """The cells with a column for each key."""
        return self.cells

    def of_buckets(self, buckets: Collection[int]) -> Self:
        """Only the requests of these duration buckets."""
        wanted = pa.array(list(buckets), pa.int32())
        cells, requests = (
            table.filter(pc.is_in(table["bucket"], wanted)) for table in (self.cells, self.requests)
        )
        return replace(self, cells=cells, requests=requests)

    def check(self) -> None:
        """Raises ConservationError unless the cells add up to the requests' time."""
        blamed = total(self.cells, "blamed_ns")
        if blamed != self.total_ns:
            raise ConservationError(
                f"the {self.SUBJECT}'s cells add up to {blamed} ns, its requests to "
                f"{self.total_ns} ns; please report this with the data"
            )


def exact(share: float) -> Fraction:
    """A share as it was written: 0.07 as 7/100, which the float is not."""
    return Fraction(repr(float(share)))


def ensure_room(*totals_ns: float) -> None:
    """Raises InputError if one of these sums is beyond what 64 bits hold."""
    if max(totals_ns, default=0.0) >= 2.0**63:
        raise InputError(
            "these spans add up to more than 292 years, beyond what is counted here; look at a "
            "shorter window, or at fewer files"
        )


def from_rows(schema: pa.Schema, rows: Iterable[Sequence[object]]) -> pa.Table:
    """A table of rows, each in the order of the schema. Raises InputError for sums beyond 64
    bits."""
    columns = list(zip(*rows, strict=True)) or [()] * len(schema)
    for column, field in zip(columns, schema, strict=True):
        if field.name.endswith("_ns"):
            ensure_room(*(float(value) for value in column if value is not None))
    arrays = [pa.array(column, field.type) for column, field in zip(columns, schema, strict=True)]
    return pa.Table.from_arrays(arrays, schema=schema)


def add_up(table: pa.Table, keys: Sequence[str]) -> pa.Table:
    """The rows of equal keys as one, in the order of the keys: sums, and the least exemplar."""
    measures = [
        (name, "min" if name == "exemplar_trace_id" else "sum")
        for name in table.column_names
        if name not in keys
    ]
    ensure_room(*(pc.sum(table[name].cast(pa.float64(), safe=False)).as_py() or 0.0
                  for name, how in measures if how == "sum"))  # fmt: skip
    grouped = table.group_by(list(keys)).aggregate(measures)
    renamed = grouped.rename_columns([*keys, *(name for name, _ in measures)])
    return (
        renamed.select(table.column_names)
        .sort_by([(key, "ascending") for key in keys])
        .cast(table.schema)
        .combine_chunks()
    )


def total(table: pa.Table, column: str) -> int:
    """The sum of a column, beyond 64 bits too."""
    return sum(table[column].to_pylist())
