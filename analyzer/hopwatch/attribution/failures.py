"""Where requests failed: the spans in which failures began.

A failed span with failed spans below it mostly passed a failure on; one without is where a failure
*began*. Of a request that failed, it is told once, as its *origin*: the deepest of these spans.
Attempts that were repeated count only where there is nothing else, for another attempt made up for
them or failed as well; of several spans that are as deep, the last to begin counts.

    root   |------------------------x|
    call     |--x|     |-----------x|        the first was repeated
    query    |x|           |------x|         the origin

A failure is *masked* where the request ended well all the same: it was repeated, something else
stood in for it, or nobody minded. Of a request that ended well, each cell (see `cells`) in which a
failure began is told once, attempts that were repeated among them.

    root   |---------------------------|
    call     |--x|     |--------|
    query    |x|                             masked
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final, NamedTuple

import pyarrow as pa

from hopwatch import semconv
from hopwatch.attribution.cells import Cell, ledger_order
from hopwatch.attribution.request_table import TEXT, table_of
from hopwatch.attribution.units import SpanTime, UnitTime

SCHEMA: Final = pa.schema(
    [
        ("trace_id", pa.binary(16)),
        ("root_span_id", pa.binary(8)),
        ("route", TEXT),
        ("start_unix_nano", pa.int64()),
        ("sampling_threshold", pa.int64()),  # see `sampling`
        *((key, TEXT) for key in Cell._fields),  # of the span where the failure began
    ]
)


class Failures(NamedTuple):
    """Where requests failed (`Attribution.failures`), and where it was masked
    (`Attribution.masked_failures`)."""

    failed: pa.Table
    masked: pa.Table


def of_units(units: Iterable[UnitTime]) -> pa.Table:
    """A row for each that failed among attributed units, in their order."""
    failed = (unit for unit in units if unit.outcome == "error")
    return table_of(SCHEMA, [_row(unit, _origin(unit).cell) for unit in failed])


def masked_of_units(units: Iterable[UnitTime]) -> pa.Table:
    """A row for each cell in which a failure was masked, of each unit that ended well, in their
    order and that of the cells in a ledger."""
    fine = (unit for unit in units if unit.outcome == "ok")
    return table_of(SCHEMA, [_row(unit, cell) for unit in fine for cell in _masked(unit)])


def _row(unit: UnitTime, cell: Cell) -> tuple[object, ...]:
    root = unit.unit.root
    ids = unit.trace.trace_id, root.id[:8]
    return *ids, unit.route, root.start, unit.threshold, *cell


def _began(unit: UnitTime) -> list[SpanTime]:
    """The failed spans with no failed ones below."""
    failed = [time for time in unit.spans if semconv.is_failure(time.span.status, time.span.fields)]
    passed_on: set[int] = set()
    for time in failed:
        above = time.span.parent
        while above and id(above) not in passed_on:
            passed_on.add(id(above))
            above = above.parent
    return [time for time in failed if id(time.span) not in passed_on]


def _origin(unit: UnitTime) -> SpanTime:
    depth: dict[int, int] = {}
    repeated: set[int] = set()
    for time in unit.spans:  # parents first
        span = time.span
        depth[id(span)] = depth[id(span.parent)] + 1 if span.parent else 0
        if "retry" in span.flags or (span.parent and id(span.parent) in repeated):
            repeated.add(id(span))

    def rank(time: SpanTime) -> tuple[bool, int, int, bytes]:
        span = time.span
        return id(span) not in repeated, depth[id(span)], span.start - time.shift, span.id

    return max(_began(unit), key=rank)


def _masked(unit: UnitTime) -> list[Cell]:
    return sorted({time.cell for time in _began(unit)}, key=ledger_order)
