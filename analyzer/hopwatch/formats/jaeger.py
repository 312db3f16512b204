"""Jaeger: what its UI downloads, its HTTP API answers, its storages keep as JSON.

A trace is `{"traceID", "spans", "processes"}`, in `{"data": [...]}` or bare; spans name their
process, or carry it. Documents in Elasticsearch are single spans with their process, tags as a
list or as a map in which `@` stands for `.`. In Kafka the same is in protobuf's JSON: ids in
base64, times as text, values as `vStr`, `vInt64` and so on.

What becomes of it: references are parent and links, tags that stand for fields of
OpenTelemetry's spans become these, all others are attributes, those of the process the
resource's. The API has starts and durations cut off to whole microseconds one by one, so that an
end may be 2 µs before the one that was measured.

https://www.jaegertracing.io/docs/latest/apis/
"""

from __future__ import annotations

import contextlib
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from typing import Any, Final

from hopwatch.formats import ids, jaeger_values
from hopwatch.formats.columns import NO_ATTRIBUTES, Attributes
from hopwatch.formats.decoded import Contents, ItemError
from hopwatch.formats.documents import Document
from hopwatch.formats.lenient_json import (
    UINT32,
    get_integer,
    get_list,
    get_objects,
    get_text,
    repaired,
)
from hopwatch.formats.scopes import Scopes, attributes_of
from hopwatch.formats.sink import Sink
from hopwatch.formats.span_rows import Event, Span
from hopwatch.formats.tag_fields import take_fields
from hopwatch.signals import SPANS

NAME: Final = "Jaeger"

_SAMPLED: Final = 1
_NO_SERVICE: Final = "OTLPResourceNoServiceName"
"""Stands where OpenTelemetry's resource had no name of a service."""


def recognises(value: Any) -> bool:
    """Whether a JSON value is a trace or a span of Jaeger."""
    if not isinstance(value, dict):
        return False
    if isinstance(value.get("spans"), list):
        return "traceID" in value or "processes" in value or any(map(_is_span, value["spans"][:1]))
    return _is_span(value)


def _is_span(value: Any) -> bool:
    return isinstance(value, dict) and (
        "spanID" in value or ("spanId" in value and "operationName" in value)
    )


def reader(source: str) -> Reader:
    """A reader of the traces and spans in a file."""
    return Reader(source)


@dataclass(slots=True)
class _Trace:
    """What a trace says for all its spans."""

    processes: dict[str, Any] = field(default_factory=dict)
    known: Collection[bytes] = ()
    resources: dict[str, Attributes] = field(default_factory=dict)


class Reader:
    """Reads the traces and spans of a file."""

    def __init__(self, source: str) -> None:
        self._sink = Sink(SPANS, source)
        self._scopes = Scopes()

    def read(self, item: Document) -> None:
        """Take in one trace or one span; what cannot be kept of it is counted."""
        self._sink.source = item.source
        found = item.value.get("spans")
        if not isinstance(found, list):
            self._add(item.value, item.repair, _Trace())
            return
        processes = item.value.get("processes")
        trace = _Trace(processes if isinstance(processes, dict) else {}, set(_span_ids(found)))
        for raw in found:
            self._add(raw, item.repair, trace)

    def finish(self, contents: Contents) -> None:
        """Add all rows, and what was left out."""
        contents.add(SPANS, self._sink.finish())

    def _add(self, raw: Any, repair: bool, trace: _Trace) -> None:
        try:
            span = repaired(raw) if repair else raw
            if not isinstance(span, dict):
                raise ItemError("malformed", "a span must be an object")
            self._sink.add(self._span(span, self._resource(span, trace, repair), trace.known))
        except ItemError as error:
            self._sink.reject(error, ids.label(raw, "spanID", "spanId"))
            return
        if repair and span != raw:
            self._sink.rejected.repaired += 1

    def _span(self, span: dict[str, Any], resource: Attributes, known: Collection[bytes]) -> Span:
        trace_id, span_id = jaeger_values.ids_of(span)
        parent_id, links = jaeger_values.references(span, trace_id, known)
        tags = jaeger_values.tags(span)
        said = take_fields(tags)
        if warnings := get_list(span, "warnings"):
            tags["jaeger.warnings"] = warnings
        return Span(
            self._scopes.of(resource, said.scope_name, said.scope_version),
            trace_id,
            span_id,
            parent_id,
            said.trace_state,
            get_integer(span, "flags", UINT32) & _SAMPLED,
            get_text(span, "operationName"),
            said.kind,
            jaeger_values.start(span),
            jaeger_values.end(span),
            said.status_code,
            said.status_message,
            attributes_of(tags.items()),
            [_event(log) for log in get_objects(span, "logs")],
            links,
            0,
            0,
            0,
        )

    def _resource(self, span: dict[str, Any], trace: _Trace, repair: bool) -> Attributes:
        process = span.get("process")
        if isinstance(process, dict):
            return _resource(process)
        name = span.get("processID")
        if not isinstance(name, str):
            return NO_ATTRIBUTES
        if name not in trace.resources:
            process = trace.processes.get(name)
            if not isinstance(process, dict):
                return NO_ATTRIBUTES
            trace.resources[name] = _resource(repaired(process) if repair else process)
        return trace.resources[name]


def _span_ids(spans: list[Any]) -> Iterator[bytes]:
    for span in spans:
        if isinstance(span, dict):
            with contextlib.suppress(ItemError):
                yield jaeger_values.ids_of(span)[1]


def _resource(process: dict[str, Any]) -> Attributes:
    found = jaeger_values.tags(process)
    service = get_text(process, "serviceName")
    if service and service != _NO_SERVICE:
        found["service.name"] = service
    return attributes_of(found.items())


def _event(log: dict[str, Any]) -> Event:
    said = jaeger_values.fields(log)
    name = said.pop("event") if isinstance(said.get("event"), str) else ""
    return Event(jaeger_values.log_time(log), name, attributes_of(said.items()), 0)
