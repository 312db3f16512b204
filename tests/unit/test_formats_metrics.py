"""Data points from OTLP: one row each, one broken point costs only itself."""

import json
import math
from typing import Any

import pytest
from google.protobuf.json_format import ParseDict
from opentelemetry.proto.metrics.v1.metrics_pb2 import (
    Gauge,
    Histogram,
    HistogramDataPoint,
    Metric,
    MetricsData,
    NumberDataPoint,
)

from hopwatch import metrics
from hopwatch.errors import TooLargeError
from hopwatch.formats import otlp_json, otlp_protobuf
from hopwatch.formats.decoded import Decoded
from hopwatch.formats.metric_rows import MAX_BUCKETS
from hopwatch.signals import METRICS


def from_json(**metric: Any) -> Decoded:
    data = {"resourceMetrics": [{"scopeMetrics": [{"metrics": [{"name": "m"} | metric]}]}]}
    return otlp_json.decode(json.dumps(data).encode(), signal=METRICS)


def points(kind: str, *raw: Any, **data: Any) -> Decoded:
    made = [{"timeUnixNano": "9", **point} if isinstance(point, dict) else point for point in raw]
    return from_json(**{kind: {"dataPoints": made} | data})


def encoded(*found: Metric) -> bytes:
    data = MetricsData()
    data.resource_metrics.add().scope_metrics.add().metrics.extend(found)
    return data.SerializeToString()


def gauge(*values: NumberDataPoint, name: str = "m") -> Metric:
    return Metric(name=name, gauge=Gauge(data_points=values))


def number(**fields: Any) -> NumberDataPoint:
    return NumberDataPoint(**({"time_unix_nano": 9, "as_double": 1.5} | fields))


def said(table: Any) -> dict[str, Any]:
    """What the only row says, without what is empty."""
    (row,) = table.to_pylist()
    return {key: value for key, value in row.items() if value not in (None, [], "", 0)}


def test_sum_of_integers() -> None:
    table, rejected = points(
        "sum",
        {"startTimeUnixNano": "5", "asInt": str(2**62), "attributes": []},
        aggregationTemporality=2,
        isMonotonic=True,
    )
    assert not rejected.total
    assert table.schema.equals(metrics.SCHEMA)
    assert said(table) == {
        "name": "m",
        "type": "sum",
        "aggregation_temporality": "CUMULATIVE",
        "is_monotonic": True,
        "start_time_unix_nano": 5,
        "time_unix_nano": 9,
        "value": float(2**62),
        "value_int": 2**62,
    }


def test_histogram_with_an_exemplar() -> None:
    trace = "5b8efff798038103d269b633813fc60c"
    table, _ = points(
        "histogram",
        {
            "count": "3",
            "sum": 7.5,
            "min": 0.5,
            "explicitBounds": [1, 2],
            "bucketCounts": ["1", 1, "1"],
            "exemplars": [
                {
                    "timeUnixNano": "8",
                    "asDouble": 0.5,
                    "traceId": trace,
                    "filteredAttributes": [{"key": "k", "value": {"boolValue": True}}],
                }
            ],
        },
        aggregationTemporality="AGGREGATION_TEMPORALITY_DELTA",
    )
    found = said(table)
    (exemplar,) = found.pop("exemplars")
    assert (exemplar["trace_id"].hex(), exemplar["value"]) == (trace, 0.5)
    assert (exemplar["attributes"], exemplar["attribute_types"]) == ([("k", "true")], "b")
    assert found == {
        "name": "m",
        "type": "histogram",
        "aggregation_temporality": "DELTA",
        "time_unix_nano": 9,
        "count": 3,
        "sum": 7.5,
        "min": 0.5,
        "explicit_bounds": [1.0, 2.0],
        "bucket_counts": [1, 1, 1],
    }


def test_exponential_histogram_and_summary() -> None:
    table, _ = points(
        "exponentialHistogram",
        {
            "count": 4,
            "scale": -3,
            "zeroCount": "1",
            "zeroThreshold": 0.25,
            "positive": {"offset": -2, "bucketCounts": ["2"]},
            "negative": {"offset": 1, "bucketCounts": ["1"]},
        },
    )
    found = said(table)
    assert (found["type"], found["scale"], found["zero_count"]) == ("exponential_histogram", -3, 1)
    assert (found["positive_offset"], found["positive_bucket_counts"]) == (-2, [2])
    assert (found["negative_offset"], found["negative_bucket_counts"]) == (1, [1])
    assert (found["count"], found["zero_threshold"]) == (4, 0.25)
    table, _ = points(
        "summary", {"count": 2, "sum": 3, "quantileValues": [{"quantile": 0.5, "value": 1}]}
    )
    found = said(table)
    assert (found["count"], found["sum"]) == (2, 3.0)
    assert found["quantiles"] == [{"quantile": 0.5, "value": 1.0}]


@pytest.mark.parametrize(
    ("given", "value"),
    [("NaN", math.nan), ("Infinity", math.inf), ("-Infinity", -math.inf), (-1, -1.0)],
)
def test_values_that_are_no_ordinary_numbers_are_kept(given: Any, value: float) -> None:
    table, rejected = points("gauge", {"asDouble": given})
    assert not rejected.total
    assert repr(table["value"].to_pylist()) == repr([value])


def test_zero_keeps_its_sign() -> None:
    for kind, point in (
        ("gauge", {"asDouble": -0.0}),
        ("summary", {"sum": -0.0}),
        ("exponentialHistogram", {"zeroThreshold": -0.0}),
    ):
        row = points(kind, point).table.to_pylist()[0]
        assert "-0.0" in map(repr, (row["value"], row["sum"], row["zero_threshold"]))
    table, _ = points("summary", {"quantileValues": [{"quantile": -0.0, "value": -0.0}]})
    assert repr(table["quantiles"][0].as_py()) == "[{'quantile': -0.0, 'value': -0.0}]"


def test_a_series_that_has_ended_needs_no_value() -> None:
    table, rejected = points("gauge", {"flags": metrics.NO_RECORDED_VALUE})
    assert (table["value"].to_pylist(), rejected.total) == ([None], 0)


BOUNDS = {"explicitBounds": [1, 2]}


@pytest.mark.parametrize(
    ("kind", "point", "reason"),
    [
        ("gauge", {"timeUnixNano": 0, "asInt": 1}, "missing_time"),
        ("gauge", {"timeUnixNano": 2**63, "asInt": 1}, "time_out_of_range"),
        ("gauge", {"startTimeUnixNano": str(2**63), "asInt": 1}, "time_out_of_range"),
        ("gauge", {"asInt": 1, "exemplars": [{"timeUnixNano": 2**63}]}, "time_out_of_range"),
        ("gauge", {}, "missing_value"),
        ("gauge", {"asInt": "1.5"}, "malformed"),
        ("gauge", {"asInt": 2**63}, "malformed"),
        ("gauge", {"asDouble": "much"}, "malformed"),
        ("gauge", {"asDouble": True}, "malformed"),
        ("gauge", 7, "malformed"),
        ("histogram", {"count": -1}, "malformed"),
        ("histogram", {"count": str(2**63)}, "count_out_of_range"),
        ("histogram", {"flags": 1, "count": str(2**63)}, "count_out_of_range"),
        ("histogram", {"flags": 1, "bucketCounts": [0] * (MAX_BUCKETS + 1)}, "too_many_buckets"),
        ("histogram", {**BOUNDS, "bucketCounts": [1, -1, 1]}, "malformed"),
        ("histogram", {**BOUNDS, "bucketCounts": [1, 1]}, "bucket_mismatch"),
        ("histogram", {**BOUNDS}, "bucket_mismatch"),
        ("histogram", {"bucketCounts": [1, 1]}, "bucket_mismatch"),
        ("histogram", {"explicitBounds": [2, 1], "bucketCounts": [0] * 3}, "bucket_mismatch"),
        ("histogram", {"explicitBounds": ["NaN", 1], "bucketCounts": [0] * 3}, "bucket_mismatch"),
        ("exponentialHistogram", {"scale": 2**31}, "malformed"),
        (
            "exponentialHistogram",
            {"positive": {"bucketCounts": [0] * (MAX_BUCKETS + 1)}},
            "too_many_buckets",
        ),
        ("summary", {"quantileValues": [{}] * (MAX_BUCKETS + 1)}, "too_many_buckets"),
        ("gauge", {"asInt": 1, "exemplars": [{}] * (MAX_BUCKETS + 1)}, "too_many_buckets"),
    ],
)
def test_rejected_alone(kind: str, point: Any, reason: str) -> None:
    good = {"asInt": 1} if kind == "gauge" else {"count": 0}
    table, rejected = points(kind, good, point, good)
    assert table.num_rows == 2
    assert rejected.counts == {reason: 1}
    assert " of metric m" in rejected.examples[0].where


@pytest.mark.parametrize(
    ("metric", "lost"),
    [
        ({"name": 7, "gauge": {"dataPoints": [{"timeUnixNano": 9}] * 3}}, 3),
        ({"name": "m"}, 1),
        ({"name": "m", "gauge": {"dataPoints": {}}}, 1),
        ({"name": "m", "sum": {"dataPoints": [{}] * 2, "isMonotonic": "yes"}}, 2),
        ("text", 1),
    ],
)
def test_a_metric_that_cannot_be_read_counts_its_points(metric: Any, lost: int) -> None:
    good = {"name": "g", "gauge": {"dataPoints": [{"timeUnixNano": "9", "asInt": 1}]}}
    data = {"resourceMetrics": [{"scopeMetrics": [{"metrics": [metric, good]}]}]}
    table, rejected = otlp_json.decode(json.dumps(data).encode(), signal=METRICS)
    assert table["name"].to_pylist() == ["g"]
    assert rejected.counts == {"malformed": lost}


def test_points_without_a_name_are_rejected() -> None:
    table, rejected = from_json(name="", gauge={"dataPoints": [{"timeUnixNano": 9, "asInt": 1}]})
    assert (table.num_rows, rejected.counts) == (0, {"missing_name": 1})


@pytest.mark.parametrize("decoder", [otlp_json, otlp_protobuf])
def test_a_sum_that_is_not_said_is_not_zero(decoder: Any) -> None:
    nothing, zero = {"timeUnixNano": 9}, {"timeUnixNano": 9, "sum": 0, "min": 0, "max": 0}
    if decoder is otlp_json:
        table, _ = points("histogram", nothing, zero)
    else:
        made = [ParseDict(point, HistogramDataPoint()) for point in (nothing, zero)]
        data = encoded(Metric(name="h", histogram=Histogram(data_points=made)))
        table, _ = otlp_protobuf.decode(data, signal=METRICS)
    for name in ("sum", "min", "max"):
        assert table[name].to_pylist() == [None, 0.0]


def test_what_only_upb_finds_too_deep_is_not_repaired() -> None:
    data = MetricsData()
    metric = data.resource_metrics.add().scope_metrics.add().metrics.add(name="m")
    point = metric.gauge.data_points.add(time_unix_nano=9, as_int=1)
    value = point.attributes.add(key="k").value
    for _ in range(60):
        value = value.array_value.values.add()
    table, rejected = otlp_protobuf.decode(data.SerializeToString(), signal=METRICS)
    assert table["point_attributes"][0].as_py()[0][1].count("[") == 60
    assert (rejected.total, rejected.repaired) == (0, 0)


def test_broken_bytes_cost_one_point() -> None:
    broken = number(start_time_unix_nano=1).SerializeToString()
    data = encoded(gauge(number(), number(start_time_unix_nano=1), number()))
    data = data.replace(broken, b"\xff" * len(broken))
    table, rejected = otlp_protobuf.decode(data, signal=METRICS)
    assert table.num_rows == 2
    assert rejected.counts == {"malformed": 1}


def test_invalid_text_is_repaired_in_its_point_and_in_its_name() -> None:
    point = number()
    point.attributes.add(key="XYZ").value.string_value = "v"
    data = encoded(gauge(point, number()), gauge(number(), name="nXYZ")).replace(
        b"XYZ", b"\xff\xfe!"
    )
    table, rejected = otlp_protobuf.decode(data, signal=METRICS)
    assert table["name"].to_pylist() == ["m", "m", "n\ufffd\ufffd!"]
    assert table["point_attributes"][0].as_py() == [("\ufffd\ufffd!", "v")]
    assert (rejected.total, rejected.repaired) == (0, 2)


def test_points_are_counted_before_they_are_made() -> None:
    bomb = encoded(gauge(*[NumberDataPoint()] * 5000))
    with pytest.raises(TooLargeError, match="more than 1000 data points"):
        otlp_protobuf.decode(bomb, signal=METRICS, max_items=1000)
    table, rejected = otlp_protobuf.decode(bomb, signal=METRICS)
    assert (table.num_rows, rejected.counts) == (0, {"missing_time": 5000})


def test_millions_of_buckets_in_one_point_are_rejected_alone() -> None:
    many = HistogramDataPoint(time_unix_nano=9, bucket_counts=[0] * 400_000)
    few = HistogramDataPoint(time_unix_nano=9, count=1)
    data = encoded(Metric(name="h", histogram=Histogram(data_points=[few, many, few])))
    table, rejected = otlp_protobuf.decode(data, signal=METRICS)
    assert table["count"].to_pylist() == [1, 1]
    assert rejected.counts == {"too_many_buckets": 1}
