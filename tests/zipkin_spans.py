"""A span table as Zipkin v2, as OpenTelemetry's exporters write it: times cut off to microseconds,
the resource's attributes among the tags."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pyarrow as pa

_US = 1000
_KINDS = {"CLIENT", "SERVER", "PRODUCER", "CONSUMER"}


def zipkin_bodies(table: pa.Table, size: int = 1000) -> Iterator[bytes]:
    """Bodies for POST /api/v2/spans."""
    for first in range(0, table.num_rows, size):
        rows = table.slice(first, size).to_pylist()
        yield json.dumps([_span(row) for row in rows], separators=(",", ":")).encode()


def _span(row: dict[str, Any]) -> dict[str, Any]:
    tags = dict([*(row["resource_attributes"] or ()), *(row["span_attributes"] or ())])
    tags.pop("service.name", None)
    tags["otel.scope.name"] = row["scope_name"] or ""
    if row["status_code"] == "ERROR":
        tags["error"] = row["status_message"] or "true"
    span = {
        "traceId": row["trace_id"].hex(),
        "id": row["span_id"].hex(),
        "name": row["name"],
        "timestamp": row["start_time_unix_nano"] // _US,
        "duration": max(1, row["duration_nano"] // _US),  # Zipkin takes 0 for unknown
        "localEndpoint": {"serviceName": row["service_name"]},
        "tags": tags,
    }
    if row["parent_span_id"]:
        span["parentId"] = row["parent_span_id"].hex()
    if row["kind"] in _KINDS:
        span["kind"] = row["kind"]
    return span
