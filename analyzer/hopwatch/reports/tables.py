"""Ledgers and traces as tables for other programs: Parquet and CSV.

Parquet keeps every text as it is. CSV is for people and spreadsheets as well: what would act on a
terminal is shown escaped, and text that a spreadsheet would take for a formula has a `'` before
it.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable
from typing import Final

import pyarrow as pa
from pyarrow import parquet

from hopwatch.attribution import Ledger, UnitTime
from hopwatch.attribution.unit_table import SCHEMA
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

_ACTS: Final = ("=", "+", "-", "@")
_HARMLESS: Final = "-"


def ledger_parquet(ledger: Ledger) -> bytes:
    """The ledger's long table as a Parquet file; each column says what it is."""
    table = ledger.to_arrow()
    fields = [
        field.with_metadata({"description": LEDGER_COLUMNS[field.name]}) for field in table.schema
    ]
    sink = io.BytesIO()
    parquet.write_table(table.cast(pa.schema(fields)), sink, compression="zstd")
    return sink.getvalue()


def ledger_csv(ledger: Ledger) -> str:
    """The ledger's long table as CSV (RFC 4180) with a header."""
    return _csv(ledger.to_arrow())


def trace_csv(units: Iterable[UnitTime]) -> str:
    """The spans of attributed units (`unit_table.SCHEMA`) as CSV; `own_ns` adds up to the
    duration of each unit's root."""
    return _csv(pa.concat_tables([SCHEMA.empty_table(), *(unit.to_arrow() for unit in units)]))


def _csv(table: pa.Table) -> str:
    lines = io.StringIO()
    writer = csv.writer(lines)
    writer.writerow(table.column_names)
    columns = [_shown(column) for column in table.columns]
    writer.writerows(zip(*columns, strict=True))
    return lines.getvalue()


def _shown(column: pa.ChunkedArray) -> list[object]:
    values: list[object] = column.to_pylist()
    if not pa.types.is_string(column.type):
        return values
    shown = {text: _safe(text) for text in column.unique().to_pylist()}
    return [shown[text] for text in values]


def _safe(text: str) -> str:
    text = plain(text)
    return f"'{text}" if text.startswith(_ACTS) and text != _HARMLESS else text
