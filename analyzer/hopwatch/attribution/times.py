"""What each single request spends in some cells of the ledger: one row a request.

The ledger knows sums and, of whole requests, buckets of durations. How the time in one hop varies
from request to request is not in it: that is what is said here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, fields
from typing import Final

import pyarrow as pa

from hopwatch.attribution.cells import Cell, enters_hop
from hopwatch.attribution.request_table import TEXT, table_of
from hopwatch.attribution.select import glob
from hopwatch.attribution.units import UnitTime

SCHEMA: Final = pa.schema(
    [
        ("trace_id", pa.binary(16)),
        ("root_span_id", pa.binary(8)),
        ("outcome", TEXT),
        ("sampling_threshold", pa.int64()),  # see `sampling`
        ("duration_ns", pa.int64()),
        # Of the chosen cells: the part of duration_ns, and of that the part that went on repeated
        # attempts; how often their hops were entered; their spans, 0 where the request has none.
        ("blamed_ns", pa.int64()),
        ("retry_ns", pa.int64()),
        ("calls", pa.int64()),
        ("spans", pa.int64()),
    ]
)


@dataclass(frozen=True, slots=True)
class CellFilter:
    """Cells by their keys, each a glob (`*`, `?`) or None for any. All that is given must hold."""

    hop: str | None = None
    caller: str | None = None
    language: str | None = None
    version: str | None = None
    kind: str | None = None
    operation: str | None = None

    @property
    def keeps_all(self) -> bool:
        """Whether nothing is asked for."""
        return self == CellFilter()

    def test(self) -> Callable[[Cell], bool]:
        """The test for cells."""
        patterns = [
            (field.name, glob(pattern))
            for field in fields(self)
            if (pattern := getattr(self, field.name)) is not None
        ]
        return lambda cell: all(
            pattern.fullmatch(getattr(cell, key)) is not None for key, pattern in patterns
        )


def of_units(units: Iterable[UnitTime], cells: CellFilter) -> pa.Table:
    """The table of attributed units, in their order."""
    keeps = cells.test()
    rows = [(*_head(unit), *_sums(unit, keeps)) for unit in units]
    return table_of(SCHEMA, rows)


def _head(unit: UnitTime) -> tuple[object, ...]:
    return unit.trace.trace_id, unit.unit.root.id[:8], unit.outcome, unit.threshold, unit.duration


def _sums(unit: UnitTime, keeps: Callable[[Cell], bool]) -> tuple[int, ...]:
    chosen = [time for time in unit.spans if keeps(time.cell)]
    return (
        sum(time.own for time in chosen),
        sum(time.retry for time in chosen),
        sum(enters_hop(time.span, time.cell.kind) for time in chosen),
        len(chosen),
    )
