"""The same traces, logs and metrics give the same table from OTLP/protobuf and OTLP/JSON, by upb
or by the lenient reader; and no bytes at all make a decoder do worse than raise InputError."""

import base64
import json
from collections.abc import Callable
from typing import Any

from google.protobuf import json_format
from google.protobuf.message import Message
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from opentelemetry.proto.common.v1.common_pb2 import (
    AnyValue,
    ArrayValue,
    InstrumentationScope,
    KeyValue,
    KeyValueList,
)
from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord, LogsData, ResourceLogs, ScopeLogs
from opentelemetry.proto.metrics.v1.metrics_pb2 import (
    Exemplar,
    ExponentialHistogram,
    ExponentialHistogramDataPoint,
    Gauge,
    Histogram,
    HistogramDataPoint,
    Metric,
    MetricsData,
    NumberDataPoint,
    ResourceMetrics,
    ScopeMetrics,
    Sum,
    Summary,
    SummaryDataPoint,
)
from opentelemetry.proto.resource.v1.resource_pb2 import Resource
from opentelemetry.proto.trace.v1.trace_pb2 import (
    ResourceSpans,
    ScopeSpans,
    Span,
    Status,
    TracesData,
)

from hopwatch import formats
from hopwatch.errors import InputError
from hopwatch.formats import otlp_json, otlp_protobuf
from hopwatch.formats.otlp_protobuf_rows import POINTS, log_row, metric_of, span_row
from hopwatch.formats.wire import LooseMessage
from hopwatch.signals import LOGS, METRICS, SPANS, Signal

# How long a whole request takes to make up says nothing about the decoders.
whole_requests = settings(
    deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large]
)

text = st.text(max_size=6)
uint32 = st.integers(0, 2**32 - 1)
times = st.one_of(st.integers(0, 2**64 - 1), st.integers(1, 10**6))
trace_ids = st.one_of(st.binary(min_size=16, max_size=16), st.binary(max_size=20))
span_ids = st.one_of(st.binary(min_size=8, max_size=8), st.binary(max_size=10))


def lists(elements: st.SearchStrategy[Any]) -> st.SearchStrategy[list[Any]]:
    return st.lists(elements, max_size=2)


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
records = st.builds(
    LogRecord,
    time_unix_nano=times,
    observed_time_unix_nano=times,
    severity_number=st.integers(0, 24),
    severity_text=text,
    body=st.recursive(scalars, containers, max_leaves=5),
    attributes=attributes,
    dropped_attributes_count=uint32,
    flags=uint32,
    trace_id=trace_ids,
    span_id=span_ids,
    event_name=text,
)
numbers = st.fixed_dictionaries({}, optional={"as_double": st.floats()}) | st.fixed_dictionaries(
    {}, optional={"as_int": st.integers(-(2**63), 2**63 - 1)}
)
doubles = st.floats()
counts = st.one_of(st.integers(0, 5), st.integers(0, 2**64 - 1))
exemplars = st.builds(
    lambda number, **rest: Exemplar(**number, **rest),
    numbers,
    time_unix_nano=times,
    trace_id=trace_ids,
    span_id=span_ids,
    filtered_attributes=attributes,
)
common = {
    "start_time_unix_nano": times,
    "time_unix_nano": times,
    "flags": st.integers(0, 3),
    "attributes": attributes,
}
totals = {"sum": doubles, "min": doubles, "max": doubles}
sides = st.builds(
    ExponentialHistogramDataPoint.Buckets,
    offset=st.integers(-(2**31), 2**31 - 1),
    bucket_counts=lists(counts),
)
number_points = st.builds(
    lambda number, **rest: NumberDataPoint(**number, **rest),
    numbers,
    exemplars=lists(exemplars),
    **common,
)
histogram_points = st.builds(
    HistogramDataPoint,
    count=counts,
    bucket_counts=lists(counts),
    explicit_bounds=lists(st.integers(0, 3).map(float)),
    exemplars=lists(exemplars),
    **totals,
    **common,
)
exponential_points = st.builds(
    ExponentialHistogramDataPoint,
    count=counts,
    scale=st.integers(-(2**31), 2**31 - 1),
    zero_count=counts,
    zero_threshold=doubles,
    positive=sides,
    negative=sides,
    **totals,
    **common,
)
quantiles = st.builds(SummaryDataPoint.ValueAtQuantile, quantile=doubles, value=doubles)
summary_points = st.builds(
    SummaryDataPoint, count=counts, sum=doubles, quantile_values=lists(quantiles), **common
)
temporality = {"aggregation_temporality": st.integers(0, 2)}
described = {"name": text, "description": text, "unit": text}
metrics = st.one_of(
    st.builds(Metric, gauge=st.builds(Gauge, data_points=lists(number_points)), **described),
    st.builds(
        Metric,
        sum=st.builds(
            Sum, data_points=lists(number_points), is_monotonic=st.booleans(), **temporality
        ),
        **described,
    ),
    st.builds(
        Metric,
        histogram=st.builds(Histogram, data_points=lists(histogram_points), **temporality),
        **described,
    ),
    st.builds(
        Metric,
        exponential_histogram=st.builds(
            ExponentialHistogram, data_points=lists(exponential_points), **temporality
        ),
        **described,
    ),
    st.builds(Metric, summary=st.builds(Summary, data_points=lists(summary_points)), **described),
)


def export(
    data: type[Message], group: type[Message], scope: type[Message], items: str, item: Any
) -> st.SearchStrategy[Any]:
    """Export requests of one signal: `item`s in scopes in resources."""
    scopes = st.builds(
        scope,
        scope=st.builds(InstrumentationScope, name=text, version=text, attributes=attributes),
        schema_url=text,
        **{items: lists(item)},
    )
    scope_list = next(field.name for field in group.DESCRIPTOR.fields if field.number == 2)
    groups = st.builds(
        group,
        resource=st.builds(Resource, attributes=attributes),
        schema_url=text,
        **{scope_list: lists(scopes)},
    )
    return st.builds(data, **{data.DESCRIPTOR.fields[0].name: lists(groups)})


SIGNALS = {
    SPANS: export(TracesData, ResourceSpans, ScopeSpans, "spans", spans),
    LOGS: export(LogsData, ResourceLogs, ScopeLogs, "log_records", records),
    METRICS: export(MetricsData, ResourceMetrics, ScopeMetrics, "metrics", metrics),
}
requests = st.one_of(*(st.tuples(st.just(signal), request) for signal, request in SIGNALS.items()))
points = {
    "gauge": number_points,
    "histogram": histogram_points,
    "exponential_histogram": exponential_points,
    "summary": summary_points,
}


def rows_in(request: Any) -> int:
    """Spans, log records or data points of an export request."""
    items = [
        item
        for group in getattr(request, request.DESCRIPTOR.fields[0].name)
        for scope in getattr(group, group.DESCRIPTOR.fields_by_number[2].name)
        for item in getattr(scope, scope.DESCRIPTOR.fields_by_number[2].name)
    ]
    return sum(
        len(getattr(item, item.WhichOneof("data")).data_points) if isinstance(item, Metric) else 1
        for item in items
    )


def to_json(request: Any, upper: bool) -> bytes:
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


@whole_requests
@given(requests, st.booleans())
def test_json_and_protobuf_agree(given: tuple[Signal, Any], upper: bool) -> None:
    signal, request = given
    from_protobuf = otlp_protobuf.decode(request.SerializeToString(), signal=signal)
    from_json = otlp_json.decode(to_json(request, upper), signal=signal)
    # By their text: NaN is no equal of itself.
    assert repr(from_protobuf.table.to_pylist()) == repr(from_json.table.to_pylist())
    assert from_protobuf.rejected.counts == from_json.rejected.counts
    assert from_protobuf.table.num_rows + from_protobuf.rejected.total == rows_in(request)
    from_protobuf.table.validate(full=True)


@given(spans)
def test_lenient_reader_agrees_with_upb_on_spans(span: Span) -> None:
    _agree(span, lambda message: span_row(message, _NO_SCOPE))


@given(records)
def test_lenient_reader_agrees_with_upb_on_log_records(record: LogRecord) -> None:
    _agree(record, lambda message: log_row(message, _NO_SCOPE))


@given(st.one_of(*(st.tuples(st.just(kind), found) for kind, found in points.items())))
def test_lenient_reader_agrees_with_upb_on_data_points(given: tuple[str, Any]) -> None:
    kind, point = given
    _, row = POINTS[kind]
    metric = metric_of(Metric(name="m"), Sum(), kind)
    _agree(point, lambda message: row(message, _NO_SCOPE, metric))


_NO_SCOPE: Any = None


def _agree(message: Any, row: Callable[[Any], Any]) -> None:
    data = message.SerializeToString()
    loose = LooseMessage(message.DESCRIPTOR, data, 0, len(data))
    assert repr(row(loose)) == repr(row(message))
    assert not loose.repaired


@given(st.sampled_from(list(SIGNALS)), st.binary(max_size=200))
def test_any_bytes(signal: Signal, data: bytes) -> None:
    for decode in (otlp_protobuf.decode, otlp_json.decode):
        try:
            decode(data, signal=signal)
        except InputError:
            continue


@settings(whole_requests, max_examples=300)
@given(requests, st.data())
def test_damaged_requests(given: tuple[Signal, Any], draw: st.DataObject) -> None:
    """Whatever a flipped byte or a cut does, items are kept, repaired or counted."""
    signal, request = given
    for encoded, decode in (
        (request.SerializeToString(), otlp_protobuf.decode),
        (to_json(request, upper=False), otlp_json.decode),
    ):
        damaged = bytearray(encoded)
        for _ in range(draw.draw(st.integers(1, 3))):
            if damaged:
                place = draw.draw(st.integers(0, len(damaged) - 1))
                damaged[place] = draw.draw(st.integers(0, 255))
        cut = bytes(damaged[: draw.draw(st.integers(0, len(damaged)))])
        try:
            table = decode(cut, signal=signal).table
        except InputError:
            continue
        table.validate(full=True)


@whole_requests
@given(requests)
def test_a_file_tells_its_signal(given: tuple[Signal, Any]) -> None:
    signal, request = given
    encoded = to_json(request, upper=False), request.SerializeToString()
    for data, module in zip(encoded, (otlp_json, otlp_protobuf), strict=True):
        direct = module.decode(data, signal=signal)
        if direct.table.num_rows:
            contents = formats.decode(data, "file")
            assert contents.of(signal).table.num_rows == direct.table.num_rows
