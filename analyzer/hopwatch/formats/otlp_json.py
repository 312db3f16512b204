"""OTLP/JSON: one export request of traces, logs or metrics, or a file of them, one a line.

Not google.protobuf.json_format: OTLP's JSON spells ids in hex, where protobuf's has base64.
Tolerated beyond the specification: upper-case hex, base64 ids, enum names, 64-bit integers as
numbers, a bare ResourceSpans (ResourceLogs, ResourceMetrics) per line, and
`instrumentationLibrarySpans` of before 2022.

https://opentelemetry.io/docs/specs/otlp/#json-protobuf-encoding
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from hopwatch.errors import InputError, TooLargeError
from hopwatch.formats.columns import Resource, Scope
from hopwatch.formats.decoded import Contents, Decoded, ItemError
from hopwatch.formats.documents import Document
from hopwatch.formats.lenient_json import (
    get_list,
    get_object,
    get_objects,
    get_text,
    parse,
    repaired,
)
from hopwatch.formats.otlp_json_rows import (
    metric_label,
    points_in,
    read_attributes,
    read_log_record,
    read_metric,
    read_span,
)
from hopwatch.formats.sink import Sink
from hopwatch.signals import LOGS, METRICS, SPANS, Signal

NAME: Final = "OTLP/JSON"


@dataclass(frozen=True, slots=True)
class _Envelope:
    """How a signal's items are wrapped, and how one is read."""

    resources: str
    scopes: tuple[tuple[str, str], ...]  # the list's key, and its members' key of the scope
    items: str
    read: Callable[[Any, Scope, Sink], None]
    label: Callable[[Any], str]
    rows_in: Callable[[Any], int] = lambda _: 1
    """How many rows an item stands for that cannot be read."""


def _span_label(raw: Any) -> str:
    span_id = raw.get("spanId") if isinstance(raw, dict) else None
    name = ascii(span_id)[1:-1][:32] if isinstance(span_id, str) and span_id else "without id"
    return f"span {name}"


_ENVELOPES: Final = {
    SPANS: _Envelope(
        "resourceSpans",
        (("scopeSpans", "scope"), ("instrumentationLibrarySpans", "instrumentationLibrary")),
        "spans",
        read_span,
        _span_label,
    ),
    LOGS: _Envelope(
        "resourceLogs",
        (("scopeLogs", "scope"),),
        "logRecords",
        read_log_record,
        lambda _: "log record",
    ),
    METRICS: _Envelope(
        "resourceMetrics",
        (("scopeMetrics", "scope"),),
        "metrics",
        read_metric,
        metric_label,
        points_in,
    ),
}

_OUTER_KEYS: Final = {
    signal: (envelope.resources, *(key for key, _ in envelope.scopes))
    for signal, envelope in _ENVELOPES.items()
}
_ALL_KEYS: Final = tuple(key for keys in _OUTER_KEYS.values() for key in keys)

_CONTAINERS_AN_ITEM: Final = 8
"""Of a cap on items, the cap on JSON objects and lists. An item has more than that, but a body
of so many items would be larger than any that is taken."""
_SURROGATE: Final = re.compile(rb"\\u[dD][89a-fA-F]")


def recognises(value: Any) -> bool:
    """Whether a JSON value names spans, logs or metrics as OTLP does."""
    return isinstance(value, dict) and any(key in value for key in _ALL_KEYS)


def reader(source: str) -> Reader:
    """A reader of the export requests in a file."""
    return Reader(source)


def decode(
    data: bytes, source: str = "body", *, signal: Signal = SPANS, max_items: int | None = None
) -> Decoded:
    """The rows of one export request of `signal` (or a bare ResourceSpans and the like).

    `source` names the input in messages. Raises InputError if it is not such a JSON document,
    TooLargeError if it holds more than `max_items` spans, log records or data points.
    """
    sink = Sink(signal, source, max_items)
    _check_size(data, sink, max_items)
    document, repair = _parse(data, source)
    keys = _OUTER_KEYS[signal]
    if document and not any(key in document for key in keys):
        raise InputError(
            f"{source}: not an OTLP export of {signal.otlp}: a JSON object with `{keys[0]}` is"
            " expected"
        )
    _Walk(sink, repair).document(document)
    return sink.finish()


class Reader:
    """Reads the export requests of a file, each of any signal."""

    def __init__(self, source: str) -> None:
        self._source = source
        self._sinks: dict[Signal, Sink] = {}

    def read(self, item: Document) -> None:
        """Take in one request. Raises InputError where it is no export outside of its spans,
        log records and metrics."""
        for signal, keys in _OUTER_KEYS.items():
            if any(key in item.value for key in keys):
                sink = self._sinks.setdefault(signal, Sink(signal, self._source))
                sink.source = item.source
                _Walk(sink, item.repair).document(item.value)

    def finish(self, contents: Contents) -> None:
        """Add all rows, and what was left out."""
        for signal, sink in self._sinks.items():
            contents.add(signal, sink.finish())


def _check_size(data: bytes, sink: Sink, max_items: int | None) -> None:
    """Refuse what would become millions of objects, before it does."""
    if max_items is None:
        return
    containers = data.count(b"{") + data.count(b"[")
    if containers > _CONTAINERS_AN_ITEM * max_items:
        raise TooLargeError(
            f"{sink.source}: {containers} objects and lists in one request; send smaller batches"
        )


def _parse(data: bytes, source: str) -> tuple[dict[str, Any], bool]:
    """A document, and whether its texts may need repair. Raises InputError."""
    try:
        text = data.decode()
        repair = _SURROGATE.search(data) is not None
    except UnicodeDecodeError:
        text = data.decode(errors="surrogateescape")
        repair = True
    try:
        document = parse(text)
    except ValueError as error:  # JSONDecodeError, or a number with too many digits
        raise InputError(f"{source}: invalid JSON: {error}") from error
    if not isinstance(document, dict):
        raise InputError(f"{source}: not an OTLP export: a JSON object is expected")
    return document, repair


class _Walk:
    """Walks through one document's resources and scopes."""

    def __init__(self, sink: Sink, repair: bool) -> None:
        self._sink = sink
        self._repair = repair
        self._envelope = _ENVELOPES[sink.signal]

    def document(self, document: dict[str, Any]) -> None:
        """Read a document. Raises InputError where it is not what an export is outside of its
        items."""
        try:
            if any(key in document for key, _ in self._envelope.scopes):
                self._resource(document)
            for group in get_objects(document, self._envelope.resources):
                self._resource(group)
        except ItemError as error:
            raise InputError(f"{self._sink.source}: {error}") from error

    def _resource(self, group: dict[str, Any]) -> None:
        scopes = [
            (scope, scope_key)
            for key, scope_key in self._envelope.scopes
            for scope in get_objects(group, key)
        ]
        try:
            resource = Resource(
                read_attributes(self._clean(get_object(group, "resource"))),
                self._clean(get_text(group, "schemaUrl")),
            )
        except ItemError as error:
            for scope, _ in scopes:
                self._reject_all(scope, f"its resource: {error}", error)
            return
        for scope, key in scopes:
            self._scope(scope, key, resource)

    def _scope(self, group: dict[str, Any], scope_key: str, resource: Resource) -> None:
        try:
            found = self._clean(get_object(group, scope_key))
            scope = Scope(
                resource,
                get_text(found, "name"),
                get_text(found, "version"),
                read_attributes(found),
                self._clean(get_text(group, "schemaUrl")),
            )
        except ItemError as error:
            self._reject_all(group, f"its scope: {error}", error)
            return
        for raw in get_list(group, self._envelope.items):
            self._item(raw, scope)

    def _item(self, raw: Any, scope: Scope) -> None:
        rows_in = self._envelope.rows_in(raw)
        self._sink.count(rows_in)
        before = self._sink.rows
        try:
            item = self._clean(raw)
            self._envelope.read(item, scope, self._sink)
        except ItemError as error:
            self._sink.reject(error, self._envelope.label(raw), count=rows_in)
            return
        if self._repair and item != raw:
            self._sink.rejected.repaired += self._sink.rows - before

    def _clean(self, value: Any) -> Any:
        return repaired(value) if self._repair else value

    def _reject_all(self, group: dict[str, Any], detail: str, error: ItemError) -> None:
        """Reject every item of a scope that cannot be read without its resource or scope."""
        for raw in get_list(group, self._envelope.items):
            rows_in = self._envelope.rows_in(raw)
            self._sink.count(rows_in)
            self._sink.reject(error, self._envelope.label(raw), detail=detail, count=rows_in)
