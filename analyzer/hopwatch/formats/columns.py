"""Span rows to the Arrow span table. Every decoder ends here, so that one span has one form
and one set of checks whatever format it came in.

Resources and scopes repeat from span to span: spans share the objects, and their columns are
made once and gathered. Spans become Arrow a chunk at a time, which takes a tenth of the memory.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import accumulate, chain
from typing import Any, Final, NamedTuple

import pyarrow as pa

from hopwatch import spans
from hopwatch.formats.decoded import SpanError

MAX_TIME: Final = 2**63
"""Times from here on do not fit a signed 64-bit nanosecond count (the year 2262)."""
MAX_NESTING: Final = 64
"""Arrays and kvlists inside each other in one attribute value."""


class Attributes(NamedTuple):
    """An attribute map as parallel columns; `types` as in `spans.ATTRIBUTE_TYPES`."""

    keys: Sequence[str]
    texts: Sequence[str]
    types: str


NO_ATTRIBUTES: Final = Attributes((), (), "")


def attributes(keys: list[str], texts: list[str], letters: list[str]) -> Attributes:
    """An attribute map; of a repeated key (OTLP forbids them) the last value counts."""
    if len(set(keys)) != len(keys):
        last = {key: position for position, key in enumerate(keys)}
        keys = list(last)
        texts = [texts[position] for position in last.values()]
        letters = [letters[position] for position in last.values()]
    return Attributes(keys, texts, "".join(letters))


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


class Resource(NamedTuple):
    attributes: Attributes
    schema_url: str


class Scope(NamedTuple):
    resource: Resource
    name: str
    version: str
    attributes: Attributes
    schema_url: str


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


_CHUNK: Final = 8192
_NO_TRACE: Final = bytes(16)
_NO_SPAN: Final = bytes(8)


class SpanColumns:
    """Gathers spans, then gives them as one table."""

    def __init__(self) -> None:
        self._spans: list[Span] = []
        self._chunks: list[pa.Table] = []

    def add(self, span: Span) -> None:
        """Keep a span. Raises SpanError, and keeps nothing of it, if it cannot be stored."""
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
                raise SpanError(
                    "time_out_of_range", f"event time {event.time_unix_nano} is beyond 2^63 ns"
                )
        self._spans.append(span)
        if len(self._spans) == _CHUNK:
            self._end_chunk()

    def table(self) -> pa.Table:
        """All spans that were added, in that order."""
        self._end_chunk()
        return spans.concat(self._chunks)

    def _end_chunk(self) -> None:
        if self._spans:
            self._chunks.append(_table(self._spans))
            self._spans = []


def _table(rows: list[Span]) -> pa.Table:
    columns = dict(zip(Span._fields, zip(*rows, strict=True), strict=True))
    scopes, scope_of = _distinct(columns["scope"])
    resources, resource_of = _distinct([scope.resource for scope in scopes])
    arrays = _span_arrays(columns)
    for name, array in _scope_arrays(scopes).items():
        arrays[name] = array.take(scope_of)
    for name, array in _resource_arrays(resources).items():
        arrays[name] = array.take(resource_of.take(scope_of))
    return pa.Table.from_arrays(
        [_fit(arrays[field.name], field.type) for field in spans.SCHEMA], schema=spans.SCHEMA
    )


def _distinct(objects: Sequence[Any]) -> tuple[list[Any], pa.Array]:
    """The different objects (by identity), and for each place which of them stands there."""
    by_id = {id(item): item for item in objects}
    place = {key: position for position, key in enumerate(by_id)}
    return list(by_id.values()), pa.array([place[id(item)] for item in objects], pa.int32())


def _scope_arrays(scopes: list[Scope]) -> dict[str, pa.Array]:
    maps = [scope.attributes for scope in scopes]
    return {
        "scope_name": _texts(scope.name for scope in scopes),
        "scope_version": _texts(scope.version for scope in scopes),
        "scope_attributes": _maps(maps),
        "scope_attribute_types": pa.array([map_.types for map_ in maps], pa.string()),
        "schema_url": _texts(scope.schema_url for scope in scopes),
    }


def _resource_arrays(resources: list[Resource]) -> dict[str, pa.Array]:
    maps = [resource.attributes for resource in resources]
    found = [dict(zip(map_.keys, map_.texts, strict=True)) for map_ in maps]
    promoted = {
        column: _texts(values.get(key, "") for values in found)
        for key, column in spans.PROMOTED.items()
    }
    return {
        **promoted,
        "resource_attributes": _maps(maps),
        "resource_attribute_types": pa.array([map_.types for map_ in maps], pa.string()),
        "resource_schema_url": _texts(resource.schema_url for resource in resources),
    }


def too_deep() -> SpanError:
    """The error for an attribute value that is nested deeper than hopwatch keeps."""
    return SpanError(
        "nesting_too_deep", f"an attribute value is nested deeper than {MAX_NESTING} levels"
    )


def _id_error(which: str, value: bytes, length: int) -> SpanError:
    said = "all zeros" if len(value) == length else f"{len(value)} bytes long, not {length}"
    return SpanError(f"invalid_{which}_id", f"the {which.replace('_', ' ')} id is {said}")


def _time_error(start: int, end: int) -> SpanError:
    for which, time in (("start", start), ("end", end)):
        if time == 0:
            return SpanError(f"missing_{which}_time", f"the span has no {which} time")
        if not 0 < time < MAX_TIME:
            return SpanError("time_out_of_range", f"{which} time {time} is not within 0..2^63 ns")
    raise AssertionError("both times are in range")


def _span_arrays(columns: dict[str, tuple[Any, ...]]) -> dict[str, pa.Array]:
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
        "trace_state": _texts(columns["trace_state"]),
        "name": pa.array(columns["name"], pa.string()),
        "kind": _enum(columns["kind"], spans.KINDS),
        "start_time_unix_nano": start,
        "duration_nano": pa.array(duration, pa.int64()),
        "status_code": _enum(columns["status_code"], spans.STATUS_CODES),
        "status_message": _texts(columns["status_message"]),
        "span_attributes": _maps(columns["attributes"]),
        "span_attribute_types": pa.array([map_.types for map_ in columns["attributes"]]),
        "events": _events(columns["events"]),
        "links": _links(columns["links"]),
        **{name: pa.array(columns[name], pa.uint32()) for name in plain},
    }


def _fit(array: pa.Array, target: pa.DataType) -> pa.Array:
    if pa.types.is_dictionary(target) and not pa.types.is_dictionary(array.type):
        return array.dictionary_encode()
    return array


def _texts(values: Iterable[str]) -> pa.Array:
    """Optional text: what is not set is null."""
    return pa.array([value or None for value in values], pa.string())


def _enum(numbers: Iterable[int], names: tuple[str, ...]) -> pa.Array:
    """Names of enum numbers; a number that OTLP does not define counts as 0, the unset one."""
    known = range(len(names))
    return pa.DictionaryArray.from_arrays(
        pa.array([number if number in known else 0 for number in numbers], pa.int32()),
        pa.array(names, pa.string()),
    )


def _offsets(lists: Sequence[Sequence[Any]]) -> pa.Array:
    return pa.array(accumulate(map(len, lists), initial=0), pa.int32())


def _maps(maps: Sequence[Attributes]) -> pa.Array:
    keys = [map_.keys for map_ in maps]
    texts = chain.from_iterable(map_.texts for map_ in maps)
    return pa.MapArray.from_arrays(
        _offsets(keys),
        pa.array(chain.from_iterable(keys), pa.string()),
        pa.array(texts, pa.string()),
    )


def _structs(rows: list[Any], row_type: type[Any], target: pa.StructType) -> pa.Array:
    """A struct column of Event or Link rows, their attributes spread to map and types."""
    columns = dict(zip(row_type._fields, zip(*rows, strict=True), strict=True)) if rows else {}
    maps = columns.get("attributes", ())
    arrays = []
    for child in target:
        if child.name == "attributes":
            arrays.append(_maps(maps))
        elif child.name == "attribute_types":
            arrays.append(pa.array([map_.types for map_ in maps], pa.string()))
        else:
            arrays.append(pa.array(columns.get(child.name, ()), child.type))
    return pa.StructArray.from_arrays(arrays, fields=list(target))


def _events(lists: Sequence[Sequence[Event]]) -> pa.Array:
    rows = list(chain.from_iterable(lists))
    return pa.ListArray.from_arrays(_offsets(lists), _structs(rows, Event, spans.EVENT))


def _links(lists: Sequence[Sequence[Link]]) -> pa.Array:
    rows = list(chain.from_iterable(lists))
    return pa.ListArray.from_arrays(_offsets(lists), _structs(rows, Link, spans.LINK))
