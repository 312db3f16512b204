"""The span table: one Arrow row per span. This file is its only definition.

Columns carry the names of the OpenTelemetry trace data model in snake_case
(opentelemetry-proto, trace/v1/trace.proto). Times are integer nanoseconds since the Unix
epoch, stored as they were received: `duration_nano` may be negative, ids may repeat,
parents may be missing. Repair belongs to attribution, never to storage.

Attribute maps hold text, so that DuckDB, pandas, Spark and ClickHouse read them by key
without hopwatch: a string value as it is, any other value as compact JSON. What type each
value had stands in the `..._types` column beside the map, one letter an entry in the map's
order (see `ATTRIBUTE_TYPES`), which makes the pair lossless.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Sequence
from typing import Any, Final

import pyarrow as pa

from hopwatch.errors import InputError, UsageError

SCHEMA_VERSION: Final = 1

KINDS: Final = ("UNSPECIFIED", "INTERNAL", "SERVER", "CLIENT", "PRODUCER", "CONSUMER")
"""Span kinds by their OTLP number."""
STATUS_CODES: Final = ("UNSET", "OK", "ERROR")
"""Status codes by their OTLP number."""

ATTRIBUTE_TYPES: Final = {
    "s": "string",
    "b": "bool",
    "i": "int64",
    "d": "double",
    "a": "array",
    "m": "kvlist",
    "x": "bytes, as base64",
    "n": "no value",
}

TEXT = pa.dictionary(pa.int32(), pa.string())
"""Text of few different values."""
ATTRIBUTES = pa.map_(pa.string(), pa.string())

EVENT = pa.struct(
    [
        ("time_unix_nano", pa.int64()),
        ("name", pa.string()),
        ("attributes", ATTRIBUTES),
        ("attribute_types", pa.string()),
        ("dropped_attributes_count", pa.uint32()),
    ]
)
LINK = pa.struct(
    [
        ("trace_id", pa.binary()),
        ("span_id", pa.binary()),
        ("trace_state", pa.string()),
        ("attributes", ATTRIBUTES),
        ("attribute_types", pa.string()),
        ("dropped_attributes_count", pa.uint32()),
        ("flags", pa.uint32()),
    ]
)

PROMOTED: Final = {
    "service.name": "service_name",
    "service.namespace": "service_namespace",
    "service.version": "service_version",
    "service.instance.id": "service_instance_id",
    "telemetry.sdk.language": "telemetry_sdk_language",
}
"""Resource attributes that are columns as well (they stay in `resource_attributes` too)."""

# What a row of any signal says of the resource and the instrumentation scope it came from.
CONTEXT_FIELDS: Final = (
    *(pa.field(column, TEXT) for column in PROMOTED.values()),
    pa.field("scope_name", TEXT),
    pa.field("scope_version", TEXT),
    pa.field("resource_attributes", ATTRIBUTES),
    pa.field("resource_attribute_types", TEXT),
    pa.field("scope_attributes", ATTRIBUTES),
    pa.field("scope_attribute_types", TEXT),
)
SCHEMA_URL_FIELDS: Final = (
    pa.field("schema_url", TEXT),
    pa.field("resource_schema_url", TEXT),
)

SCHEMA: Final = pa.schema(
    [
        pa.field("trace_id", pa.binary(16), nullable=False),
        pa.field("span_id", pa.binary(8), nullable=False),
        pa.field("parent_span_id", pa.binary(8)),  # null: the span has no parent
        pa.field("trace_state", TEXT),
        pa.field("flags", pa.uint32()),
        pa.field("name", TEXT),
        pa.field("kind", TEXT),  # one of KINDS
        pa.field("start_time_unix_nano", pa.int64(), nullable=False),
        pa.field("duration_nano", pa.int64(), nullable=False),
        pa.field("status_code", TEXT),  # one of STATUS_CODES
        pa.field("status_message", TEXT),
        *CONTEXT_FIELDS,
        pa.field("span_attributes", ATTRIBUTES),
        pa.field("span_attribute_types", TEXT),
        pa.field("events", pa.list_(EVENT)),
        pa.field("links", pa.list_(LINK)),
        pa.field("dropped_attributes_count", pa.uint32()),
        pa.field("dropped_events_count", pa.uint32()),
        pa.field("dropped_links_count", pa.uint32()),
        *SCHEMA_URL_FIELDS,
    ],
    metadata={"hopwatch.span_table": str(SCHEMA_VERSION)},
)


def encode_value(value: Any) -> tuple[str, str]:
    """Text and type letter of one attribute value.

    `value` is what an OTLP AnyValue holds: None, str, bool, int, float, bytes, list or dict
    of the same.
    """
    match value:
        case None:
            return "", "n"
        case str():
            return value, "s"
        case bool():
            return ("true" if value else "false"), "b"
        case int():
            return str(value), "i"
        case float():
            return json.dumps(value), "d"
        case bytes():
            return base64.b64encode(value).decode("ascii"), "x"
        case list() | tuple():
            return _compact(value), "a"
        case dict():
            return _compact(value), "m"
    raise TypeError(f"{type(value).__name__} is no attribute value")


def decode_value(text: str, letter: str) -> Any:
    """The value that `encode_value` made `text` and `letter` of (bytes inside arrays or
    kvlists come back as base64 text)."""
    match letter:
        case "n":
            return None
        case "s":
            return text
        case "x":
            return base64.b64decode(text)
        case _:
            return json.loads(text)


def _compact(value: Any) -> str:
    return json.dumps(
        value,
        ensure_ascii=False,
        separators=(",", ":"),
        default=lambda raw: base64.b64encode(raw).decode("ascii"),
    )


def empty() -> pa.Table:
    """A span table without rows."""
    return SCHEMA.empty_table()


def require(table: Any, names: Sequence[str]) -> None:
    """Whether `table` has these columns of `SCHEMA`; its text may be dictionary-encoded anywhere.

    Raises UsageError for what is no Arrow table, InputError for columns that lack or are of
    another type.
    """
    if not isinstance(table, pa.Table):
        raise UsageError(
            f"a span table is a pyarrow.Table, as hopwatch.read() gives it, and this is a "
            f"{type(table).__name__}"
        )
    missing = [name for name in names if name not in table.column_names]
    if missing:
        raise InputError(
            f"this is no span table: it lacks {', '.join(missing)}; hopwatch.read() reads files "
            "of traces, hopwatch.spans.SCHEMA says what the columns are"
        )
    for name in names:
        found, wanted = (_plain(schema.field(name).type) for schema in (table.schema, SCHEMA))
        if found != wanted:
            raise InputError(f"the span table's column {name} is of type {found}, not {wanted}")


def _plain(type_: pa.DataType) -> pa.DataType:
    """A type with its text not dictionary-encoded."""
    if pa.types.is_dictionary(type_):
        return type_.value_type
    if pa.types.is_map(type_):
        return pa.map_(_plain(type_.key_type), _plain(type_.item_type))
    if pa.types.is_list(type_):
        return pa.list_(_plain(type_.value_type))
    if pa.types.is_struct(type_):
        return pa.struct([field.with_type(_plain(field.type)) for field in type_])
    return type_


def trace_id_prefix(text: str) -> str:
    """The beginning of a trace id, in lower-case hex. Raises UsageError for what is none."""
    prefix = text.strip().lower()
    if not 1 <= len(prefix) <= 32 or prefix.strip("0123456789abcdef"):
        raise UsageError(
            f"{text!r} is no trace id: up to 32 hex digits, such as 4bf92f3577b34da6, are expected"
        )
    return prefix


def table_from_columns(columns: dict[str, list[Any]]) -> pa.Table:
    """A span table from equally long Python lists, one per column of `SCHEMA`.

    Columns that are left out are null. Attribute maps are lists of (key, text) pairs.
    Raises KeyError for a name that the schema does not have.
    """
    unknown = columns.keys() - set(SCHEMA.names)
    if unknown:
        raise KeyError(f"no such span table columns: {sorted(unknown)}")
    length = len(next(iter(columns.values()), []))
    arrays = []
    for field in SCHEMA:
        values = columns.get(field.name)
        if values is None:
            arrays.append(pa.nulls(length, field.type))
        elif pa.types.is_dictionary(field.type):
            arrays.append(pa.array(values, pa.string()).dictionary_encode())
        else:
            arrays.append(pa.array(values, field.type))
    return pa.Table.from_arrays(arrays, schema=SCHEMA)
