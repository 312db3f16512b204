"""The log table: one Arrow row per log record. This file is its only definition.

Columns carry the names of the OpenTelemetry logs data model in snake_case
(opentelemetry-proto, logs/v1/logs.proto); attribute maps and their types are those of the span
table (`hopwatch.spans`). A record is joined to its trace by (trace_id, span_id), to its process
by service_name and service_instance_id.
"""

from __future__ import annotations

from typing import Final

import pyarrow as pa

from hopwatch import spans

SCHEMA_VERSION: Final = 1

SEVERITIES: Final = ("TRACE", "DEBUG", "INFO", "WARN", "ERROR", "FATAL")
"""Names of the ranges of severity numbers: 1 to 4 is TRACE, 5 to 8 DEBUG, and so on to 24."""
MAX_SEVERITY: Final = 4 * len(SEVERITIES)

SCHEMA: Final = pa.schema(
    [
        # When it happened; where the source did not say, when it was observed.
        pa.field("time_unix_nano", pa.int64(), nullable=False),
        pa.field("observed_time_unix_nano", pa.int64()),  # null: not set
        pa.field("trace_id", pa.binary(16)),  # null: no request's
        pa.field("span_id", pa.binary(8)),
        pa.field("flags", pa.uint32()),
        pa.field("severity_number", pa.uint8(), nullable=False),  # 1 to 24; 0: not set
        pa.field("severity_text", spans.TEXT),  # as the source calls it
        pa.field("event_name", spans.TEXT),
        pa.field("body", pa.string()),
        pa.field("body_type", spans.TEXT),  # a letter of spans.ATTRIBUTE_TYPES
        *spans.CONTEXT_FIELDS,
        pa.field("log_attributes", spans.ATTRIBUTES),
        pa.field("log_attribute_types", spans.TEXT),
        pa.field("dropped_attributes_count", pa.uint32()),
        *spans.SCHEMA_URL_FIELDS,
    ],
    metadata={"hopwatch.log_table": str(SCHEMA_VERSION)},
)


def severity(number: int) -> str:
    """The name of a severity number's range; empty for 0, which is not set."""
    return SEVERITIES[(number - 1) // 4] if 1 <= number <= MAX_SEVERITY else ""
