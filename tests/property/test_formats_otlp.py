"""The same traces give the same table from OTLP/protobuf and OTLP/JSON, by upb or by the
lenient reader; and no bytes at all make a decoder do worse than raise InputError."""

import base64
import json
from typing import Any

from google.protobuf import json_format
from hypothesis import given, settings
from hypothesis import strategies as st
from opentelemetry.proto.common.v1.common_pb2 import (
    AnyValue,
    ArrayValue,
    InstrumentationScope,
    KeyValue,
    KeyValueList,
)
from opentelemetry.proto.resource.v1.resource_pb2 import Resource
from opentelemetry.proto.trace.v1.trace_pb2 import (
    ResourceSpans,
    ScopeSpans,
    Span,
    Status,
    TracesData,
)

from hopwatch.errors import InputError
from hopwatch.formats import otlp_json, otlp_protobuf
from hopwatch.formats.otlp_protobuf_rows import span_row
from hopwatch.formats.wire import LooseMessage

text = st.text(max_size=6)
uint32 = st.integers(0, 2**32 - 1)
times = st.one_of(st.integers(0, 2**64 - 1), st.integers(1, 10**6))
trace_ids = st.one_of(st.binary(min_size=16, max_size=16), st.binary(max_size=20))
span_ids = st.one_of(st.binary(min_size=8, max_size=8), st.binary(max_size=10))


def lists(elements: st.SearchStrategy[Any]) -> st.SearchStrategy[list[Any]]:
    return st.lists(elements, max_size=3)


scalars = st.one_of(
    st.just(AnyValue()),
    st.builds(AnyValue, string_value=text),
    st.builds(AnyValue, bool_value=st.booleans()),
    st.builds(AnyValue, int_value=st.integers(-(2**63), 2**63 - 1)),
    st.builds(AnyValue, double_value=st.floats()),
    st.builds(AnyValue, bytes_value=st.binary(max_size=5)),
)


def containers(values: st.SearchStrategy[AnyValue]) -> st.SearchStrategy[AnyValue]:
    pairs = st.builds(KeyValue, key=text, value=values)
    return st.one_of(
        st.builds(AnyValue, array_value=st.builds(ArrayValue, values=lists(values))),
        st.builds(AnyValue, kvlist_value=st.builds(KeyValueList, values=lists(pairs))),
    )


attributes = lists(
    st.builds(KeyValue, key=text, value=st.recursive(scalars, containers, max_leaves=5))
)
events = st.builds(
    Span.Event,
    time_unix_nano=times,
    name=text,
    attributes=attributes,
    dropped_attributes_count=uint32,
)
links = st.builds(
    Span.Link,
    trace_id=trace_ids,
    span_id=span_ids,
    trace_state=text,
    attributes=attributes,
    flags=uint32,
)
spans = st.builds(
    Span,
    trace_id=trace_ids,
    span_id=span_ids,
    parent_span_id=span_ids,
    trace_state=text,
    flags=uint32,
    name=text,
    kind=st.integers(0, 6),
    start_time_unix_nano=times,
    end_time_unix_nano=times,
    attributes=attributes,
    events=lists(events),
    links=lists(links),
    dropped_events_count=uint32,
    status=st.builds(Status, code=st.integers(0, 2), message=text),
)
scopes = st.builds(
    ScopeSpans,
    scope=st.builds(InstrumentationScope, name=text, version=text, attributes=attributes),
    spans=lists(spans),
    schema_url=text,
)
requests = st.builds(
    TracesData,
    resource_spans=lists(
        st.builds(
            ResourceSpans,
            resource=st.builds(Resource, attributes=attributes),
            scope_spans=lists(scopes),
            schema_url=text,
        )
    ),
)


def to_json(request: TracesData, upper: bool) -> bytes:
    """OTLP's JSON: protobuf's, but for ids in hex and enums as numbers."""
    document = json_format.MessageToDict(request, use_integers_for_enums=True)

    def with_hex_ids(value: Any) -> Any:
        if isinstance(value, list):
            return [with_hex_ids(item) for item in value]
        if not isinstance(value, dict):
            return value
        return {
            key: respell(item)
            if key in ("traceId", "spanId", "parentSpanId")
            else with_hex_ids(item)
            for key, item in value.items()
        }

    def respell(encoded: str) -> str:
        as_hex = base64.b64decode(encoded).hex()
        return as_hex.upper() if upper else as_hex

    return json.dumps(with_hex_ids(document)).encode()


@given(requests, st.booleans())
def test_json_and_protobuf_agree(request: TracesData, upper: bool) -> None:
    from_protobuf = otlp_protobuf.decode(request.SerializeToString())
    from_json = otlp_json.decode(to_json(request, upper))
    assert from_protobuf.table.equals(from_json.table)
    assert from_protobuf.rejected.total == from_json.rejected.total
    total = sum(len(s.spans) for r in request.resource_spans for s in r.scope_spans)
    assert from_protobuf.table.num_rows + from_protobuf.rejected.total == total
    from_protobuf.table.validate(full=True)


@given(spans)
def test_lenient_reader_agrees_with_upb(span: Span) -> None:
    data = span.SerializeToString()
    loose = LooseMessage(Span.DESCRIPTOR, data, 0, len(data))
    scope: Any = None
    assert repr(span_row(loose, scope)) == repr(span_row(span, scope))
    assert not loose.repaired


@given(st.binary(max_size=200))
def test_any_bytes(data: bytes) -> None:
    for decode in (otlp_protobuf.decode, otlp_json.decode):
        try:
            decode(data)
        except InputError:
            continue


@settings(max_examples=300)
@given(requests, st.data())
def test_damaged_requests(request: TracesData, draw: st.DataObject) -> None:
    """Whatever a flipped byte or a cut does, spans are kept, repaired or counted."""
    for encoded, decode in (
        (request.SerializeToString(), otlp_protobuf.decode),
        (to_json(request, upper=False), otlp_json.decode),
    ):
        damaged = bytearray(encoded)
        for _ in range(draw.draw(st.integers(1, 3))):
            if damaged:
                place = draw.draw(st.integers(0, len(damaged) - 1))
                damaged[place] = draw.draw(st.integers(0, 255))
        try:
            table = decode(bytes(damaged[: draw.draw(st.integers(0, len(damaged)))])).table
        except InputError:
            continue
        table.validate(full=True)
