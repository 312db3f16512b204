"""OTLP/JSON: one ExportTraceServiceRequest, or a file of them, one a line.

Not google.protobuf.json_format: OTLP's JSON spells ids in hex, where protobuf's has base64.
Tolerated beyond the specification: upper-case hex, base64 ids, enum names, 64-bit integers as
numbers, a bare ResourceSpans per line, and `instrumentationLibrarySpans` of before 2022.

https://opentelemetry.io/docs/specs/otlp/#json-protobuf-encoding
"""

from __future__ import annotations

import binascii
import re
from collections.abc import Iterator
from typing import Any, Final

from hopwatch import spans
from hopwatch.errors import InputError, TooLargeError
from hopwatch.formats.columns import (
    MAX_NESTING,
    NO_ATTRIBUTES,
    Attributes,
    Event,
    Link,
    Resource,
    Scope,
    Span,
    SpanColumns,
    attributes,
    too_deep,
)
from hopwatch.formats.decoded import Decoded, Rejections, SpanError
from hopwatch.formats.lenient_json import (
    INT64,
    UINT32,
    UINT64,
    get_enum,
    get_integer,
    get_list,
    get_object,
    get_objects,
    get_text,
    malformed,
    parse,
    repaired,
)

NAME: Final = "OTLP/JSON"

_KEYS: Final = re.compile(rb'"(?:resourceSpans|scopeSpans|instrumentationLibrarySpans)"\s*:')
_HEAD: Final = 1 << 16

_CONTAINERS_A_SPAN: Final = 8
"""Of a cap on spans, the cap on JSON objects and lists. A span has more than that, but a body of
so many spans would be larger than any that is taken."""
_SURROGATE: Final = re.compile(rb"\\u[dD][89a-fA-F]")


def recognises(data: bytes) -> bool:
    """Whether `data` is JSON that names spans as OTLP does."""
    return data.lstrip()[:1] == b"{" and _KEYS.search(data, 0, _HEAD) is not None


def decode_file(data: bytes, source: str) -> Decoded:
    """The spans of a file: one document, or one a line. A bad line is counted and named."""
    try:
        return decode(data, source)
    except InputError:
        lines = data.splitlines()
        if not any(_is_document(line) for line in lines[:100]):
            raise
    decoder = _Decoder(source)
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        decoder.source = f"{source}:{number}"
        try:
            decoder.document(line)
        except InputError as error:
            decoder.reject_line(error)
    return decoder.finish()


def decode(data: bytes, source: str = "body", max_spans: int | None = None) -> Decoded:
    """The spans of one ExportTraceServiceRequest (or bare ResourceSpans).

    `source` names the input in messages. Raises InputError if it is not such a JSON document,
    TooLargeError if it holds more than `max_spans` spans.
    """
    decoder = _Decoder(source, max_spans)
    decoder.document(data)
    return decoder.finish()


def _is_document(line: bytes) -> bool:
    try:
        return isinstance(parse(line.decode(errors="replace")), dict)
    except ValueError:
        return False


class _Decoder:
    def __init__(self, source: str, max_spans: int | None = None) -> None:
        self.source = source
        self._rejected = Rejections()
        self._columns = SpanColumns()
        self._max_spans = max_spans
        self._span_count = 0
        self._repair = False

    def finish(self) -> Decoded:
        return Decoded(self._columns.table(), self._rejected)

    def reject_line(self, error: InputError) -> None:
        """Count the document at `source`, a line of a file, as left out."""
        detail = str(error).removeprefix(f"{self.source}: ")
        self._rejected.add("invalid_line", self.source, detail)

    def document(self, data: bytes) -> None:
        """Add the spans of one document."""
        self._check_size(data)
        try:
            text = data.decode()
            self._repair = _SURROGATE.search(data) is not None
        except UnicodeDecodeError:
            text = data.decode(errors="surrogateescape")
            self._repair = True
        try:
            document = parse(text)
        except ValueError as error:  # JSONDecodeError, or a number with too many digits
            raise InputError(f"{self.source}: invalid JSON: {error}") from error
        if isinstance(document, dict) and (
            "scopeSpans" in document or "instrumentationLibrarySpans" in document
        ):
            document = {"resourceSpans": [document]}
        if not isinstance(document, dict) or (document and "resourceSpans" not in document):
            raise InputError(
                f"{self.source}: not an OTLP trace export: a JSON object with `resourceSpans`"
                " is expected"
            )
        try:
            for resource_spans in get_objects(document, "resourceSpans"):
                self._resource_spans(resource_spans)
        except SpanError as error:
            raise InputError(f"{self.source}: {error}") from error

    def _check_size(self, data: bytes) -> None:
        """Refuse what would become millions of objects, before it does."""
        if self._max_spans is None:
            return
        containers = data.count(b"{") + data.count(b"[")
        if containers > _CONTAINERS_A_SPAN * self._max_spans:
            raise TooLargeError(
                f"{self.source}: {containers} objects and lists in one request; send smaller"
                " batches"
            )

    def _resource_spans(self, group: dict[str, Any]) -> None:
        scopes = [
            *((scope, "scope") for scope in get_objects(group, "scopeSpans")),
            *(
                (scope, "instrumentationLibrary")
                for scope in get_objects(group, "instrumentationLibrarySpans")
            ),
        ]
        try:
            resource = Resource(
                _attributes(self._clean(get_object(group, "resource"))),
                self._clean(get_text(group, "schemaUrl")),
            )
        except SpanError as error:
            for scope, _ in scopes:
                self._reject_all(scope, f"its resource: {error}", error)
            return
        for scope, key in scopes:
            self._scope_spans(scope, key, resource)

    def _scope_spans(self, group: dict[str, Any], scope_key: str, resource: Resource) -> None:
        try:
            found = self._clean(get_object(group, scope_key))
            scope = Scope(
                resource,
                get_text(found, "name"),
                get_text(found, "version"),
                _attributes(found),
                self._clean(get_text(group, "schemaUrl")),
            )
        except SpanError as error:
            self._reject_all(group, f"its scope: {error}", error)
            return
        for span in self._spans(group):
            self._span(span, scope)

    def _spans(self, group: dict[str, Any]) -> Iterator[Any]:
        for span in get_list(group, "spans"):
            self._span_count += 1
            if self._max_spans is not None and self._span_count > self._max_spans:
                raise TooLargeError(
                    f"{self.source}: more than {self._max_spans} spans in one request; send"
                    " smaller batches"
                )
            yield span

    def _span(self, raw: Any, scope: Scope) -> None:
        try:
            span = self._clean(raw)
            self._columns.add(_span(span, scope))
        except SpanError as error:
            self._reject(raw, error)
            return
        self._rejected.repaired += self._repair and span != raw

    def _clean(self, value: Any) -> Any:
        return repaired(value) if self._repair else value

    def _reject(self, raw: Any, error: SpanError, detail: str | None = None) -> None:
        span_id = raw.get("spanId") if isinstance(raw, dict) else None
        name = ascii(span_id)[1:-1][:32] if isinstance(span_id, str) and span_id else "without id"
        self._rejected.add(error.reason, f"{self.source}: span {name}", detail or error.detail)

    def _reject_all(self, group: dict[str, Any], detail: str, error: SpanError) -> None:
        """Reject every span of a scope that cannot be read without its resource or scope."""
        for span in self._spans(group):
            self._reject(span, error, detail)


def _span(span: Any, scope: Scope) -> Span:
    if not isinstance(span, dict):
        raise malformed("spans", "a list of objects", span)
    status = get_object(span, "status")
    return Span(
        scope,
        _id(span, "traceId"),
        _id(span, "spanId"),
        _id(span, "parentSpanId"),
        get_text(span, "traceState"),
        get_integer(span, "flags", UINT32),
        get_text(span, "name"),
        get_enum(span, "kind", "SPAN_KIND_", spans.KINDS),
        get_integer(span, "startTimeUnixNano", UINT64),
        get_integer(span, "endTimeUnixNano", UINT64),
        get_enum(status, "code", "STATUS_CODE_", spans.STATUS_CODES),
        get_text(status, "message"),
        _attributes(span),
        [_event(event) for event in get_objects(span, "events")],
        [_link(link) for link in get_objects(span, "links")],
        get_integer(span, "droppedAttributesCount", UINT32),
        get_integer(span, "droppedEventsCount", UINT32),
        get_integer(span, "droppedLinksCount", UINT32),
    )


def _event(event: dict[str, Any]) -> Event:
    return Event(
        get_integer(event, "timeUnixNano", UINT64),
        get_text(event, "name"),
        _attributes(event),
        get_integer(event, "droppedAttributesCount", UINT32),
    )


def _link(link: dict[str, Any]) -> Link:
    return Link(
        _id(link, "traceId"),
        _id(link, "spanId"),
        get_text(link, "traceState"),
        _attributes(link),
        get_integer(link, "droppedAttributesCount", UINT32),
        get_integer(link, "flags", UINT32),
    )


def _id(holder: dict[str, Any], key: str) -> bytes:
    """An id: hex, or base64, which for 8 and 16 bytes always ends in `=`."""
    text = get_text(holder, key)
    try:
        if text.endswith("="):
            return binascii.a2b_base64(text.encode(), strict_mode=True)
        return bytes.fromhex(text)
    except ValueError:
        which = {"traceId": "trace", "spanId": "span", "parentSpanId": "parent_span"}[key]
        raise SpanError(
            f"invalid_{which}_id", f"`{key}` is neither hex nor base64: {text[:60]!a}"
        ) from None


def _attributes(holder: dict[str, Any]) -> Attributes:
    pairs = get_objects(holder, "attributes")
    if not pairs:
        return NO_ATTRIBUTES
    keys, texts, letters = [], [], []
    for pair in pairs:
        keys.append(get_text(pair, "key"))
        text, letter = spans.encode_value(_value(pair.get("value"), 0))
        texts.append(text)
        letters.append(letter)
    return attributes(keys, texts, letters)


def _value(value: Any, nesting: int) -> Any:
    """What an AnyValue object holds; of several members the first that OTLP knows."""
    if value is None:
        return None
    if not isinstance(value, dict):
        raise malformed("value", 'an object such as {"stringValue": ...}', value)
    if "stringValue" in value:
        return get_text(value, "stringValue")
    if "intValue" in value:
        return get_integer(value, "intValue", INT64)
    if "boolValue" in value:
        flag = value["boolValue"]
        if not isinstance(flag, bool):
            raise malformed("boolValue", "true or false", flag)
        return flag
    if "doubleValue" in value:
        return _double(value["doubleValue"])
    if "bytesValue" in value:
        try:
            return binascii.a2b_base64(get_text(value, "bytesValue"))
        except ValueError:
            raise malformed("bytesValue", "base64", value["bytesValue"]) from None
    if "arrayValue" in value or "kvlistValue" in value:
        if nesting >= MAX_NESTING:
            raise too_deep()
        return _nested(value, nesting + 1)
    return None


def _double(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float, str)):
        raise malformed("doubleValue", "a number", value)
    try:
        return float(value)
    except (ValueError, OverflowError):
        raise malformed("doubleValue", "a number", value) from None


def _nested(value: dict[str, Any], nesting: int) -> Any:
    if "arrayValue" in value:
        items = get_list(get_object(value, "arrayValue"), "values")
        return [_value(item, nesting) for item in items]
    pairs = get_objects(get_object(value, "kvlistValue"), "values")
    return {get_text(pair, "key"): _value(pair.get("value"), nesting) for pair in pairs}
