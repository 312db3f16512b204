"""Jaeger's tags, references and times, in each of the spellings that its JSON has."""

from __future__ import annotations

import base64
import contextlib
from collections.abc import Collection
from typing import Any, Final

from hopwatch.formats import ids
from hopwatch.formats.decoded import ItemError
from hopwatch.formats.lenient_json import INT64, get_list, to_double, to_integer
from hopwatch.formats.scopes import attributes_of
from hopwatch.formats.span_rows import Link
from hopwatch.formats.times import SECOND, US, get_iso_time, get_time

_DOT: Final = "@"
"""Stands for `.` in the keys of tags that Elasticsearch indexes as fields."""
_PROTOBUF_VALUES: Final = {
    "STRING": ("vStr", ""),
    "BOOL": ("vBool", False),
    "INT64": ("vInt64", 0),
    "FLOAT64": ("vFloat64", 0.0),
    "BINARY": ("vBinary", ""),
}


def tags(holder: dict[str, Any]) -> dict[str, Any]:
    """The tags of a span or a process: from the list `tags`, and from the map `tag` in which
    Elasticsearch has those that are indexed. Raises ItemError."""
    found = dict(_tag(tag) for tag in get_list(holder, "tags"))
    as_fields = holder.get("tag")
    if isinstance(as_fields, dict):
        found |= {key.replace(_DOT, "."): value for key, value in as_fields.items()}
    return found


def fields(log: dict[str, Any]) -> dict[str, Any]:
    """What a log of a span says. Raises ItemError."""
    return dict(_tag(tag) for tag in get_list(log, "fields"))


def _tag(tag: Any) -> tuple[str, Any]:
    if not isinstance(tag, dict) or not isinstance(tag.get("key"), str):
        raise ItemError("malformed", "a tag must be an object with a `key` of text")
    if "value" in tag:
        return tag["key"], _typed(tag["value"], str(tag.get("type", "")).lower())
    type_ = str(tag.get("vType", "STRING")).upper()
    key, default = _PROTOBUF_VALUES.get(type_, _PROTOBUF_VALUES["STRING"])
    return tag["key"], _typed(
        tag.get(key, default), "base64" if key == "vBinary" else type_.lower()
    )


def _typed(value: Any, type_: str) -> Any:
    """The value as its type says it is meant: Elasticsearch has all as text, the API the integers
    that JavaScript cannot hold. What does not fit its type stays as it is."""
    with contextlib.suppress(ValueError, ItemError):
        if type_ == "bool" and value in ("true", "false"):
            return value == "true"
        if type_ == "int64":
            return to_integer("value", value, INT64)
        if type_ == "float64":
            return to_double("value", value)
        if type_ == "base64" and isinstance(value, str):
            return base64.b64decode(value, validate=True)
        if type_ == "binary" and isinstance(value, str):
            return _hex_or_base64(value)
    return value


def _hex_or_base64(text: str) -> bytes:
    """Bytes: Elasticsearch has them in hex, the API in base64. What is both is taken for hex."""
    with contextlib.suppress(ValueError):
        return bytes.fromhex(text)
    return base64.b64decode(text, validate=True)


def ids_of(span: dict[str, Any]) -> tuple[bytes, bytes]:
    """The trace id and the span id of a span or a reference. Raises ItemError."""
    if "spanId" in span or "traceId" in span:
        return ids.trace_id(span, "traceId"), ids.span_id(span, "spanId")
    return ids.trace_id(span, "traceID"), ids.span_id(span, "spanID")


def references(
    span: dict[str, Any], trace_id: bytes, known: Collection[bytes]
) -> tuple[bytes, list[Link]]:
    """The parent of a span, and what else it refers to as links. Raises ItemError.

    The parent is the first CHILD_OF the same trace that is one of the `known` spans (as in
    Jaeger's UI), else the first of them. A FOLLOWS_FROM is never the parent: nobody waits for
    what follows.
    """
    found = []
    for raw in get_list(span, "references"):
        if not isinstance(raw, dict):
            raise ItemError("malformed", "a reference must be an object")
        found.append((str(raw.get("refType") or "CHILD_OF").lower(), *ids_of(raw)))
    parents = [
        target
        for kind, trace, target in found
        if kind == "child_of" and trace == trace_id and target.strip(b"\0")
    ]
    parent = next((target for target in parents if target in known), (parents or [b""])[0])
    links = [
        Link(trace, target, "", attributes_of([("opentracing.ref_type", kind)]), 0, 0)
        for kind, trace, target in found
        if (kind, trace, target) != ("child_of", trace_id, parent)
    ]
    return parent or ids.parent_id(span, "parentSpanID"), links


def start(span: dict[str, Any]) -> int:
    """When a span started, in ns; 0 if it is not said. Raises ItemError."""
    if isinstance(span.get("startTime"), str) and "T" in span["startTime"]:
        return get_iso_time(span, "startTime") or 0
    return get_time(span, "startTime", US) or 0


def end(span: dict[str, Any]) -> int:
    """When a span ended, in ns; 0 if it is not said. Raises ItemError."""
    duration = span.get("duration")
    if isinstance(duration, str) and duration.endswith("s"):
        took = get_time({"duration": duration[:-1]}, "duration", SECOND)
    else:
        took = get_time(span, "duration", US)
    return 0 if took is None else start(span) + took


def log_time(log: dict[str, Any]) -> int:
    """When a log was written, in ns. Raises ItemError."""
    if isinstance(log.get("timestamp"), str) and "T" in log["timestamp"]:
        return get_iso_time(log, "timestamp") or 0
    return get_time(log, "timestamp", US) or 0
