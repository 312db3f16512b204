"""OTLP/protobuf: an export request of traces, logs or metrics, which on the wire is also
TracesData, LogsData or MetricsData.

The borders of resources, scopes and items are found first; upb then decodes a run of spans or
log records at a time, and metrics point by point. A run that it refuses is decoded item by item,
and what it refuses of those by `wire.LooseMessage`, so that one broken item costs only itself,
and a body that is small but names millions of items never becomes millions of objects.

https://github.com/open-telemetry/opentelemetry-proto
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Final

from google.protobuf.message import DecodeError, Message
from opentelemetry.proto.common.v1.common_pb2 import InstrumentationScope
from opentelemetry.proto.logs.v1 import logs_pb2
from opentelemetry.proto.metrics.v1 import metrics_pb2
from opentelemetry.proto.resource.v1 import resource_pb2
from opentelemetry.proto.trace.v1 import trace_pb2

from hopwatch.errors import InputError
from hopwatch.formats.columns import Resource, Scope
from hopwatch.formats.decoded import Contents, Decoded, ItemError
from hopwatch.formats.otlp_protobuf_outline import (
    CHILDREN,
    CONTEXT,
    DATA_POINTS,
    METRIC_DATA,
    RESOURCES,
    SCHEMA_URL,
    children,
    messages,
    signal_of,
)
from hopwatch.formats.otlp_protobuf_rows import (
    POINTS,
    log_row,
    metric_of,
    read_attributes,
    span_row,
)
from hopwatch.formats.sink import Sink
from hopwatch.formats.wire import (
    LENGTH,
    LooseMessage,
    WireError,
    WireField,
    fields,
)
from hopwatch.signals import LOGS, METRICS, SPANS, Signal

NAME: Final = "OTLP/protobuf"

_RUN_ITEMS: Final = 1024
_RUN_BYTES: Final = 1 << 20
_MAX_MESSAGE: Final = 4 << 20


@dataclass(frozen=True, slots=True)
class _RunType:
    """Items that are decoded a run at a time."""

    scope: type[Any]
    items: str
    item: type[Message]
    row: Callable[[Any, Scope], Any]


_RUNS: Final = {
    SPANS: _RunType(trace_pb2.ScopeSpans, "spans", trace_pb2.Span, span_row),
    LOGS: _RunType(logs_pb2.ScopeLogs, "log_records", logs_pb2.LogRecord, log_row),
}


def recognises(data: bytes) -> bool:
    """Whether `data` is, at its outer levels, one or several export requests."""
    return bool(messages(data).places)


def decode(
    data: bytes, source: str = "body", *, signal: Signal = SPANS, max_items: int | None = None
) -> Decoded:
    """The rows of one export request of `signal`.

    `source` names the input in messages. Raises InputError if the bytes are no such message
    at its outer levels, TooLargeError if it holds more than `max_items` items, scopes and
    resources.
    """
    sink = Sink(signal, source, max_items)
    _reader(data, sink).message(0, len(data))
    return sink.finish()


def decode_file(data: bytes, source: str) -> Contents:
    """What a file holds: one message, or several with their lengths before them (`frames`).

    A message that is broken or cut off is read as far as it goes, and counted.
    """
    sinks: dict[Signal, Sink] = {}
    contents = Contents()
    places, cut_off = messages(data)
    for start, end in places or [(0, len(data))]:
        signal = signal_of(data, start, end)
        sink = sinks.setdefault(signal, Sink(signal, source))
        try:
            _reader(data, sink).message(start, end)
        except InputError as error:
            if len(places) < 2:
                raise
            detail = str(error).removeprefix(f"{source}: ")
            contents.unreadable.add("invalid_message", f"{source}: byte {start}", detail)
    if cut_off is not None:
        contents.unreadable.add("cut_off_file", source, cut_off)
    for signal, sink in sinks.items():
        contents.add(signal, sink.finish())
    return contents


def _reader(data: bytes, sink: Sink) -> _Reader:
    return _MetricReader(data, sink) if sink.signal is METRICS else _RunReader(data, sink)


class _Reader(ABC):
    """Walks through the resources and scopes of one request."""

    def __init__(self, data: bytes, sink: Sink) -> None:
        self._data = data
        self._sink = sink

    def message(self, start: int, end: int) -> None:
        """Read the export request that stands at data[start:end]."""
        try:
            for found in self._fields(start, end):
                if found.number == RESOURCES and found.wire_type == LENGTH:
                    self._resource(found)
        except WireError as error:
            raise InputError(
                f"{self._sink.source}: not an OTLP export of {self._sink.signal.otlp} in"
                f" protobuf: {error}"
            ) from error

    @abstractmethod
    def _run(self, start: int, end: int, scope: Scope) -> None:
        """Read items of a scope that stand side by side."""

    @abstractmethod
    def _rows_in(self, item: WireField) -> int:
        """How many rows an item stands for that cannot be read."""

    def _resource(self, outer: WireField) -> None:
        context, schema_url, scopes = None, "", []
        for found in self._fields(outer.value_start, outer.end):
            if found.wire_type != LENGTH:
                continue
            if found.number == CONTEXT:
                context = found
            elif found.number == CHILDREN:
                scopes.append(found)
            elif found.number == SCHEMA_URL:
                schema_url = self._text(found)
        try:
            message: Any = self._message(resource_pb2.Resource, context)
            resource = Resource(read_attributes(message.attributes), schema_url)
        except (ItemError, WireError) as error:
            for scope in scopes:
                self._reject_all(scope, f"its resource: {error}", error)
            return
        for scope in scopes:
            self._scope(scope, resource)

    def _scope(self, outer: WireField, resource: Resource) -> None:
        context, schema_url, runs = self._scope_parts(outer)
        try:
            message: Any = self._message(InstrumentationScope, context)
            scope = Scope(
                resource,
                message.name,
                message.version,
                read_attributes(message.attributes),
                schema_url,
            )
        except (ItemError, WireError) as error:
            self._reject_all(outer, f"its scope: {error}", error)
            return
        for start, end in runs:
            self._run(start, end, scope)

    def _scope_parts(self, outer: WireField) -> tuple[WireField | None, str, list[tuple[int, int]]]:
        """A scope's own message, its schema URL, and the runs of adjacent items in it, which
        are bytes that hold nothing but item fields."""
        context, schema_url = None, ""
        runs: list[tuple[int, int]] = []
        run_start = run_end = run_items = 0
        for found in self._fields(outer.value_start, outer.end):
            if found.wire_type != LENGTH:
                continue
            if found.number == CHILDREN:
                adjacent = found.start == run_end and run_items < _RUN_ITEMS
                if not (adjacent and found.end - run_start <= _RUN_BYTES):
                    if run_items:
                        runs.append((run_start, run_end))
                    run_start, run_items = found.start, 0
                run_end = found.end
                run_items += 1
            elif found.number == CONTEXT:
                context = found
            elif found.number == SCHEMA_URL:
                schema_url = self._text(found)
        if run_items:
            runs.append((run_start, run_end))
        return context, schema_url, runs

    def _fields(self, start: int, end: int) -> Iterator[WireField]:
        """The fields of one of the outer levels, counted before anything is made of them."""
        for found in fields(self._data, start, end):
            self._sink.count()
            yield found

    def _reject_all(self, outer: WireField, detail: str, error: Exception) -> None:
        """Reject every item of a scope that cannot be read without its resource or scope."""
        for item in children(self._data, outer.value_start, outer.end, CHILDREN):
            self._reject(error, item, detail)

    def _reject(self, error: Exception, item: WireField, detail: str | None = None) -> None:
        where = f"{self._sink.signal.item} at byte {item.start}"
        self._sink.reject(error, where, detail=detail, count=self._rows_in(item))

    def _message(self, kind: type[Message], found: WireField | None) -> Message | LooseMessage:
        if found is None:
            return kind()
        _check_size(found.end - found.value_start)
        return _decoded(kind, self._data, found.value_start, found.end)

    def _text(self, found: WireField) -> str:
        return self._data[found.value_start : found.end].decode(errors="replace")

    def _add(self, row: Any, *messages: Any) -> None:
        """Put a row that was made of these messages into the sink."""
        self._sink.add(row)
        self._sink.rejected.repaired += any(
            isinstance(message, LooseMessage) and message.repaired for message in messages
        )


class _RunReader(_Reader):
    """Spans and log records, which upb decodes many at a time."""

    def __init__(self, data: bytes, sink: Sink) -> None:
        super().__init__(data, sink)
        self._type = _RUNS[sink.signal]

    def _run(self, start: int, end: int, scope: Scope) -> None:
        try:
            _check_size(end - start)
            run = self._type.scope.FromString(self._data[start:end])
        except (ItemError, DecodeError):
            for found in fields(self._data, start, end):
                self._broken_run_item(found, scope)
            return
        for item in getattr(run, self._type.items):
            self._item(item, scope)

    def _rows_in(self, item: WireField) -> int:
        return 1

    def _broken_run_item(self, found: WireField, scope: Scope) -> None:
        try:
            item = self._message(self._type.item, found)
        except (ItemError, WireError) as error:
            self._reject(error, found)
            return
        self._item(item, scope)

    def _item(self, item: Any, scope: Scope) -> None:
        try:
            self._add(self._type.row(item, scope), item)
        except ItemError as error:
            where = f"{self._sink.signal.item} {item.span_id.hex() or 'without id'}"
            self._sink.reject(error, where)


class _MetricReader(_Reader):
    """Metrics, each of which may have many data points: these are what is counted and kept."""

    def _run(self, start: int, end: int, scope: Scope) -> None:
        for found in fields(self._data, start, end):
            try:
                self._metric(found, scope)
            except (ItemError, WireError) as error:
                self._reject(error, found)

    def _rows_in(self, item: WireField) -> int:
        """The data points of a metric that cannot be read; at least 1."""
        try:
            return max(1, sum(1 for _ in self._points(item)))
        except WireError:
            return 1

    def _points(self, item: WireField) -> Iterator[WireField]:
        for found in fields(self._data, item.value_start, item.end):
            if found.number in METRIC_DATA and found.wire_type == LENGTH:
                yield from children(self._data, found.value_start, found.end, DATA_POINTS)

    def _metric(self, item: WireField, scope: Scope) -> None:
        kind, head, data, points = self._split(item)
        metric = metric_of(head, data, kind)
        point_type, row = POINTS[kind]
        for found in points:
            try:
                point = self._message(point_type, found)
                self._add(row(point, scope, metric), point, head)
            except (ItemError, WireError) as error:
                name = ascii(metric.name)[1:-1][:60]
                self._sink.reject(error, f"data point at byte {found.start} of metric {name}")

    def _split(self, item: WireField) -> tuple[str, Any, Any, list[WireField]]:
        """A metric's kind, its own message and that of its data, both without the data points,
        and these. Of several kinds of data (OTLP forbids them) the last one counts."""
        kind = ""
        head, data = bytearray(), bytearray()
        points: list[WireField] = []
        for found in fields(self._data, item.value_start, item.end):
            if found.number not in METRIC_DATA or found.wire_type != LENGTH:
                head += self._data[found.start : found.end]
                continue
            if kind != METRIC_DATA[found.number]:
                kind = METRIC_DATA[found.number]
                data.clear()
                points.clear()
            for inner in self._fields(found.value_start, found.end):
                if inner.number == DATA_POINTS and inner.wire_type == LENGTH:
                    points.append(inner)
                else:
                    data += self._data[inner.start : inner.end]
        if not kind:
            raise ItemError("malformed", f"a metric without any of {', '.join(POINTS)}")
        _check_size(len(head) + len(data))
        data_type: Any = metrics_pb2.Metric.DESCRIPTOR.fields_by_name[kind].message_type
        return (
            kind,
            _decoded(metrics_pb2.Metric, bytes(head), 0, len(head)),
            _decoded(data_type._concrete_class, bytes(data), 0, len(data)),
            points,
        )


def _decoded(kind: type[Message], data: bytes, start: int, end: int) -> Message | LooseMessage:
    try:
        return kind.FromString(data[start:end])
    except DecodeError:
        return LooseMessage(kind.DESCRIPTOR, data, start, end)


def _check_size(size: int) -> None:
    """A message of megabytes can hold millions of empty ones, each of them an object."""
    if size > _MAX_MESSAGE:
        raise ItemError(
            "too_large",
            f"{size} bytes in one item, scope or resource; {_MAX_MESSAGE} are kept",
        )
