"""The metric table: one Arrow row per data point. This file is its only definition.

Columns carry the names of the OpenTelemetry metrics data model in snake_case
(opentelemetry-proto, metrics/v1/metrics.proto); what describes the metric (name, unit, type)
stands in each of its points. Attribute maps and their types are those of the span table
(`hopwatch.spans`). A point is joined to its process by service_name and service_instance_id,
to traces by its exemplars.

| type | columns |
|---|---|
| gauge, sum | `value`, and `value_int` where the point is an integer |
| histogram | `count`, `sum`, `min`, `max`, `explicit_bounds`, `bucket_counts` (one more) |
| exponential_histogram | `count` to `max`, `scale`, `zero_*`, `positive_*`, `negative_*` |
| summary | `count`, `sum`, `quantiles` |
"""

from __future__ import annotations

from typing import Final

import pyarrow as pa

from hopwatch import spans

SCHEMA_VERSION: Final = 1

TYPES: Final = ("gauge", "sum", "histogram", "exponential_histogram", "summary")
TEMPORALITIES: Final = ("UNSPECIFIED", "DELTA", "CUMULATIVE")
"""Aggregation temporalities by their OTLP number."""

QUANTILE = pa.struct([("quantile", pa.float64()), ("value", pa.float64())])
EXEMPLAR = pa.struct(
    [
        ("time_unix_nano", pa.int64()),
        ("value", pa.float64()),
        ("value_int", pa.int64()),
        ("trace_id", pa.binary()),
        ("span_id", pa.binary()),
        ("attributes", spans.ATTRIBUTES),
        ("attribute_types", pa.string()),
    ]
)

SCHEMA: Final = pa.schema(
    [
        pa.field("name", spans.TEXT),
        pa.field("description", spans.TEXT),
        pa.field("unit", spans.TEXT),
        pa.field("type", spans.TEXT),  # one of TYPES
        pa.field("aggregation_temporality", spans.TEXT),  # one of TEMPORALITIES; null: none
        pa.field("is_monotonic", pa.bool_()),  # null but for sums
        pa.field("start_time_unix_nano", pa.int64()),  # null: not set
        pa.field("time_unix_nano", pa.int64(), nullable=False),
        pa.field("flags", pa.uint32()),  # 1: no value was recorded
        pa.field("value", pa.float64()),
        pa.field("value_int", pa.int64()),
        pa.field("count", pa.int64()),
        pa.field("sum", pa.float64()),
        pa.field("min", pa.float64()),
        pa.field("max", pa.float64()),
        pa.field("explicit_bounds", pa.list_(pa.float64())),
        pa.field("bucket_counts", pa.list_(pa.int64())),
        pa.field("scale", pa.int32()),
        pa.field("zero_count", pa.int64()),
        pa.field("zero_threshold", pa.float64()),
        pa.field("positive_offset", pa.int32()),
        pa.field("positive_bucket_counts", pa.list_(pa.int64())),
        pa.field("negative_offset", pa.int32()),
        pa.field("negative_bucket_counts", pa.list_(pa.int64())),
        pa.field("quantiles", pa.list_(QUANTILE)),
        pa.field("exemplars", pa.list_(EXEMPLAR)),
        *spans.CONTEXT_FIELDS,
        pa.field("point_attributes", spans.ATTRIBUTES),
        pa.field("point_attribute_types", spans.TEXT),
        *spans.SCHEMA_URL_FIELDS,
    ],
    metadata={"hopwatch.metric_table": str(SCHEMA_VERSION)},
)

NO_RECORDED_VALUE: Final = 1
"""The flag of a point that says only that its series has ended."""
