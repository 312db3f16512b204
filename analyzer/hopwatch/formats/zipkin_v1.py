"""Spans of Zipkin's version 1 as those of version 2.

A span of version 1 may hold both sides of a call. When a side sent and received stands in
annotations, each with the endpoint of its side:

    cs, cr   the client sent, received             ms, ws   the producer sent, it was on the wire
    sr, ss   the server received, sent             wr, mr   off the wire, the consumer received

Binary annotations are tags, but for `sa`, `ca` and `ma`, the addresses of server, client, broker.
"""

from __future__ import annotations

from typing import Any, Final, NamedTuple

from hopwatch.formats.lenient_json import get_objects, get_text
from hopwatch.formats.times import US, get_time


class _Side(NamedTuple):
    kind: str
    begin: str
    end: str
    address: str


_SIDES: Final = (
    _Side("CLIENT", "cs", "cr", "sa"),
    _Side("SERVER", "sr", "ss", "ca"),
    _Side("PRODUCER", "ms", "ws", "ma"),
    _Side("CONSUMER", "wr", "mr", "ma"),
)
_CORE: Final = frozenset(name for side in _SIDES for name in (side.begin, side.end))
_ADDRESSES: Final = frozenset(side.address for side in _SIDES)


def is_v1(span: dict[str, Any]) -> bool:
    """Whether a span is of version 1: its annotations say who made them."""
    notes = span.get("annotations")
    return "binaryAnnotations" in span or (
        isinstance(notes, list)
        and any(isinstance(note, dict) and "endpoint" in note for note in notes)
    )


def to_v2(span: dict[str, Any]) -> list[dict[str, Any]]:
    """The spans that a span of version 1 stands for: one for each side of it, or one of no side.
    Raises ItemError."""
    notes = get_objects(span, "annotations")
    binary = get_objects(span, "binaryAnnotations")
    core = {note["value"]: note for note in notes if note.get("value") in _CORE}
    addresses = {note.get("key"): note for note in binary if note.get("key") in _ADDRESSES}
    sides = [side for side in _SIDES if side.begin in core or side.end in core]
    made = [_of_side(span, side, core, addresses) for side in sides] or [
        _of_none(span, notes, binary)
    ]
    of_first = len(made) == 1 or made[0]["kind"] == "CLIENT"
    if of_first and span.get("duration") is not None and span.get("timestamp"):
        made[0] |= {"timestamp": span["timestamp"], "duration": span["duration"]}
    if len(made) > 1:
        for second in made[1:]:
            second["shared"] = True
    elif made[0].get("kind") == "SERVER" and not span.get("timestamp"):
        made[0]["shared"] = True
    for note in notes:
        if note.get("value") not in _CORE:
            _by_endpoint(made, note)["annotations"].append(note)
    for note in binary:
        if note.get("key") not in _ADDRESSES and isinstance(note.get("key"), str):
            _by_endpoint(made, note)["tags"][note["key"]] = note.get("value")
    return made


def _of_side(
    span: dict[str, Any], side: _Side, core: dict[Any, Any], addresses: dict[Any, Any]
) -> dict[str, Any]:
    begin, end = core.get(side.begin), core.get(side.end)
    endpoint = (begin or end or {}).get("endpoint")
    made = _bare(span) | {"kind": side.kind, "localEndpoint": endpoint}
    if begin is not None:
        made["timestamp"] = begin.get("timestamp")
    if begin is not None and end is not None:
        start, stop = (get_time(note, "timestamp", US) for note in (begin, end))
        if start is not None and stop is not None:
            made["duration"] = (stop - start) // US
    if side.address in addresses:
        made["remoteEndpoint"] = addresses[side.address].get("endpoint")
    return made


def _of_none(
    span: dict[str, Any], notes: list[dict[str, Any]], binary: list[dict[str, Any]]
) -> dict[str, Any]:
    """A local span, or one without the annotations of a call."""
    said = (note.get("endpoint") for note in (*binary, *notes) if note.get("key") not in _ADDRESSES)
    made = _bare(span) | {"localEndpoint": next((found for found in said if found), None)}
    return made | {key: span[key] for key in ("timestamp", "duration") if key in span}


def _bare(span: dict[str, Any]) -> dict[str, Any]:
    return {
        "traceId": get_text(span, "traceId"),
        "id": get_text(span, "id"),
        "parentId": get_text(span, "parentId"),
        "name": get_text(span, "name"),
        "annotations": [],
        "tags": {},
    }


def _by_endpoint(made: list[dict[str, Any]], note: dict[str, Any]) -> dict[str, Any]:
    """The side that an annotation belongs to: that of its service, else the first."""
    service = _service(note.get("endpoint"))
    return next((span for span in made if _service(span["localEndpoint"]) == service), made[0])


def _service(endpoint: Any) -> Any:
    return endpoint.get("serviceName") if isinstance(endpoint, dict) else None
