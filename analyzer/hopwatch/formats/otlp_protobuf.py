"""OTLP/protobuf: ExportTraceServiceRequest, which on the wire is also TracesData.

The borders of resources, scopes and runs of spans are found first; upb then decodes a run of
spans at a time. A run that it refuses is decoded span by span, and what it refuses of those by
`wire.LooseMessage`, so that one broken span costs only itself, and a body that is small but
names millions of spans never becomes millions of objects.

https://github.com/open-telemetry/opentelemetry-proto, trace/v1/trace.proto
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Final

from google.protobuf.message import DecodeError, Message
from opentelemetry.proto.common.v1.common_pb2 import InstrumentationScope
from opentelemetry.proto.resource.v1 import resource_pb2
from opentelemetry.proto.trace.v1 import trace_pb2

from hopwatch import spans
from hopwatch.errors import InputError, TooLargeError
from hopwatch.formats.columns import (
    NO_ATTRIBUTES,
    Attributes,
    Event,
    Link,
    Resource,
    Scope,
    Span,
    SpanColumns,
    attributes,
)
from hopwatch.formats.decoded import Decoded, Rejections, SpanError
from hopwatch.formats.wire import (
    LENGTH,
    LooseMessage,
    WireError,
    WireField,
    fields,
    read_varint,
)

NAME: Final = "OTLP/protobuf"

_RUN_SPANS: Final = 1024
_RUN_BYTES: Final = 1 << 20
_MAX_MESSAGE: Final = 4 << 20

# Field numbers that TracesData, ResourceSpans and ScopeSpans have in common.
_CONTEXT: Final = 1  # resource, scope
_CHILDREN: Final = 2  # scope_spans, spans
_SCHEMA_URL: Final = 3
_RESOURCE_SPANS_FIELDS: Final = (_CONTEXT, _CHILDREN, _SCHEMA_URL, 1000)  # 1000: reserved


def recognises(data: bytes) -> bool:
    """Whether `data` is, at its outer levels, one or several ExportTraceServiceRequests."""
    return bool(_messages(data))


def decode_file(data: bytes, source: str) -> Decoded:
    """The spans of a file: one message, or several with their lengths before them.

    Lengths may be varints (protobuf's delimited streams) or 4 bytes, big-endian (the
    collector's file exporter).
    """
    decoder = _Decoder(data, source, None)
    for start, end in _messages(data) or [(0, len(data))]:
        decoder.message(start, end)
    return decoder.finish()


def decode(data: bytes, source: str = "body", max_spans: int | None = None) -> Decoded:
    """The spans of one ExportTraceServiceRequest.

    `source` names the input in messages. Raises InputError if the bytes are no such message
    at its outer levels, TooLargeError if it holds more than `max_spans` spans,
    scopes and resources.
    """
    decoder = _Decoder(data, source, max_spans)
    decoder.message(0, len(data))
    return decoder.finish()


def _messages(data: bytes) -> list[tuple[int, int]]:
    """Where the messages of a file stand; empty if it is none of this format."""
    if _is_request(data, 0, len(data)):
        return [(0, len(data))]
    for read_length in (read_varint, _read_big_endian):
        messages = []
        position = 0
        try:
            while position < len(data):
                length, start = read_length(data, position, len(data))
                position = start + length
                if position > len(data) or not _is_request(data, start, position):
                    break
                messages.append((start, position))
            else:
                return messages
        except WireError:
            continue
    return []


def _read_big_endian(data: bytes, position: int, end: int) -> tuple[int, int]:
    return int.from_bytes(data[position : position + 4]), position + 4


def _is_request(data: bytes, start: int, end: int) -> bool:
    """Whether the bytes are, at their outer levels, an ExportTraceServiceRequest with content."""
    try:
        outer = list(fields(data, start, end))
        return bool(outer) and all(
            found.number == 1
            and found.wire_type == LENGTH
            and all(
                inner.number in _RESOURCE_SPANS_FIELDS and inner.wire_type == LENGTH
                for inner in fields(data, found.value_start, found.end)
            )
            for found in outer
        )
    except WireError:
        return False


class _Decoder:
    def __init__(self, data: bytes, source: str, max_spans: int | None) -> None:
        self._columns = SpanColumns()
        self._rejected = Rejections()
        self._data = data
        self._source = source
        self._max_spans = max_spans
        self._count = 0

    def message(self, start: int, end: int) -> None:
        """Add the spans of the ExportTraceServiceRequest that stands at data[start:end]."""
        try:
            for found in self._fields(start, end):
                if found.number == 1 and found.wire_type == LENGTH:
                    self._resource_spans(found)
        except WireError as error:
            raise InputError(
                f"{self._source}: not an OTLP trace export in protobuf: {error}; an"
                " ExportTraceServiceRequest is expected"
            ) from error

    def finish(self) -> Decoded:
        return Decoded(self._columns.table(), self._rejected)

    def _resource_spans(self, outer: WireField) -> None:
        context, schema_url, scopes = None, "", []
        for found in self._fields(outer.value_start, outer.end):
            if found.wire_type != LENGTH:
                continue
            if found.number == _CONTEXT:
                context = found
            elif found.number == _CHILDREN:
                scopes.append(found)
            elif found.number == _SCHEMA_URL:
                schema_url = self._text(found)
        try:
            message: Any = self._message(resource_pb2.Resource, context)
            resource = Resource(_attributes(message.attributes), schema_url)
        except (SpanError, WireError) as error:
            for scope in scopes:
                self._reject_all(scope, f"its resource: {error}", error)
            return
        for scope in scopes:
            self._scope_spans(scope, resource)

    def _scope_spans(self, outer: WireField, resource: Resource) -> None:
        context, schema_url, runs = self._scope_parts(outer)
        try:
            message: Any = self._message(InstrumentationScope, context)
            scope = Scope(
                resource,
                message.name,
                message.version,
                _attributes(message.attributes),
                schema_url,
            )
        except (SpanError, WireError) as error:
            self._reject_all(outer, f"its scope: {error}", error)
            return
        for start, end in runs:
            self._run(start, end, scope)

    def _scope_parts(self, outer: WireField) -> tuple[WireField | None, str, list[tuple[int, int]]]:
        """Scope, schema URL, and the stretches of bytes that hold nothing but span fields."""
        context, schema_url = None, ""
        runs: list[tuple[int, int]] = []
        run_start = run_end = run_spans = 0
        for found in self._fields(outer.value_start, outer.end):
            if found.wire_type != LENGTH:
                continue
            if found.number == _CHILDREN:
                if self._is_too_large(found):
                    continue
                adjacent = found.start == run_end and run_spans < _RUN_SPANS
                if not (adjacent and found.end - run_start <= _RUN_BYTES):
                    if run_spans:
                        runs.append((run_start, run_end))
                    run_start, run_spans = found.start, 0
                run_end = found.end
                run_spans += 1
            elif found.number == _CONTEXT:
                context = found
            elif found.number == _SCHEMA_URL:
                schema_url = self._text(found)
        if run_spans:
            runs.append((run_start, run_end))
        return context, schema_url, runs

    def _fields(self, start: int, end: int) -> Iterator[WireField]:
        """The fields of one of the outer levels, counted before anything is made of them."""
        for found in fields(self._data, start, end):
            self._count += 1
            if self._max_spans is not None and self._count > self._max_spans:
                raise TooLargeError(
                    f"{self._source}: more than {self._max_spans} spans, scopes and resources in"
                    " one request; send smaller batches"
                )
            yield found

    def _is_too_large(self, span: WireField) -> bool:
        """Whether a span is too large to be kept; then it is rejected here."""
        try:
            _check_size(span)
        except SpanError as error:
            self._reject(error, f"span at byte {span.start}")
            return True
        return False

    def _run(self, start: int, end: int, scope: Scope) -> None:
        try:
            run = trace_pb2.ScopeSpans.FromString(self._data[start:end])
        except DecodeError:
            for found in fields(self._data, start, end):
                self._broken_run_span(found, scope)
            return
        for span in run.spans:
            self._add(span, scope)

    def _broken_run_span(self, found: WireField, scope: Scope) -> None:
        try:
            span = self._message(trace_pb2.Span, found)
        except (SpanError, WireError) as error:
            self._reject(error, f"span at byte {found.start}")
            return
        self._add(span, scope)

    def _add(self, span: Any, scope: Scope) -> None:
        try:
            self._columns.add(_span(span, scope))
        except SpanError as error:
            self._reject(error, f"span {span.span_id.hex() or 'without id'}")
            return
        if isinstance(span, LooseMessage):
            self._rejected.repaired += span.repaired

    def _reject(self, error: Exception, where: str, detail: str | None = None) -> None:
        reason = error.reason if isinstance(error, SpanError) else "malformed_span"
        self._rejected.add(reason, f"{self._source}: {where}", detail or str(error))

    def _reject_all(self, outer: WireField, detail: str, error: Exception) -> None:
        """Reject every span of a scope that cannot be read without its resource or scope."""
        for found in fields(self._data, outer.value_start, outer.end):
            if found.number == _CHILDREN and found.wire_type == LENGTH:
                self._reject(error, f"span at byte {found.start}", detail)

    def _message(self, kind: type[Message], found: WireField | None) -> Message | LooseMessage:
        if found is None:
            return kind()
        _check_size(found)
        try:
            return kind.FromString(self._data[found.value_start : found.end])
        except DecodeError:
            return LooseMessage(kind.DESCRIPTOR, self._data, found.value_start, found.end)

    def _text(self, found: WireField) -> str:
        return self._data[found.value_start : found.end].decode(errors="replace")


def _check_size(found: WireField) -> None:
    """A message of megabytes can hold millions of empty ones, each of them an object."""
    if found.end - found.value_start > _MAX_MESSAGE:
        raise SpanError(
            "too_large",
            f"{found.end - found.value_start} bytes in one span, scope or resource;"
            f" {_MAX_MESSAGE} are kept",
        )


def _span(span: Any, scope: Scope) -> Span:
    status = span.status
    return Span(
        scope,
        span.trace_id,
        span.span_id,
        span.parent_span_id,
        span.trace_state,
        span.flags,
        span.name,
        span.kind,
        span.start_time_unix_nano,
        span.end_time_unix_nano,
        status.code,
        status.message,
        _attributes(span.attributes),
        [
            Event(
                event.time_unix_nano,
                event.name,
                _attributes(event.attributes),
                event.dropped_attributes_count,
            )
            for event in span.events
        ],
        [
            Link(
                link.trace_id,
                link.span_id,
                link.trace_state,
                _attributes(link.attributes),
                link.dropped_attributes_count,
                link.flags,
            )
            for link in span.links
        ],
        span.dropped_attributes_count,
        span.dropped_events_count,
        span.dropped_links_count,
    )


def _attributes(pairs: Sequence[Any]) -> Attributes:
    if not pairs:
        return NO_ATTRIBUTES
    keys, texts, letters = [], [], []
    for pair in pairs:
        value = pair.value
        which = value.WhichOneof("value")
        if which == "string_value":
            text, letter = value.string_value, "s"
        elif which == "int_value":
            text, letter = str(value.int_value), "i"
        else:
            text, letter = spans.encode_value(_python_value(value, which))
        keys.append(pair.key)
        texts.append(text)
        letters.append(letter)
    return attributes(keys, texts, letters)


def _python_value(value: Any, which: str | None) -> Any:
    """The value as Python has it. Nesting is bounded: by upb, or by LooseMessage."""
    match which:
        case "string_value" | "bool_value" | "int_value" | "double_value" | "bytes_value":
            return getattr(value, which)
        case "array_value":
            return _list(value.array_value.values)
        case "kvlist_value":
            return {
                pair.key: _python_value(pair.value, pair.value.WhichOneof("value"))
                for pair in value.kvlist_value.values
            }
    return None


def _list(values: Iterable[Any]) -> list[Any]:
    return [_python_value(item, item.WhichOneof("value")) for item in values]
