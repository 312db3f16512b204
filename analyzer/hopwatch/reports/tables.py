"""Ledgers and traces as tables for other programs: Parquet and CSV.

Parquet keeps every text as it is. CSV is for people and spreadsheets as well: what would act on a
terminal is shown escaped, and text that a spreadsheet would take for a formula has a `'` before
it.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence
from typing import Final

import pyarrow as pa
from pyarrow import parquet

from hopwatch.attribution import Ledger, UnitTime
from hopwatch.reports.documents import span_id
from hopwatch.reports.text import plain

LEDGER_COLUMNS: Final = {
    "block_start_unix_nano": "the second in which the requests began, Unix ns",
    "route": "method and route of the requests, their RPC, or a template of the root's name",
    "outcome": "ok or error, of the requests' root spans",
    "sampling_threshold": "rejection threshold T of W3C consistent sampling: one request here "
    "stands for 2^56 / (2^56 - T); 0: all were kept; -1: nothing is said, counted as one",
    "bucket": "number of the requests' duration bucket, 1 % wide (hopwatch.attribution.buckets)",
    "caller": "hop that called this one; empty: none did",
    "hop": "service, database, broker or peer; of a gap `caller -> callee`",
    "operation": "route, RPC, query or name of the spans",
    "language": "telemetry.sdk.language, with `?` where inferred; `-`: no code of ours",
    "version": "service.version",
    "kind": "self, gap, db, messaging, remote or wait",
    "blamed_ns": "time on the critical path; adds up to the requests' durations",
    "local_ns": "the spans' own time, on the critical path or not",
    "concurrent_ns": "part of blamed_ns in which children ran that were not waited for",
    "hidden_ns": "part of blamed_ns in which spans may be missing",
    "doubtful_ns": "part of blamed_ns that is one or the other",
    "retry_ns": "part of blamed_ns spent on attempts that were repeated, or between attempts",
    "calls": "how often the hop was entered",
    "spans": "how many spans there are",
}
"""Columns of a ledger's long table (`Ledger.cells`): one row for each combination of the keys, up
to `kind`, and the sums of its spans, behind it."""

TRACE_COLUMNS: Final = (
    "trace_id", "unit", "root_span_id", "span_id", "parent_span_id", "name", "caller", "hop",
    "operation", "language", "version", "kind", "start_unix_nano", "duration_ns", "own_ns",
    "local_ns", "concurrent_ns", "hidden_ns", "retry_ns", "flags",
)  # fmt: skip
"""One row a span. unit: request, detached or fragment; start_unix_nano: as stamped, in the clock
of the span's own process; own_ns adds up to the duration of each unit's root; the rest as in
`units.SpanTime`."""

_ACTS: Final = ("=", "+", "-", "@")
_HARMLESS: Final = "-"


def ledger_parquet(ledger: Ledger) -> bytes:
    """The ledger's long table as a Parquet file; each column says what it is."""
    table = ledger.cells
    fields = [
        field.with_metadata({"description": LEDGER_COLUMNS[field.name]}) for field in table.schema
    ]
    sink = io.BytesIO()
    parquet.write_table(table.cast(pa.schema(fields)), sink, compression="zstd")
    return sink.getvalue()


def ledger_csv(ledger: Ledger) -> str:
    """The ledger's long table as CSV (RFC 4180) with a header."""
    columns = [column.to_pylist() for column in ledger.cells.columns]
    return _csv(ledger.cells.column_names, zip(*columns, strict=True))


def trace_csv(units: Iterable[UnitTime]) -> str:
    """The spans of attributed units as CSV, by `TRACE_COLUMNS`."""
    rows = (
        (
            unit.trace.trace_id.hex(), unit.unit.kind, span_id(unit.unit.root),
            span_id(time.span), (time.span.parent_id or b"")[:8].hex(), time.span.name,
            time.cell.caller, time.cell.hop, time.cell.operation, time.cell.language,
            time.cell.version, time.cell.kind, time.span.start, time.span.duration, time.own,
            time.local, time.concurrent, time.hidden, time.retry, " ".join(sorted(time.span.flags)),
        )
        for unit in units
        for time in unit.spans
    )  # fmt: skip
    return _csv(TRACE_COLUMNS, rows)


def _csv(header: Sequence[str], rows: Iterable[Iterable[object]]) -> str:
    lines = io.StringIO()
    writer = csv.writer(lines)
    writer.writerow(header)
    writer.writerows([_safe(value) for value in row] for row in rows)
    return lines.getvalue()


def _safe(value: object) -> object:
    if not isinstance(value, str):
        return value
    text = plain(value)
    return f"'{text}" if text.startswith(_ACTS) and text != _HARMLESS else text
