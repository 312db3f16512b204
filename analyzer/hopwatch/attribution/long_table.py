"""Sums that merge by addition: what the ledger and the call paths have in common.

`cells`: by keys, sums of ns and counts (`MEASURES`); `requests`: by some of the same keys how many
requests there are and how long they took. The cells' blamed ns add up to the requests' time, in
the whole and in every duration bucket.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import ClassVar, Final, Self

import pyarrow as pa
import pyarrow.compute as pc

from hopwatch.errors import ConservationError

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


@dataclass(frozen=True, slots=True)
class Group:
    """One row of a view: its key's values, and sums in ns and counts."""

    key: tuple[str, ...]
    blamed_ns: int
    local_ns: int
    concurrent_ns: int
    hidden_ns: int
    doubtful_ns: int
    retry_ns: int
    calls: int
    spans: int

    @property
    def low_ns(self) -> int:
        """The least that the hop itself can be blamed for: without the time in which it may
        have waited for a child that was not chosen, or for one whose span is missing."""
        return self.blamed_ns - self.doubtful_ns


@dataclass(frozen=True)
class LongTable:
    """Cells, and the requests whose time they explain. See the module's docstring."""

    cells: pa.Table
    requests: pa.Table

    GROUP_KEYS: ClassVar[tuple[str, ...]]
    """What `group_by` takes."""
    SUBJECT: ClassVar[str]
    """What this is, in messages."""

    @cached_property
    def request_count(self) -> int:
        return total(self.requests, "requests")

    @cached_property
    def total_ns(self) -> int:
        """Σ end-to-end durations = Σ cells."""
        return total(self.requests, "duration_ns")

    @property
    def mean_ns(self) -> float:
        """Mean end-to-end time; 0 without requests."""
        return self.total_ns / self.request_count if self.request_count else 0.0

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


def from_rows(schema: pa.Schema, rows: Iterable[Sequence[object]]) -> pa.Table:
    """A table of rows, each in the order of the schema."""
    columns = list(zip(*rows, strict=True)) or [()] * len(schema)
    arrays = [pa.array(column, field.type) for column, field in zip(columns, schema, strict=True)]
    return pa.Table.from_arrays(arrays, schema=schema)


def add_up(table: pa.Table, keys: Sequence[str]) -> pa.Table:
    """The rows of equal keys as one, in the order of the keys: sums, and the least exemplar."""
    measures = [
        (name, "min" if name == "exemplar_trace_id" else "sum")
        for name in table.column_names
        if name not in keys
    ]
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
