"""What services do not say of themselves."""

from __future__ import annotations

from collections.abc import Iterator

import pyarrow as pa
import pyarrow.compute as pc

from hopwatch import semconv
from hopwatch.quality.examined import Examined, Found
from hopwatch.quality.model import MOST_EXAMPLES, MOST_PARTS, Finding, Part


def findings(examined: Examined) -> Iterator[Found]:
    """Missing resource attributes."""
    table, ledger = examined.table, examined.ledger
    total = table.num_rows
    unnamed = pc.sum(pc.is_null(table["service_name"])).as_py() or 0
    if unnamed:
        of_unknown = [g for g in ledger.group_by("hop", "kind") if semconv.UNKNOWN in g.key[0]]
        finding = Finding(
            "missing_service_name",
            "problem",
            unnamed,
            total,
            "spans",
            f"Spans that do not say which service they are of (service.name): {unnamed:,}. All of"
            " them count as one hop, `unknown`.",
            "Set OTEL_SERVICE_NAME where they come from.",
            touched_ns=sum(group.blamed_ns for group in of_unknown),
        )
        yield finding, None
    unknown = sum(
        group.blamed_ns
        for group in ledger.group_by("language")
        if group.key[0].endswith("?") or group.key[0] == semconv.UNKNOWN
    )
    yield from _missing(
        table,
        "telemetry_sdk_language",
        "missing_language",
        "the language of their service (telemetry.sdk.language)",
        "It is inferred and marked `?`, or `unknown`.",
        "Merge the SDK's default resource into the one you set, or set the attribute in the"
        " collector.",
        unknown,
    )
    yield from _missing(
        table,
        "service_instance_id",
        "missing_instance",
        "which process they are of (service.instance.id)",
        "Clocks of several instances may be taken for one, and metrics cannot be joined to them.",
        "Set service.instance.id to a UUID for each start, by OTEL_RESOURCE_ATTRIBUTES or a"
        " resource detector.",
        None,
    )


def _missing(
    table: pa.Table, column: str, code: str, what: str, so: str, advice: str, touched: int | None
) -> Iterator[Found]:
    lacking = table.select(["service_name", "service_namespace"]).filter(pc.is_null(table[column]))
    if not lacking.num_rows:
        return
    keys = ["service_namespace", "service_name"]
    services = lacking.group_by(keys).aggregate([([], "count_all")])
    counts = sorted(
        (-s["count_all"], semconv.hop(s["service_name"], s["service_namespace"]))
        for s in services.to_pylist()
    )
    finding = Finding(
        code,
        "warning",
        lacking.num_rows,
        table.num_rows,
        "spans",
        f"Spans that do not say {what}: {lacking.num_rows:,}. {so}",
        advice,
        tuple(sorted({name for _, name in counts}))[:MOST_EXAMPLES],
        "service",
        touched,
        tuple(Part(name, -count) for count, name in counts[:MOST_PARTS]),
    )
    yield finding, None
