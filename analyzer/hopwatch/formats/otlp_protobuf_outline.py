"""OTLP/protobuf from the outside: where the messages of a file stand, and their signals."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from opentelemetry.proto.metrics.v1 import metrics_pb2

from hopwatch.formats.frames import Frames, delimited, prefixed
from hopwatch.formats.wire import (
    FIXED32,
    FIXED64,
    LENGTH,
    VARINT,
    WireError,
    WireField,
    fields,
)
from hopwatch.metrics import TYPES
from hopwatch.signals import LOGS, METRICS, SPANS, Signal

# Field numbers that the messages of all signals have in common: TracesData, ResourceSpans,
# ScopeSpans and their likes.
RESOURCES: Final = 1  # resource_spans
CONTEXT: Final = 1  # resource, scope
CHILDREN: Final = 2  # scope_spans, spans
SCHEMA_URL: Final = 3
_RESOURCE_FIELDS: Final = (CONTEXT, CHILDREN, SCHEMA_URL, 1000)  # 1000: reserved

# Field numbers of Metric and of what it holds.
METRIC_DATA: Final = {
    metrics_pb2.Metric.DESCRIPTOR.fields_by_name[name].number: name for name in TYPES
}
DATA_POINTS: Final = 1

_OF_LOG_RECORDS: Final = {(1, FIXED64), (11, FIXED64), (2, VARINT), (8, FIXED32)}
_OF_SPANS: Final = {(7, FIXED64), (8, FIXED64), (6, VARINT), (16, FIXED32)}
_OF_METRICS: Final = {(number, LENGTH) for number in METRIC_DATA}


def messages(data: bytes) -> Frames:
    """Where the export requests of a file stand: one, or several with their lengths before
    them; none if the first is no export request. Of one that is cut off, what is whole of it."""
    whole = _whole(data, 0, len(data))
    if whole == len(data):
        return Frames([(0, whole)], None)
    for found in (delimited(data), prefixed(data)):
        if found.places and _is_request(data, *found.places[0]):
            return found
    if whole:
        return Frames([(0, whole)], f"the message breaks off behind byte {whole}")
    return Frames([], None)


def _is_request(data: bytes, start: int, end: int) -> bool:
    """Whether the bytes are, at their outer levels, an export request with content."""
    return start < _whole(data, start, end) == end


def _whole(data: bytes, start: int, end: int) -> int:
    """Where the bytes stop being, at their outer levels, an export request: `start` if they are
    none, else behind a resource."""
    position = start
    try:
        for found in fields(data, start, end):
            if found.number != RESOURCES or found.wire_type != LENGTH:
                break
            inside = fields(data, found.value_start, found.end)
            if any(
                inner.number not in _RESOURCE_FIELDS or inner.wire_type != LENGTH
                for inner in inside
            ):
                break
            position = found.end
    except WireError:
        pass
    return position


def signal_of(data: bytes, start: int, end: int) -> Signal:
    """What the items of the export request at data[start:end] are; spans if none can tell.

    The outer levels are the same for all signals. A span has its times at 7 and 8, a log record
    at 1 and 11; a metric has only texts and messages, and its data at 5, 7, 9, 10 or 11.
    """
    for item in _items(data, start, end):
        try:
            inside = fields(data, item.value_start, item.end)
            found = {(field.number, field.wire_type) for field in inside}
        except WireError:
            continue  # counted when it is decoded
        if found & _OF_LOG_RECORDS:
            return LOGS
        if found & _OF_SPANS:
            return SPANS
        if found & _OF_METRICS:
            return METRICS
    return SPANS


def children(data: bytes, start: int, end: int, number: int) -> Iterator[WireField]:
    """The messages at field `number` of the message at data[start:end]."""
    for found in fields(data, start, end):
        if found.number == number and found.wire_type == LENGTH:
            yield found


def _items(data: bytes, start: int, end: int) -> Iterator[WireField]:
    try:
        for resource in children(data, start, end, RESOURCES):
            for scope in children(data, resource.value_start, resource.end, CHILDREN):
                yield from children(data, scope.value_start, scope.end, CHILDREN)
    except WireError:
        return  # said when it is decoded
