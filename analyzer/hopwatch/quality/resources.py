"""What services do not say of themselves."""

from __future__ import annotations

from collections.abc import Iterator

import pyarrow as pa
import pyarrow.compute as pc

from hopwatch import semconv
from hopwatch.quality.model import MOST_EXAMPLES, Finding


def findings(table: pa.Table) -> Iterator[Finding]:
    """Missing resource attributes of a span table."""
    total = table.num_rows
    unnamed = pc.sum(pc.is_null(table["service_name"])).as_py() or 0
    if unnamed:
        yield Finding(
            "missing_service_name",
            "problem",
            unnamed,
            total,
            "spans",
            f"Spans that do not say which service they are of (service.name): {unnamed:,}. All of"
            " them count as one hop, `unknown`.",
            "Set OTEL_SERVICE_NAME where they come from.",
        )
    yield from _missing(
        table,
        "telemetry_sdk_language",
        "missing_language",
        "the language of their service (telemetry.sdk.language)",
        "It is inferred and marked `?`, or `unknown`.",
        "Merge the SDK's default resource into the one you set, or set the attribute in the"
        " collector.",
    )
    yield from _missing(
        table,
        "service_instance_id",
        "missing_instance",
        "which process they are of (service.instance.id)",
        "Clocks of several instances may be taken for one, and metrics cannot be joined to them.",
        "Set service.instance.id to a UUID for each start, by OTEL_RESOURCE_ATTRIBUTES or a"
        " resource detector.",
    )


def _missing(
    table: pa.Table, column: str, code: str, what: str, so: str, advice: str
) -> Iterator[Finding]:
    lacking = table.select(["service_name", "service_namespace"]).filter(pc.is_null(table[column]))
    if not lacking.num_rows:
        return
    services = lacking.group_by(["service_namespace", "service_name"]).aggregate([])
    names = sorted(
        {semconv.hop(s["service_name"], s["service_namespace"]) for s in services.to_pylist()}
    )
    yield Finding(
        code,
        "warning",
        lacking.num_rows,
        table.num_rows,
        "spans",
        f"Spans that do not say {what}: {lacking.num_rows:,}. {so}",
        advice,
        tuple(names[:MOST_EXAMPLES]),
        "service",
    )
