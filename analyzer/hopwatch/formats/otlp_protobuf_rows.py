"""OTLP/protobuf messages as rows: spans, log records, data points.

A message is upb's, or a `wire.LooseMessage` with the same reading half.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any, Final

from opentelemetry.proto.metrics.v1 import metrics_pb2

from hopwatch import spans
from hopwatch.formats.columns import NO_ATTRIBUTES, Attributes, Scope, attributes
from hopwatch.formats.log_rows import LogRecord
from hopwatch.formats.metric_rows import Buckets, Exemplar, Metric, Point, Quantile
from hopwatch.formats.span_rows import Event, Link, Span


def span_row(span: Any, scope: Scope) -> Span:
    status = span.status
    return Span(
        scope,
        span.trace_id,
        span.span_id,
        span.parent_span_id,
        span.trace_state,
        span.flags,
        span.name,
        span.kind,
        span.start_time_unix_nano,
        span.end_time_unix_nano,
        status.code,
        status.message,
        read_attributes(span.attributes),
        [
            Event(
                event.time_unix_nano,
                event.name,
                read_attributes(event.attributes),
                event.dropped_attributes_count,
            )
            for event in span.events
        ],
        [
            Link(
                link.trace_id,
                link.span_id,
                link.trace_state,
                read_attributes(link.attributes),
                link.dropped_attributes_count,
                link.flags,
            )
            for link in span.links
        ],
        span.dropped_attributes_count,
        span.dropped_events_count,
        span.dropped_links_count,
    )


def log_row(record: Any, scope: Scope) -> LogRecord:
    body = record.body
    return LogRecord(
        scope,
        record.time_unix_nano,
        record.observed_time_unix_nano,
        record.trace_id,
        record.span_id,
        record.flags,
        record.severity_number,
        record.severity_text,
        record.event_name,
        spans.encode_value(_python_value(body, body.WhichOneof("value"))),
        read_attributes(record.attributes),
        record.dropped_attributes_count,
    )


def _number_point(point: Any, scope: Scope, metric: Metric) -> Point:
    value, value_int = _number(point)
    return _point(point, scope, metric)._replace(value=value, value_int=value_int)


def _histogram_point(point: Any, scope: Scope, metric: Metric) -> Point:
    return _point(point, scope, metric)._replace(
        **_totals(point),
        explicit_bounds=list(point.explicit_bounds),
        bucket_counts=list(point.bucket_counts),
    )


def _exponential_point(point: Any, scope: Scope, metric: Metric) -> Point:
    return _point(point, scope, metric)._replace(
        **_totals(point),
        scale=point.scale,
        zero_count=point.zero_count,
        zero_threshold=point.zero_threshold,
        positive=Buckets(point.positive.offset, list(point.positive.bucket_counts)),
        negative=Buckets(point.negative.offset, list(point.negative.bucket_counts)),
    )


def _summary_point(point: Any, scope: Scope, metric: Metric) -> Point:
    return _point(point, scope, metric)._replace(
        measurements=point.count,
        sum=point.sum,
        quantiles=[Quantile(found.quantile, found.value) for found in point.quantile_values],
    )


POINTS: Final[dict[str, tuple[type[Any], Callable[[Any, Scope, Metric], Point]]]] = {
    "gauge": (metrics_pb2.NumberDataPoint, _number_point),
    "sum": (metrics_pb2.NumberDataPoint, _number_point),
    "histogram": (metrics_pb2.HistogramDataPoint, _histogram_point),
    "exponential_histogram": (metrics_pb2.ExponentialHistogramDataPoint, _exponential_point),
    "summary": (metrics_pb2.SummaryDataPoint, _summary_point),
}
"""By the name of the member of Metric.data: its points' message, and how one becomes a row."""


def metric_of(metric: Any, data: Any, kind: str) -> Metric:
    """What a Metric message, and its member `kind` apart from it, say of all data points."""
    return Metric(
        metric.name,
        metric.description,
        metric.unit,
        kind,
        None if kind in ("gauge", "summary") else data.aggregation_temporality,
        data.is_monotonic if kind == "sum" else None,
    )


def _point(point: Any, scope: Scope, metric: Metric) -> Point:
    """What points of every type have."""
    exemplars = () if metric.type == "summary" else point.exemplars
    return Point(
        scope,
        metric,
        point.start_time_unix_nano,
        point.time_unix_nano,
        point.flags,
        read_attributes(point.attributes),
        [
            Exemplar(
                exemplar.time_unix_nano,
                *_number(exemplar),
                exemplar.trace_id,
                exemplar.span_id,
                read_attributes(exemplar.filtered_attributes),
            )
            for exemplar in exemplars
        ],
    )


def _totals(point: Any) -> dict[str, Any]:
    return {
        "measurements": point.count,
        **{
            name: getattr(point, name) if point.HasField(name) else None
            for name in ("sum", "min", "max")
        },
    }


def _number(message: Any) -> tuple[float | None, int | None]:
    """A value as a double, and as an integer where it is one."""
    match message.WhichOneof("value"):
        case "as_int":
            return float(message.as_int), message.as_int
        case "as_double":
            return message.as_double, None
    return None, None


def read_attributes(pairs: Sequence[Any]) -> Attributes:
    if not pairs:
        return NO_ATTRIBUTES
    keys, texts, letters = [], [], []
    for pair in pairs:
        value = pair.value
        which = value.WhichOneof("value")
        if which == "string_value":
            text, letter = value.string_value, "s"
        elif which == "int_value":
            text, letter = str(value.int_value), "i"
        else:
            text, letter = spans.encode_value(_python_value(value, which))
        keys.append(pair.key)
        texts.append(text)
        letters.append(letter)
    return attributes(keys, texts, letters)


def _python_value(value: Any, which: str | None) -> Any:
    """The value as Python has it. Nesting is bounded: by upb, or by LooseMessage."""
    match which:
        case "string_value" | "bool_value" | "int_value" | "double_value" | "bytes_value":
            return getattr(value, which)
        case "array_value":
            return _list(value.array_value.values)
        case "kvlist_value":
            return {
                pair.key: _python_value(pair.value, pair.value.WhichOneof("value"))
                for pair in value.kvlist_value.values
            }
    return None


def _list(values: Iterable[Any]) -> list[Any]:
    return [_python_value(item, item.WhichOneof("value")) for item in values]
