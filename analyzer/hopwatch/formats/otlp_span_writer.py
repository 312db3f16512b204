"""Many spans of few contents as OTLP, in JSON or protobuf: what spans have in common is encoded
once, ids and times are put in for each.

Both encodings are what collectors write and read: an ExportTraceServiceRequest, resources in the
order in which their first spans come.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Final, NamedTuple, TypeVar

import pyarrow as pa
from google.protobuf import json_format
from google.protobuf.message import Message
from opentelemetry.proto.common.v1.common_pb2 import InstrumentationScope
from opentelemetry.proto.resource.v1.resource_pb2 import Resource
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from hopwatch.formats.otlp_json_writer import Row, resource_json, scope_json, span_json

Encoded = TypeVar("Encoded")

_VARIABLE: Final = (
    "traceId",
    "spanId",
    "parentSpanId",
    "startTimeUnixNano",
    "endTimeUnixNano",
    "links",
)


class WrittenSpan(NamedTuple):
    """One span to write. content: a row of the writer's contents; parent: empty for none; start,
    end: Unix ns; link: trace and span id, or none."""

    content: int
    trace_id: bytes
    span_id: bytes
    parent_id: bytes
    start: int
    end: int
    link: tuple[bytes, bytes] | None = None


class SpanWriter:
    """Encodes spans that say what the rows of `contents` (a span table) say, but for ids, times
    and links."""

    def __init__(self, contents: pa.Table) -> None:
        self._contents = contents
        self._rows: dict[int, Row] = {}
        self._groups: dict[int, int] = {}
        self._group_numbers: dict[str, int] = {}
        self._json_groups: list[str] = []
        self._binary_groups: list[tuple[bytes, bytes]] = []
        self._json: dict[int, str] = {}
        self._binary: dict[int, bytes] = {}

    def json_request(self, spans: Iterable[WrittenSpan]) -> bytes:
        """A line of OTLP/JSON, without its line break."""
        texts = (
            (self._group(span.content), _json_span(span, self._json_rest(span.content)))
            for span in spans
        )
        groups = [
            f"{self._json_groups[group]}{','.join(members)}]}}]}}"
            for group, members in _gathered(texts)
        ]
        return f'{{"resourceSpans":[{",".join(groups)}]}}'.encode()

    def protobuf_request(self, spans: Iterable[WrittenSpan]) -> bytes:
        """An OTLP/protobuf message."""
        encoded = (
            (self._group(span.content), _binary_span(span, self._binary_rest(span.content)))
            for span in spans
        )
        groups = []
        for group, members in _gathered(encoded):
            resource, scope = self._binary_groups[group]
            scope_spans = scope + b"".join(_field(2, member) for member in members)
            groups.append(_field(1, resource + _field(2, scope_spans)))
        return b"".join(groups)

    def _row(self, content: int) -> Row:
        if content not in self._rows:
            self._rows[content] = self._contents.slice(content, 1).to_pylist()[0]
        return self._rows[content]

    def _group(self, content: int) -> int:
        """Number of a content's resource and scope."""
        if content not in self._groups:
            row = self._row(content)
            resource, scope = resource_json(row), scope_json(row)
            key = json.dumps([resource, scope], ensure_ascii=False, separators=(",", ":"))
            if key not in self._group_numbers:
                self._group_numbers[key] = len(self._group_numbers)
                head = {"resource": resource, "scopeSpans": [{"scope": scope, "spans": []}]}
                text = json.dumps(head, ensure_ascii=False, separators=(",", ":"))
                self._json_groups.append(text.removesuffix("]}]}"))
                self._binary_groups.append(
                    (
                        _field(1, _encoded(resource, Resource())),
                        _field(1, _encoded(scope, InstrumentationScope())),
                    )
                )
            self._groups[content] = self._group_numbers[key]
        return self._groups[content]

    def _json_rest(self, content: int) -> str:
        if content not in self._json:
            text = json.dumps(_rest(self._row(content)), ensure_ascii=False, separators=(",", ":"))
            self._json[content] = text[1:]
        return self._json[content]

    def _binary_rest(self, content: int) -> bytes:
        if content not in self._binary:
            self._binary[content] = _encoded(_rest(self._row(content)), Span())
        return self._binary[content]


def _rest(row: Row) -> Row:
    """What spans of one content have in common."""
    return {key: value for key, value in span_json(row).items() if key not in _VARIABLE}


def _json_span(span: WrittenSpan, rest: str) -> str:
    parent = f'"parentSpanId":"{span.parent_id.hex()}",' if span.parent_id else ""
    links = ""
    if span.link:
        trace_id, span_id = span.link
        links = f'"links":[{{"traceId":"{trace_id.hex()}","spanId":"{span_id.hex()}"}}],'
    return (
        f'{{"traceId":"{span.trace_id.hex()}","spanId":"{span.span_id.hex()}",{parent}'
        f'"startTimeUnixNano":"{span.start}","endTimeUnixNano":"{span.end}",{links}{rest}'
    )


def _binary_span(span: WrittenSpan, rest: bytes) -> bytes:
    parent = b"\x22\x08" + span.parent_id if span.parent_id else b""
    links = b""
    if span.link:
        trace_id, span_id = span.link
        links = _field(13, b"\x0a\x10" + trace_id + b"\x12\x08" + span_id)
    start, end = span.start.to_bytes(8, "little"), span.end.to_bytes(8, "little")
    return b"".join(
        (
            b"\x0a\x10", span.trace_id, b"\x12\x08", span.span_id, parent,
            b"\x39", start, b"\x41", end, rest, links,
        )
    )  # fmt: skip


def _encoded(fields: Row, message: Message) -> bytes:
    encoded: bytes = json_format.ParseDict(fields, message).SerializeToString()
    return encoded


def _field(number: int, data: bytes) -> bytes:
    """A length-delimited field of protobuf."""
    length, size = bytearray(), len(data)
    while size > 0x7F:
        length.append(size & 0x7F | 0x80)
        size >>= 7
    length.append(size)
    return bytes((number << 3 | 2,)) + bytes(length) + data


def _gathered(pairs: Iterable[tuple[int, Encoded]]) -> list[tuple[int, list[Encoded]]]:
    groups: dict[int, list[Encoded]] = {}
    for group, encoded in pairs:
        groups.setdefault(group, []).append(encoded)
    return list(groups.items())
