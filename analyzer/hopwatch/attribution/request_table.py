"""One row a request: which, of what kind, when, how long, of how many spans."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

import pyarrow as pa

from hopwatch.attribution.units import UnitTime

TEXT: Final = pa.dictionary(pa.int32(), pa.string())

SCHEMA: Final = pa.schema(
    [
        ("trace_id", pa.binary(16)),
        ("root_span_id", pa.binary(8)),
        ("route", TEXT),
        ("outcome", TEXT),
        ("start_unix_nano", pa.int64()),
        ("duration_ns", pa.int64()),
        ("spans", pa.int64()),
        ("sampling_threshold", pa.int64()),  # see `sampling`
    ]
)


def of_units(units: Iterable[UnitTime]) -> pa.Table:
    """The table of attributed requests, in their order."""
    rows = [
        (
            unit.trace.trace_id, unit.unit.root.id[:8], unit.route, unit.outcome,
            unit.unit.root.start, unit.duration, len(unit.spans), unit.threshold,
        )
        for unit in units
    ]  # fmt: skip
    return table_of(SCHEMA, rows)


def table_of(schema: pa.Schema, rows: Sequence[Sequence[object]]) -> pa.Table:
    """A table of rows; its texts are dictionary-encoded where the schema says so."""
    columns = list(zip(*rows, strict=True)) or [()] * len(schema)
    arrays = [
        pa.array(column, pa.string()).dictionary_encode()
        if field.type == TEXT
        else pa.array(column, field.type)
        for column, field in zip(columns, schema, strict=True)
    ]
    return pa.Table.from_arrays(arrays, schema=schema)
