"""Where failed requests began to fail: one row a failed request.

The origin of a failure is the deepest span of the request that failed itself: what failed above it
mostly passed the failure on. Attempts that were repeated do not count, for another attempt made
up for them or failed as well; of several spans that are as deep, the last to begin counts.

    root   |------------------------x|
    call     |--x|     |-----------x|        the first was repeated
    query    |x|           |------x|         the origin
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

import pyarrow as pa

from hopwatch import semconv
from hopwatch.attribution.request_table import TEXT, table_of
from hopwatch.attribution.units import SpanTime, UnitTime

CELL_KEYS: Final = ("hop", "kind", "operation")
"""What is said of the cell of the span where the failure began."""
SCHEMA: Final = pa.schema(
    [
        ("trace_id", pa.binary(16)),
        ("root_span_id", pa.binary(8)),
        *((key, TEXT) for key in CELL_KEYS),
    ]
)


def of_units(units: Iterable[UnitTime]) -> pa.Table:
    """The table of the failed among attributed units, in their order."""
    rows = []
    for unit in units:
        if unit.outcome == "error":
            cell = _origin(unit).cell
            said = (getattr(cell, key) for key in CELL_KEYS)
            rows.append((unit.trace.trace_id, unit.unit.root.id[:8], *said))
    return table_of(SCHEMA, rows)


def _origin(unit: UnitTime) -> SpanTime:
    depth: dict[int, int] = {}
    repeated: set[int] = set()
    failed = []
    for time in unit.spans:  # parents first
        span = time.span
        depth[id(span)] = depth[id(span.parent)] + 1 if span.parent else 0
        if "retry" in span.flags or (span.parent and id(span.parent) in repeated):
            repeated.add(id(span))
        elif semconv.is_failure(span.status, span.fields):
            failed.append(time)
    return max(
        failed, key=lambda time: (depth[id(time.span)], time.span.start - time.shift, time.span.id)
    )
