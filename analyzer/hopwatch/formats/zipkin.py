"""Zipkin: lists of spans, or of traces, as its HTTP API answers and its UI downloads, and one span
a line; version 2, and version 1 by way of `zipkin_v1`.

What becomes of it: `localEndpoint` is the resource, `remoteEndpoint` the peer, annotations are
events, tags attributes (those that exporters took from a resource go back there). A server that
shares its client's id keeps it, for attribution to tell the two apart. Reports of one span in
pieces become one span (`zipkin_parts`).

A span without a start is left out (`missing_start_time`), and so is one without a duration
(`missing_end_time`): nobody knows how long it took, or whether it has ended. But for messages,
which Zipkin reports as moments: of these the end is the start.

https://zipkin.io/zipkin-api/
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from hopwatch import semconv, spans
from hopwatch.formats import ids
from hopwatch.formats.columns import NO_ATTRIBUTES
from hopwatch.formats.decoded import Contents, ItemError
from hopwatch.formats.documents import Document
from hopwatch.formats.lenient_json import get_bool, get_object, get_objects, get_text, repaired
from hopwatch.formats.scopes import Scopes, attributes_of, is_of_resource
from hopwatch.formats.sink import Sink
from hopwatch.formats.span_rows import Event, Span
from hopwatch.formats.tag_fields import take_fields
from hopwatch.formats.times import US, get_time
from hopwatch.formats.zipkin_parts import Endpoint, Part, whole
from hopwatch.formats.zipkin_v1 import is_v1, to_v2
from hopwatch.signals import SPANS

NAME: Final = "Zipkin"

_KINDS: Final = {name: number for number, name in enumerate(spans.KINDS)}
_PEER: Final = ("service.peer.name", "network.peer.address", "network.peer.port")
_MESSAGES: Final = ("PRODUCER", "CONSUMER")


def recognises(value: Any) -> bool:
    """Whether a JSON value is a span of Zipkin."""
    return (
        isinstance(value, dict)
        and isinstance(value.get("traceId"), str)
        and isinstance(value.get("id"), str)
    )


def reader(source: str) -> Reader:
    """A reader of the spans in a file."""
    return Reader(source)


class Reader:
    """Reads the spans of a file. What belongs together may stand anywhere in it, so rows are made
    at the end."""

    def __init__(self, source: str) -> None:
        self._sink = Sink(SPANS, source)
        self._scopes = Scopes()
        self._parts: list[Part] = []

    def read(self, item: Document) -> None:
        """Take in one span, or a piece of one; what cannot be kept of it is counted."""
        self._sink.source = item.source
        try:
            span = repaired(item.value) if item.repair else item.value
            if item.repair and span != item.value:
                self._sink.rejected.repaired += 1
            for version_2 in to_v2(span) if is_v1(span) else (span,):
                self._parts.append(_part(version_2, item.source))
        except ItemError as error:
            self._sink.reject(error, ids.label(item.value, "id"))

    def finish(self, contents: Contents) -> None:
        """Add all rows, and what was left out."""
        for part in whole(self._parts):
            try:
                self._sink.add(self._span(part))
            except ItemError as error:
                self._sink.source = part.source
                self._sink.reject(error, f"span {part.id.hex()}")
        contents.add(SPANS, self._sink.finish())

    def _span(self, part: Part) -> Span:
        tags = {key: value for key, value in part.tags.items() if not is_of_resource(key)}
        resource = {key: value for key, value in part.tags.items() if key not in tags}
        said = take_fields(tags)
        for key in semconv.IMPLIED.keys() & tags.keys():
            tags.setdefault(*semconv.IMPLIED[key])
        if part.local.ip:
            resource["host.ip"] = part.local.ip
        if part.local.service:
            resource["service.name"] = part.local.service
        start = part.start or 0
        duration = 0 if part.duration is None and part.kind in _MESSAGES else part.duration
        return Span(
            self._scopes.of(attributes_of(resource.items()), said.scope_name, said.scope_version),
            part.trace_id,
            part.id,
            part.parent_id,
            said.trace_state,
            0,
            part.name,
            _KINDS.get(part.kind, said.kind),
            start,
            0 if duration is None else start + duration,
            said.status_code,
            said.status_message,
            attributes_of([*_peer(part.remote), *tags.items()]),
            [Event(time, text, NO_ATTRIBUTES, 0) for time, text in part.annotations],
            (),
            0,
            0,
            0,
        )


def _part(span: dict[str, Any], source: str) -> Part:
    tags = get_object(span, "tags")
    kind = get_text(span, "kind").upper()
    if kind and kind not in _KINDS:
        tags = {"span.kind": kind, **tags}
    return Part(
        source=source,
        trace_id=ids.trace_id(span, "traceId"),
        id=ids.span_id(span, "id"),
        parent_id=ids.parent_id(span, "parentId"),
        name=get_text(span, "name"),
        kind=kind if kind in _KINDS else "",
        shared=get_bool(span, "shared"),
        start=get_time(span, "timestamp", US) or None,
        duration=get_time(span, "duration", US),
        local=_endpoint(get_object(span, "localEndpoint")),
        remote=_endpoint(get_object(span, "remoteEndpoint")),
        annotations=[
            (get_time(note, "timestamp", US) or 0, get_text(note, "value"))
            for note in get_objects(span, "annotations")
        ],
        tags=tags,
    )


def _endpoint(found: dict[str, Any]) -> Endpoint:
    port = found.get("port")
    return Endpoint(
        get_text(found, "serviceName"),
        get_text(found, "ipv4") or get_text(found, "ipv6"),
        str(port) if isinstance(port, (int, str)) and port else "",
    )


def _peer(remote: Endpoint) -> Iterator[tuple[str, str]]:
    return ((key, value) for key, value in zip(_PEER, remote, strict=True) if value)
