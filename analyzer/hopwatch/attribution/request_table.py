"""One row a request: which, of what kind, when, how long, of how many spans."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

import pyarrow as pa

from hopwatch.attribution.units import UnitTime

_TEXT: Final = pa.dictionary(pa.int32(), pa.string())

SCHEMA: Final = pa.schema(
    [
        ("trace_id", pa.binary(16)),
        ("root_span_id", pa.binary(8)),
        ("route", _TEXT),
        ("outcome", _TEXT),
        ("start_unix_nano", pa.int64()),
        ("duration_ns", pa.int64()),
        ("spans", pa.int64()),
    ]
)


def of_units(units: Iterable[UnitTime]) -> pa.Table:
    """The table of attributed requests, in their order."""
    rows = [
        (
            unit.trace.trace_id, unit.unit.root.id[:8], unit.route, unit.outcome,
            unit.unit.root.start, unit.duration, len(unit.spans),
        )
        for unit in units
    ]  # fmt: skip
    columns = list(zip(*rows, strict=True)) or [()] * len(SCHEMA)
    arrays = [
        pa.array(column, pa.string()).dictionary_encode()
        if field.type == _TEXT
        else pa.array(column, field.type)
        for column, field in zip(columns, SCHEMA, strict=True)
    ]
    return pa.Table.from_arrays(arrays, schema=SCHEMA)
