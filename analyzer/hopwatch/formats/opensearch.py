"""Spans as documents of OpenSearch: what Data Prepper writes, in each of its ages, and the schema
SS4O. Bulk lines, answers of searches and lists of documents are unwrapped before (`unwrap`).

    Data Prepper, flat     {"resource.attributes.service@name": ..., "span.attributes.a@b": ...}
    before its 1.0         {"resource.attributes.service.name": ..., "attributes.a.b": ...}
    Data Prepper, nested   {"resource": {"attributes": {...}}, "attributes": {...}}
    SS4O                   {"resource": {"service.name": ...}, "attributes": {...}}

Times are dates with up to nine decimals; `durationInNanos` decides where there is no end. Trace
ids that are longer than 128 bits, which OpenTelemetry does not know, keep their beginning, by
which they are found; two that agree in it would be one trace, so the second is left out.

https://docs.opensearch.org/latest/observing-your-data/ss4o/
"""

from __future__ import annotations

from typing import Any, Final

from hopwatch import spans
from hopwatch.formats import ids
from hopwatch.formats.decoded import Contents, ItemError
from hopwatch.formats.documents import Document
from hopwatch.formats.lenient_json import (
    UINT32,
    get_integer,
    get_object,
    get_objects,
    get_text,
    repaired,
)
from hopwatch.formats.scopes import Scopes, attributes_of
from hopwatch.formats.sink import Sink
from hopwatch.formats.span_rows import Event, Link, Span
from hopwatch.formats.times import get_iso_time, get_time
from hopwatch.signals import SPANS

NAME: Final = "OpenSearch (Data Prepper, SS4O)"

_DOT: Final = "@"
"""Stands for `.` in the keys that Data Prepper flattens."""
_HEX_DIGITS: Final = 32
_SCOPE_KEYS: Final = ("instrumentationScope", "instrumentationLibrary", "scope")
"""Of Data Prepper and SS4O, of either before, of Data Prepper in its spelling of the standard."""


def recognises(value: Any) -> bool:
    """Whether a JSON value is a span as OpenSearch has it."""
    return isinstance(value, dict) and all(
        isinstance(value.get(key), str) for key in ("traceId", "spanId", "startTime")
    )


def reader(source: str) -> Reader:
    """A reader of the documents in a file."""
    return Reader(source)


class Reader:
    """Reads the documents of a file."""

    def __init__(self, source: str) -> None:
        self._sink = Sink(SPANS, source)
        self._scopes = Scopes()
        self._long_ids: dict[str, str] = {}

    def read(self, item: Document) -> None:
        """Take in one span; one that cannot be kept is counted."""
        self._sink.source = item.source
        try:
            span = repaired(item.value) if item.repair else item.value
            self._sink.add(self._span(span))
        except ItemError as error:
            self._sink.reject(error, ids.label(item.value, "spanId"))
            return
        if item.repair and span != item.value:
            self._sink.rejected.repaired += 1

    def finish(self, contents: Contents) -> None:
        """Add all rows, and what was left out."""
        contents.add(SPANS, self._sink.finish())

    def _span(self, span: dict[str, Any]) -> Span:
        scope = next(filter(None, (get_object(span, key) for key in _SCOPE_KEYS)), {})
        status = get_object(span, "status") or {
            key: span.get(f"status.{key}") for key in ("code", "message")
        }
        start = get_iso_time(span, "startTime") or 0
        return Span(
            self._scopes.of(
                attributes_of(_resource(span).items()),
                get_text(scope, "name"),
                get_text(scope, "version"),
            ),
            self._trace_id(span),
            ids.span_id(span, "spanId"),
            ids.parent_id(span, "parentSpanId"),
            get_text(span, "traceState"),
            get_integer(span, "flags", UINT32),
            get_text(span, "name"),
            _number(span.get("kind"), "SPAN_KIND_", spans.KINDS),
            start,
            _end(span, start),
            _number(status.get("code"), "STATUS_CODE_", spans.STATUS_CODES),
            get_text(status, "message"),
            attributes_of(
                (_attributes(span, "span.attributes.") | _flattened(span, "attributes.")).items()
            ),
            [_event(event) for event in get_objects(span, "events")],
            [_link(link) for link in get_objects(span, "links")],
            *(
                get_integer(span, f"dropped{what}Count", UINT32)
                for what in ("Attributes", "Events", "Links")
            ),
        )

    def _trace_id(self, span: dict[str, Any]) -> bytes:
        text = get_text(span, "traceId").lower()
        if len(text) <= _HEX_DIGITS or text.endswith("="):
            return ids.trace_id(span, "traceId")
        short = text[:_HEX_DIGITS]
        if self._long_ids.setdefault(short, text) != text:
            raise ItemError(
                "invalid_trace_id", f"`traceId` {text[:64]!a} begins as another long one does"
            )
        return ids.trace_id({"traceId": short}, "traceId")


def _end(span: dict[str, Any], start: int) -> int:
    """The end; 0 if nothing is said of it."""
    end = get_iso_time(span, "endTime")
    if end is not None:
        return end
    duration = get_time(span, "durationInNanos", 1)
    return 0 if duration is None or not start else start + duration


def _resource(span: dict[str, Any]) -> dict[str, Any]:
    resource = get_object(span, "resource")
    nested = resource.get("attributes")
    found = _flat(nested if isinstance(nested, dict) else resource)
    found |= _flattened(span, "resource.attributes.")
    if service := get_text(span, "serviceName"):
        found.setdefault("service.name", service)
    return found


def _attributes(holder: dict[str, Any], prefix: str) -> dict[str, Any]:
    return _flat(get_object(holder, "attributes")) | _flattened(holder, prefix)


def _flattened(span: dict[str, Any], prefix: str) -> dict[str, Any]:
    """Attributes that stand beside the span's fields, under a common prefix."""
    return {
        key.removeprefix(prefix).replace(_DOT, "."): value
        for key, value in span.items()
        if key.startswith(prefix)
    }


def _flat(attributes: dict[str, Any]) -> dict[str, Any]:
    """Attributes with the names that they had before an index made objects of their dots."""
    found = {}
    waiting = list(attributes.items())[::-1]
    while waiting:
        key, value = waiting.pop()
        if isinstance(value, dict):
            waiting.extend([(f"{key}.{inner}", item) for inner, item in value.items()][::-1])
        else:
            found[key.replace(_DOT, ".")] = value
    return found


def _number(value: Any, prefix: str, names: tuple[str, ...]) -> int:
    """An enum's number, given as such or by name in any spelling; that of the unset one for
    none."""
    if isinstance(value, int) and 0 <= value < len(names):
        return int(value)
    name = str(value).upper().removeprefix(prefix)
    return names.index(name) if name in names else 0


def _event(event: dict[str, Any]) -> Event:
    return Event(
        get_iso_time(event, "time") or get_iso_time(event, "@timestamp") or 0,
        get_text(event, "name"),
        attributes_of(_attributes(event, "event.attributes.").items()),
        get_integer(event, "droppedAttributesCount", UINT32),
    )


def _link(link: dict[str, Any]) -> Link:
    return Link(
        ids.trace_id(link, "traceId"),
        ids.span_id(link, "spanId"),
        get_text(link, "traceState"),
        attributes_of(_attributes(link, "link.attributes.").items()),
        get_integer(link, "droppedAttributesCount", UINT32),
        0,
    )
