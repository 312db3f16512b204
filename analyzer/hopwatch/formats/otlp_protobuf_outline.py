"""OTLP/protobuf from the outside: where the messages of a file stand, and their signals."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from opentelemetry.proto.metrics.v1 import metrics_pb2

from hopwatch.formats.wire import (
    FIXED32,
    FIXED64,
    LENGTH,
    VARINT,
    WireError,
    WireField,
    fields,
    read_varint,
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


def messages(data: bytes) -> list[tuple[int, int]]:
    """Where the export requests of a file stand: one, or several with their lengths before
    them. Empty if there are none."""
    if _is_request(data, 0, len(data)):
        return [(0, len(data))]
    for read_length in (read_varint, _read_big_endian):
        found = []
        position = 0
        try:
            while position < len(data):
                length, start = read_length(data, position, len(data))
                position = start + length
                if position > len(data) or not _is_request(data, start, position):
                    break
                found.append((start, position))
            else:
                return found
        except WireError:
            continue
    return []


def _read_big_endian(data: bytes, position: int, end: int) -> tuple[int, int]:
    return int.from_bytes(data[position : position + 4]), position + 4


def _is_request(data: bytes, start: int, end: int) -> bool:
    """Whether the bytes are, at their outer levels, an export request with content."""
    try:
        outer = list(fields(data, start, end))
        return bool(outer) and all(
            found.number == RESOURCES
            and found.wire_type == LENGTH
            and all(
                inner.number in _RESOURCE_FIELDS and inner.wire_type == LENGTH
                for inner in fields(data, found.value_start, found.end)
            )
            for found in outer
        )
    except WireError:
        return False


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
