"""OTLP/JSON objects as rows: spans, log records, the data points of metrics."""

from __future__ import annotations

import binascii
from collections.abc import Callable
from typing import Any, Final

from hopwatch import logs, metrics, spans
from hopwatch.formats.columns import (
    MAX_NESTING,
    NO_ATTRIBUTES,
    Attributes,
    Scope,
    attributes,
    too_deep,
)
from hopwatch.formats.decoded import ItemError
from hopwatch.formats.lenient_json import (
    INT32,
    INT64,
    UINT32,
    UINT64,
    get_bool,
    get_double,
    get_enum,
    get_integer,
    get_list,
    get_object,
    get_objects,
    get_text,
    malformed,
    to_double,
    to_integer,
)
from hopwatch.formats.log_rows import LogRecord
from hopwatch.formats.metric_rows import Buckets, Exemplar, Metric, Point, Quantile
from hopwatch.formats.sink import Sink
from hopwatch.formats.span_rows import Event, Link, Span

_SEVERITIES: Final = (
    "UNSPECIFIED",
    *(f"{name}{suffix}" for name in logs.SEVERITIES for suffix in ("", "2", "3", "4")),
)
_METRIC_TYPES: Final = {
    "gauge": "gauge",
    "sum": "sum",
    "histogram": "histogram",
    "exponentialHistogram": "exponential_histogram",
    "summary": "summary",
}


def read_span(raw: Any, scope: Scope, sink: Sink) -> None:
    """Put a span into the sink. Raises ItemError if it cannot be kept."""
    sink.add(_span(_object("spans", raw), scope))


def read_log_record(raw: Any, scope: Scope, sink: Sink) -> None:
    """Put a log record into the sink. Raises ItemError if it cannot be kept."""
    sink.add(_log_record(_object("logRecords", raw), scope))


def read_metric(raw: Any, scope: Scope, sink: Sink) -> None:
    """Put the data points of a metric into the sink, which also counts those that cannot be
    kept. Raises ItemError if none of them can be read."""
    metric = _object("metrics", raw)
    key = _metric_key(metric)
    data = get_object(metric, key)
    points = get_list(data, "dataPoints")
    described = Metric(
        get_text(metric, "name"),
        get_text(metric, "description"),
        get_text(metric, "unit"),
        _METRIC_TYPES[key],
        None
        if key in ("gauge", "summary")
        else get_enum(
            data, "aggregationTemporality", "AGGREGATION_TEMPORALITY_", metrics.TEMPORALITIES
        ),
        get_bool(data, "isMonotonic") if key == "sum" else None,
    )
    for number, point in enumerate(points):
        try:
            sink.add(_POINTS[key](_object("dataPoints", point), scope, described))
        except ItemError as error:
            sink.reject(error, f"data point {number} of {metric_label(metric)}")


def points_in(raw: Any) -> int:
    """How many data points a metric that cannot be read would have had; at least 1."""
    try:
        metric = _object("metrics", raw)
        return max(1, len(get_list(get_object(metric, _metric_key(metric)), "dataPoints")))
    except ItemError:
        return 1


def metric_label(raw: Any) -> str:
    """A metric in messages."""
    name = raw.get("name") if isinstance(raw, dict) else None
    return f"metric {ascii(name)[1:-1][:60]}" if isinstance(name, str) and name else "metric"


def _metric_key(metric: dict[str, Any]) -> str:
    for key in _METRIC_TYPES:
        if metric.get(key) is not None:
            return key
    raise malformed("metrics", f"objects with one of {', '.join(_METRIC_TYPES)}", sorted(metric))


def _object(key: str, value: Any) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise malformed(key, "a list of objects", value)
    return value


def _span(span: dict[str, Any], scope: Scope) -> Span:
    status = get_object(span, "status")
    links, unreadable_links = _links(get_objects(span, "links"))
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
        read_attributes(span),
        [_event(event) for event in get_objects(span, "events")],
        links,
        get_integer(span, "droppedAttributesCount", UINT32),
        get_integer(span, "droppedEventsCount", UINT32),
        get_integer(span, "droppedLinksCount", UINT32) + unreadable_links,
    )


def _event(event: dict[str, Any]) -> Event:
    return Event(
        get_integer(event, "timeUnixNano", UINT64),
        get_text(event, "name"),
        read_attributes(event),
        get_integer(event, "droppedAttributesCount", UINT32),
    )


def _links(found: list[dict[str, Any]]) -> tuple[list[Link], int]:
    """The links that can be read, and how many cannot: a span is not lost for a bad link."""
    links = []
    for link in found:
        try:
            links.append(_link(link))
        except ItemError:
            continue
    return links, len(found) - len(links)


def _link(link: dict[str, Any]) -> Link:
    return Link(
        _id(link, "traceId"),
        _id(link, "spanId"),
        get_text(link, "traceState"),
        read_attributes(link),
        get_integer(link, "droppedAttributesCount", UINT32),
        get_integer(link, "flags", UINT32),
    )


def _log_record(record: dict[str, Any], scope: Scope) -> LogRecord:
    return LogRecord(
        scope,
        get_integer(record, "timeUnixNano", UINT64),
        get_integer(record, "observedTimeUnixNano", UINT64),
        _id(record, "traceId"),
        _id(record, "spanId"),
        get_integer(record, "flags", UINT32),
        get_enum(record, "severityNumber", "SEVERITY_NUMBER_", _SEVERITIES),
        get_text(record, "severityText"),
        get_text(record, "eventName"),
        spans.encode_value(_value(record.get("body"), 0)),
        read_attributes(record),
        get_integer(record, "droppedAttributesCount", UINT32),
    )


def _number_point(point: dict[str, Any], scope: Scope, metric: Metric) -> Point:
    value, value_int = _number(point)
    return _point(point, scope, metric)._replace(value=value, value_int=value_int)


def _histogram_point(point: dict[str, Any], scope: Scope, metric: Metric) -> Point:
    return _point(point, scope, metric)._replace(
        **_totals(point),
        explicit_bounds=[
            to_double("explicitBounds", bound) for bound in get_list(point, "explicitBounds")
        ],
        bucket_counts=_counts(point),
    )


def _exponential_point(point: dict[str, Any], scope: Scope, metric: Metric) -> Point:
    return _point(point, scope, metric)._replace(
        **_totals(point),
        scale=get_integer(point, "scale", INT32),
        zero_count=get_integer(point, "zeroCount", UINT64),
        zero_threshold=_double(point, "zeroThreshold"),
        positive=_buckets(get_object(point, "positive")),
        negative=_buckets(get_object(point, "negative")),
    )


def _summary_point(point: dict[str, Any], scope: Scope, metric: Metric) -> Point:
    return _point(point, scope, metric)._replace(
        measurements=get_integer(point, "count", UINT64),
        sum=_double(point, "sum"),
        quantiles=[
            Quantile(_double(found, "quantile"), _double(found, "value"))
            for found in get_objects(point, "quantileValues")
        ],
    )


_POINTS: Final[dict[str, Callable[[dict[str, Any], Scope, Metric], Point]]] = {
    "gauge": _number_point,
    "sum": _number_point,
    "histogram": _histogram_point,
    "exponentialHistogram": _exponential_point,
    "summary": _summary_point,
}


def _point(point: dict[str, Any], scope: Scope, metric: Metric) -> Point:
    """What points of every type have."""
    return Point(
        scope,
        metric,
        get_integer(point, "startTimeUnixNano", UINT64),
        get_integer(point, "timeUnixNano", UINT64),
        get_integer(point, "flags", UINT32),
        read_attributes(point),
        [_exemplar(exemplar) for exemplar in get_objects(point, "exemplars")],
    )


def _totals(point: dict[str, Any]) -> dict[str, Any]:
    return {
        "measurements": get_integer(point, "count", UINT64),
        **{key: get_double(point, key) for key in ("sum", "min", "max")},
    }


def _buckets(side: dict[str, Any]) -> Buckets:
    return Buckets(get_integer(side, "offset", INT32), _counts(side))


def _counts(holder: dict[str, Any]) -> list[int]:
    counts = get_list(holder, "bucketCounts")
    return [to_integer("bucketCounts", count, UINT64) for count in counts]


def _number(holder: dict[str, Any]) -> tuple[float | None, int | None]:
    """A value as a double, and as an integer where it is one."""
    if holder.get("asInt") is not None:
        number = get_integer(holder, "asInt", INT64)
        return float(number), number
    return get_double(holder, "asDouble"), None


def _double(holder: dict[str, Any], key: str) -> float:
    """A number; 0 if it is not there. (Not by `or`, which takes the sign from -0.0.)"""
    value = get_double(holder, key)
    return 0.0 if value is None else value


def _exemplar(exemplar: dict[str, Any]) -> Exemplar:
    return Exemplar(
        get_integer(exemplar, "timeUnixNano", UINT64),
        *_number(exemplar),
        _id(exemplar, "traceId"),
        _id(exemplar, "spanId"),
        read_attributes(exemplar, "filteredAttributes"),
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
        raise ItemError(
            f"invalid_{which}_id", f"`{key}` is neither hex nor base64: {text[:60]!a}"
        ) from None


def read_attributes(holder: dict[str, Any], key: str = "attributes") -> Attributes:
    """The attributes that an object has at `key`. Raises ItemError."""
    pairs = get_objects(holder, key)
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
        return get_bool(value, "boolValue")
    if "doubleValue" in value:
        return to_double("doubleValue", value["doubleValue"])
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


def _nested(value: dict[str, Any], nesting: int) -> Any:
    if "arrayValue" in value:
        items = get_list(get_object(value, "arrayValue"), "values")
        return [_value(item, nesting) for item in items]
    pairs = get_objects(get_object(value, "kvlistValue"), "values")
    return {get_text(pair, "key"): _value(pair.get("value"), nesting) for pair in pairs}
