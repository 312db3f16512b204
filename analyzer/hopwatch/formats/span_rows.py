"""Spans as rows."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple

import pyarrow as pa

from hopwatch import spans
from hopwatch.formats.columns import (
    MAX_TIME,
    Attributes,
    Rows,
    RowType,
    Scope,
    attribute_arrays,
    enum,
    lists_of_structs,
    texts,
)
from hopwatch.formats.decoded import ItemError
from hopwatch.signals import SPANS


class Event(NamedTuple):
    time_unix_nano: int
    name: str
    attributes: Attributes
    dropped_attributes_count: int


class Link(NamedTuple):
    trace_id: bytes
    span_id: bytes
    trace_state: str
    attributes: Attributes
    dropped_attributes_count: int
    flags: int


class Span(NamedTuple):
    """A span as its format spelled it; times in nanoseconds since the epoch, 0: not set."""

    scope: Scope
    trace_id: bytes
    span_id: bytes
    parent_span_id: bytes
    trace_state: str
    flags: int
    name: str
    kind: int
    start_time_unix_nano: int
    end_time_unix_nano: int
    status_code: int
    status_message: str
    attributes: Attributes
    events: Sequence[Event]
    links: Sequence[Link]
    dropped_attributes_count: int
    dropped_events_count: int
    dropped_links_count: int


_NO_TRACE: Final = bytes(16)
_NO_SPAN: Final = bytes(8)


def _check(span: Span) -> None:
    if len(span.trace_id) != 16 or span.trace_id == _NO_TRACE:
        raise _id_error("trace", span.trace_id, 16)
    if len(span.span_id) != 8 or span.span_id == _NO_SPAN:
        raise _id_error("span", span.span_id, 8)
    if span.parent_span_id and len(span.parent_span_id) != 8:
        raise _id_error("parent_span", span.parent_span_id, 8)
    start, end = span.start_time_unix_nano, span.end_time_unix_nano
    if not 0 < start < MAX_TIME or not 0 < end < MAX_TIME:
        raise _time_error(start, end)
    for event in span.events:
        if not 0 <= event.time_unix_nano < MAX_TIME:
            raise ItemError(
                "time_out_of_range", f"event time {event.time_unix_nano} is beyond 2^63 ns"
            )


def _id_error(which: str, value: bytes, length: int) -> ItemError:
    said = "all zeros" if len(value) == length else f"{len(value)} bytes long, not {length}"
    return ItemError(f"invalid_{which}_id", f"the {which.replace('_', ' ')} id is {said}")


def _time_error(start: int, end: int) -> ItemError:
    for which, time in (("start", start), ("end", end)):
        if time == 0:
            return ItemError(f"missing_{which}_time", f"the span has no {which} time")
        if not 0 < time < MAX_TIME:
            return ItemError("time_out_of_range", f"{which} time {time} is not within 0..2^63 ns")
    raise AssertionError("both times are in range")


def _arrays(columns: Rows) -> dict[str, pa.Array]:
    start = pa.array(columns["start_time_unix_nano"], pa.int64())
    duration = [
        end - begin
        for begin, end in zip(
            columns["start_time_unix_nano"], columns["end_time_unix_nano"], strict=True
        )
    ]
    parents = [parent if parent != _NO_SPAN else b"" for parent in columns["parent_span_id"]]
    plain = ("flags", "dropped_attributes_count", "dropped_events_count", "dropped_links_count")
    return {
        "trace_id": pa.array(columns["trace_id"], pa.binary(16)),
        "span_id": pa.array(columns["span_id"], pa.binary(8)),
        "parent_span_id": pa.array([parent or None for parent in parents], pa.binary(8)),
        "trace_state": texts(columns["trace_state"]),
        "name": pa.array(columns["name"], pa.string()),
        "kind": enum(columns["kind"], spans.KINDS),
        "start_time_unix_nano": start,
        "duration_nano": pa.array(duration, pa.int64()),
        "status_code": enum(columns["status_code"], spans.STATUS_CODES),
        "status_message": texts(columns["status_message"]),
        **attribute_arrays("span", columns["attributes"]),
        "events": lists_of_structs(columns["events"], spans.EVENT),
        "links": lists_of_structs(columns["links"], spans.LINK),
        **{name: pa.array(columns[name], pa.uint32()) for name in plain},
    }


SPAN_ROWS: Final = RowType(SPANS, _check, _arrays)
