"""One row a span of an attributed unit: what it is blamed for, and in which cell."""

from __future__ import annotations

from typing import Final

import pyarrow as pa

from hopwatch.attribution.long_table import from_rows
from hopwatch.attribution.units import UnitTime

SCHEMA: Final = pa.schema(
    [
        ("trace_id", pa.string()),
        ("unit", pa.string()),  # request, detached or fragment
        ("root_span_id", pa.string()),
        ("span_id", pa.string()),  # with `/server` behind it for the server's half of a shared id
        ("parent_span_id", pa.string()),
        ("name", pa.string()),
        *((name, pa.string()) for name in ("hop", "caller", "language", "version", "kind")),
        ("operation", pa.string()),
        ("start_unix_nano", pa.int64()),  # as stamped, in the clock of the span's own process
        ("duration_ns", pa.int64()),
        ("own_ns", pa.int64()),  # adds up to the duration of the root; see `units.SpanTime`
        *((f"{name}_ns", pa.int64()) for name in ("local", "concurrent", "hidden", "retry")),
        ("flags", pa.string()),
    ]
)


def of_unit(unit: UnitTime) -> pa.Table:
    """The unit's spans, parents before their children."""
    trace_id, root = unit.trace.trace_id.hex(), span_id(unit.unit.root.id)
    return from_rows(
        SCHEMA,
        (
            (
                trace_id, unit.unit.kind, root, span_id(time.span.id),
                span_id(time.span.parent_id or b""), time.span.name, *time.cell, time.span.start,
                time.span.duration, time.own, time.local, time.concurrent, time.hidden,
                time.retry, " ".join(sorted(time.span.flags)),
            )
            for time in unit.spans
        ),
    )  # fmt: skip


def span_id(raw: bytes) -> str:
    """Hex id; `/server` behind it for the server's half of a shared (Zipkin) id."""
    return raw[:8].hex() + ("/server" if len(raw) > 8 else "")
