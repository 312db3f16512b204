"""Tables as OTLP/JSON: what `otlp_json` reads, and collectors and other tools do.

For data sets of thousands of rows, such as recordings that are kept beside code. What a table
holds comes back from `otlp_json` as it was, but for bytes inside arrays and kvlists, which the
tables keep as base64 text.
"""

from __future__ import annotations

import base64
import json
import math
from collections.abc import Iterable, Iterator
from typing import Any, Final

import pyarrow as pa

from hopwatch.spans import KINDS, STATUS_CODES, decode_value

_KIND_NUMBERS: Final = {name: number for number, name in enumerate(KINDS)}
_STATUS_NUMBERS: Final = {name: number for number, name in enumerate(STATUS_CODES)}

_RESOURCE: Final = ("resource_attributes", "resource_attribute_types", "resource_schema_url")
_SCOPE: Final = (
    "scope_name", "scope_version", "scope_attributes", "scope_attribute_types", "schema_url",
)  # fmt: skip

Row = dict[str, Any]


def trace_lines(spans: pa.Table) -> Iterator[str]:
    """One line of JSON a trace, in the order of their first rows: an ExportTraceServiceRequest."""
    by_trace: dict[bytes, list[Row]] = {}
    for row in spans.to_pylist():
        by_trace.setdefault(row["trace_id"], []).append(row)
    for rows in by_trace.values():
        yield envelope("resourceSpans", "scopeSpans", "spans", rows, span_json)


def log_lines(logs: pa.Table) -> Iterator[str]:
    """One line of JSON with all log records: an ExportLogsServiceRequest. No line for none."""
    if rows := logs.to_pylist():
        yield envelope("resourceLogs", "scopeLogs", "logRecords", rows, log_json)


def envelope(resources: str, scopes: str, items: str, rows: Iterable[Row], item: Any) -> str:
    """The envelope around rows: each resource once, in it each scope once."""
    groups: dict[str, tuple[Row, dict[str, tuple[Row, list[Row]]]]] = {}
    for row in rows:
        _, found = groups.setdefault(_key(row, _RESOURCE), (row, {}))
        found.setdefault(_key(row, _SCOPE), (row, []))[1].append(row)
    envelope = [
        _present(
            resource=resource_json(first),
            **{
                scopes: [
                    _present(
                        scope=scope_json(scope_row),
                        **{items: [item(row) for row in members]},
                        schemaUrl=scope_row["schema_url"],
                    )
                    for scope_row, members in by_scope.values()
                ]
            },
            schemaUrl=first["resource_schema_url"],
        )
        for first, by_scope in groups.values()
    ]
    return json.dumps({resources: envelope}, ensure_ascii=False, separators=(",", ":"))


def _key(row: Row, columns: Iterable[str]) -> str:
    return repr([row[column] for column in columns])


def resource_json(row: Row) -> Row:
    """A row's resource as an OTLP Resource."""
    return _present(
        attributes=attributes_json(row["resource_attributes"], row["resource_attribute_types"])
    )


def scope_json(row: Row) -> Row:
    """A row's scope as an OTLP InstrumentationScope."""
    return _present(
        name=row["scope_name"],
        version=row["scope_version"],
        attributes=attributes_json(row["scope_attributes"], row["scope_attribute_types"]),
    )


def span_json(row: Row) -> Row:
    """A row of the span table as an OTLP Span."""
    start = row["start_time_unix_nano"]
    status = _present(
        code=_STATUS_NUMBERS.get(row["status_code"], 0), message=row["status_message"]
    )
    return _present(
        traceId=row["trace_id"].hex(),
        spanId=row["span_id"].hex(),
        parentSpanId=(row["parent_span_id"] or b"").hex(),
        traceState=row["trace_state"],
        flags=row["flags"],
        name=row["name"],
        kind=_KIND_NUMBERS.get(row["kind"], 0),
        startTimeUnixNano=str(start),
        endTimeUnixNano=str(start + row["duration_nano"]),
        attributes=attributes_json(row["span_attributes"], row["span_attribute_types"]),
        droppedAttributesCount=row["dropped_attributes_count"],
        events=[_event(event) for event in row["events"] or ()],
        droppedEventsCount=row["dropped_events_count"],
        links=[_link(link) for link in row["links"] or ()],
        droppedLinksCount=row["dropped_links_count"],
        status=status,
    )


def _event(event: Row) -> Row:
    return _present(
        timeUnixNano=str(event["time_unix_nano"]),
        name=event["name"],
        attributes=attributes_json(event["attributes"], event["attribute_types"]),
        droppedAttributesCount=event["dropped_attributes_count"],
    )


def _link(link: Row) -> Row:
    return _present(
        traceId=link["trace_id"].hex(),
        spanId=link["span_id"].hex(),
        traceState=link["trace_state"],
        attributes=attributes_json(link["attributes"], link["attribute_types"]),
        droppedAttributesCount=link["dropped_attributes_count"],
        flags=link["flags"],
    )


def log_json(row: Row) -> Row:
    """A row of the log table as an OTLP LogRecord."""
    observed = row["observed_time_unix_nano"]
    return _present(
        timeUnixNano=str(row["time_unix_nano"]),
        observedTimeUnixNano="" if observed is None else str(observed),
        severityNumber=row["severity_number"],
        severityText=row["severity_text"],
        eventName=row["event_name"],
        body=None if row["body"] is None else _value(decode_value(row["body"], row["body_type"])),
        attributes=attributes_json(row["log_attributes"], row["log_attribute_types"]),
        droppedAttributesCount=row["dropped_attributes_count"],
        flags=row["flags"],
        traceId=(row["trace_id"] or b"").hex(),
        spanId=(row["span_id"] or b"").hex(),
    )


def attributes_json(pairs: list[tuple[str, str]] | None, types: str | None) -> list[Row]:
    """An attribute map and the letters of its types as KeyValues."""
    letters = types or "s" * len(pairs or ())
    return [
        {"key": key, "value": _value(decode_value(text, letter))}
        for (key, text), letter in zip(pairs or (), letters, strict=True)
    ]


def _value(value: Any) -> Row:
    """An AnyValue. 64-bit integers are text in OTLP/JSON, as are doubles that are no numbers."""
    match value:
        case None:
            return {}
        case str():
            return {"stringValue": value}
        case bool():
            return {"boolValue": value}
        case int():
            return {"intValue": str(value)}
        case float():
            return {"doubleValue": value if math.isfinite(value) else no_number(value)}
        case bytes():
            return {"bytesValue": base64.b64encode(value).decode("ascii")}
        case list():
            return {"arrayValue": {"values": [_value(item) for item in value]}}
        case dict():
            pairs = [{"key": key, "value": _value(item)} for key, item in value.items()]
            return {"kvlistValue": {"values": pairs}}
    raise TypeError(f"{type(value).__name__} is no attribute value")


def no_number(value: float) -> str:
    """A double that JSON has no number for."""
    if math.isnan(value):
        return "NaN"
    return "Infinity" if value > 0 else "-Infinity"


def _present(**fields: Any) -> Row:
    """What is empty or 0 is left out, as OTLP/JSON does."""
    return {key: value for key, value in fields.items() if value}
