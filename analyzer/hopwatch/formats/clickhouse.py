"""`otel_traces` of OpenTelemetry's ClickHouse exporter: Parquet that ClickHouse wrote of it, and
rows as JSON (FORMAT JSON, JSONEachRow).

ClickHouse exports text as binary or as text, DateTime64 as timestamps, integers or text, nested
columns as one list each (`Events.Timestamp`, ...) or as one of structs, kinds and status codes in
the spelling of either age (`Server`, `SPAN_KIND_SERVER`). All values of attributes are text.

https://github.com/open-telemetry/opentelemetry-collector-contrib/tree/main/exporter/clickhouseexporter
"""

from __future__ import annotations

import re
from collections.abc import Collection
from typing import Any, Final

import pyarrow as pa

from hopwatch import spans
from hopwatch.formats import ids
from hopwatch.formats.decoded import Contents, Decoded, ItemError
from hopwatch.formats.documents import Document
from hopwatch.formats.lenient_json import (
    WrittenFloat,
    get_list,
    get_object,
    get_objects,
    get_text,
    repaired,
)
from hopwatch.formats.scopes import Scopes, attributes_of
from hopwatch.formats.sink import Sink
from hopwatch.formats.span_rows import Event, Link, Span
from hopwatch.formats.times import SECOND, get_iso_time, get_time
from hopwatch.signals import SPANS

NAME: Final = "otel_traces of ClickHouse"

_COLUMNS: Final = ("Timestamp", "TraceId", "SpanId", "Duration")
"""Without these a table is no `otel_traces`; what else is missing counts as empty."""
_BATCH: Final = 8192
_SECONDS: Final = re.compile(r"\d+\.\d+", re.ASCII)
"""A DateTime64 as ClickHouse writes it with `date_time_output_format='unix_timestamp'`."""


def recognises(value: Any) -> bool:
    """Whether a JSON value is a row of `otel_traces`."""
    return isinstance(value, dict) and is_of_columns(value)


def is_of_columns(names: Collection[str]) -> bool:
    """Whether a table of these columns is `otel_traces`."""
    return all(name in names for name in _COLUMNS)


def reader(source: str) -> Reader:
    """A reader of the rows in a file."""
    return Reader(source)


def decode_table(table: pa.Table, source: str) -> Decoded:
    """The spans of a table that ClickHouse exported."""
    rows = Reader(source)
    for batch in table.to_batches(_BATCH):
        for row in _plain(batch).to_pylist(maps_as_pydicts="lossy"):
            rows.add(row)
    return rows.decoded()


def _plain(batch: pa.RecordBatch) -> pa.RecordBatch:
    """Timestamps as integers of nanoseconds, for Python's have none; all text as bytes, for what
    ClickHouse calls text need be no UTF-8."""
    arrays = [
        array.cast(_type(array.type, pa.timestamp("ns"))).cast(_type(array.type, pa.int64()))
        for array in batch.columns
    ]
    return pa.RecordBatch.from_arrays(arrays, names=batch.schema.names)


def _type(found: pa.DataType, time: pa.DataType) -> pa.DataType:
    """A type with `time` for timestamps and bytes for text, at any depth."""
    types = pa.types
    if types.is_timestamp(found):
        return time
    if types.is_string(found) or types.is_large_string(found) or types.is_large_binary(found):
        return pa.binary()
    if types.is_dictionary(found):
        return _type(found.value_type, time)
    if types.is_map(found):
        return pa.map_(_type(found.key_type, time), _type(found.item_type, time))
    if types.is_list(found) or types.is_large_list(found):
        return pa.list_(_type(found.value_type, time))
    if types.is_struct(found):
        return pa.struct([field.with_type(_type(field.type, time)) for field in found])
    return found


class Reader:
    """Reads rows of `otel_traces`."""

    def __init__(self, source: str) -> None:
        self._sink = Sink(SPANS, source)
        self._scopes = Scopes()

    def read(self, item: Document) -> None:
        """Take in one row as JSON; one that cannot be kept is counted."""
        self._sink.source = item.source
        row = item.value
        try:
            if item.repair:
                row = repaired(row)
            self._sink.add(self._span(row))
        except ItemError as error:
            self._sink.reject(error, ids.label(item.value, "SpanId"))
            return
        if row != item.value:
            self._sink.rejected.repaired += 1

    def add(self, raw: dict[str, Any]) -> None:
        """Take in one row with text as bytes; one that cannot be kept is counted."""
        broken = False
        try:
            row = _texts(raw, "strict")
        except UnicodeDecodeError:
            row = _texts(raw, "replace")
            broken = True
        try:
            self._sink.add(self._span(row))
        except ItemError as error:
            self._sink.reject(error, ids.label(row, "SpanId"))
            return
        self._sink.rejected.repaired += broken

    def finish(self, contents: Contents) -> None:
        """Add all rows, and what was left out."""
        contents.add(SPANS, self.decoded())

    def decoded(self) -> Decoded:
        """All rows, and what was left out."""
        return self._sink.finish()

    def _span(self, row: dict[str, Any]) -> Span:
        resource = {**_map(row, "ResourceAttributes")}
        if service := get_text(row, "ServiceName"):
            resource.setdefault("service.name", service)
        start = _time(row, "Timestamp")
        duration = get_time(row, "Duration", 1)
        return Span(
            self._scopes.of(
                attributes_of(resource.items()),
                get_text(row, "ScopeName"),
                get_text(row, "ScopeVersion"),
            ),
            ids.trace_id(row, "TraceId"),
            ids.span_id(row, "SpanId"),
            ids.parent_id(row, "ParentSpanId"),
            get_text(row, "TraceState"),
            0,
            get_text(row, "SpanName"),
            _number(row, "SpanKind", "SPAN_KIND_", spans.KINDS),
            start,
            0 if duration is None else start + duration,
            _number(row, "StatusCode", "STATUS_CODE_", spans.STATUS_CODES),
            get_text(row, "StatusMessage"),
            attributes_of(_map(row, "SpanAttributes").items()),
            [_event(event) for event in _nested(row, "Events")],
            [_link(link) for link in _nested(row, "Links")],
            0,
            0,
            0,
        )


def _texts(value: Any, errors: str) -> Any:
    """Bytes, at any depth, as text. Raises UnicodeDecodeError as `errors` says."""
    match value:
        case bytes():
            return value.decode(errors=errors)
        case dict():
            return {_texts(key, errors): _texts(item, errors) for key, item in value.items()}
        case list():
            return [_texts(item, errors) for item in value]
    return value


def _time(row: dict[str, Any], key: str) -> int:
    """A time in ns: a date and time, a number of ns, or one with a fraction, of seconds."""
    value = row.get(key)
    text = value.text if isinstance(value, WrittenFloat) else value
    if not isinstance(text, str) or text.isdigit():
        return get_time(row, key, 1) or 0
    if _SECONDS.fullmatch(text):
        return get_time(row, key, SECOND) or 0
    return get_iso_time(row, key) or 0


def _number(row: dict[str, Any], key: str, prefix: str, names: tuple[str, ...]) -> int:
    """An enum's number by its name, in either spelling; that of the unset one for none."""
    name = get_text(row, key).upper().removeprefix(prefix)
    return names.index(name) if name in names else 0


def _map(row: dict[str, Any], key: str) -> dict[str, Any]:
    """A map of attributes, also where the exporter was made to keep it as two lists."""
    if f"{key}.keys" in row:
        names = [str(name) for name in get_list(row, f"{key}.keys")]
        return dict(zip(names, get_list(row, f"{key}.values"), strict=False))
    return get_object(row, key)


def _nested(row: dict[str, Any], key: str) -> list[dict[str, Any]]:
    """The members of a nested column, which is a list a field or a list of structs."""
    if row.get(key) is not None:
        return get_objects(row, key)
    prefix = f"{key}."
    lists = {
        name.removeprefix(prefix): get_list(row, name) for name in row if name.startswith(prefix)
    }
    length = max(map(len, lists.values()), default=0)
    if any(len(values) != length for values in lists.values()):
        raise ItemError("malformed", f"the columns `{prefix}*` are not of one length")
    return [{name: values[at] for name, values in lists.items()} for at in range(length)]


def _event(event: dict[str, Any]) -> Event:
    about = attributes_of(_map(event, "Attributes").items())
    return Event(_time(event, "Timestamp"), get_text(event, "Name"), about, 0)


def _link(link: dict[str, Any]) -> Link:
    return Link(
        ids.trace_id(link, "TraceId"),
        ids.span_id(link, "SpanId"),
        get_text(link, "TraceState"),
        attributes_of(_map(link, "Attributes").items()),
        0,
        0,
    )
