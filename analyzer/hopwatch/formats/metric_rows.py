"""Data points as rows."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import chain, pairwise
from typing import Final, NamedTuple

import pyarrow as pa
import pyarrow.compute as pc

from hopwatch import metrics
from hopwatch.formats.columns import (
    MAX_TIME,
    Attributes,
    Rows,
    RowType,
    Scope,
    attribute_arrays,
    enum,
    lists_of_structs,
    texts,
)
from hopwatch.formats.decoded import ItemError
from hopwatch.signals import METRICS

MAX_BUCKETS: Final = 1 << 14
"""Buckets, quantiles or exemplars of one point, each; SDKs make at most some hundreds."""
_MAX_COUNT: Final = 1 << 63


class Metric(NamedTuple):
    """What a metric says of all its points."""

    name: str
    description: str
    unit: str
    type: str  # one of metrics.TYPES
    aggregation_temporality: int | None
    is_monotonic: bool | None


class Quantile(NamedTuple):
    quantile: float
    value: float


class Exemplar(NamedTuple):
    time_unix_nano: int
    value: float | None
    value_int: int | None
    trace_id: bytes
    span_id: bytes
    attributes: Attributes


class Buckets(NamedTuple):
    """One side of an exponential histogram."""

    offset: int
    counts: Sequence[int]


class Point(NamedTuple):
    """A data point as its format spelled it; times in nanoseconds since the epoch, 0: not set.
    What its metric's type does not have is None."""

    scope: Scope
    metric: Metric
    start_time_unix_nano: int
    time_unix_nano: int
    flags: int
    attributes: Attributes
    exemplars: Sequence[Exemplar] = ()
    value: float | None = None
    value_int: int | None = None
    measurements: int | None = None  # `count`, which every tuple has already
    sum: float | None = None
    min: float | None = None
    max: float | None = None
    explicit_bounds: Sequence[float] | None = None
    bucket_counts: Sequence[int] | None = None
    scale: int | None = None
    zero_count: int | None = None
    zero_threshold: float | None = None
    positive: Buckets | None = None
    negative: Buckets | None = None
    quantiles: Sequence[Quantile] = ()


def _check(point: Point) -> None:
    if not point.metric.name:
        raise ItemError("missing_name", "the metric has no name")
    if point.time_unix_nano == 0:
        raise ItemError("missing_time", "the data point has no time")
    times = [point.start_time_unix_nano, point.time_unix_nano]
    times += [exemplar.time_unix_nano for exemplar in point.exemplars]
    for time in times:
        if not 0 <= time < MAX_TIME:
            raise ItemError("time_out_of_range", f"time {time} is not within 0..2^63 ns")
    if len(point.exemplars) > MAX_BUCKETS:
        raise _too_many(len(point.exemplars))
    if point.metric.type not in ("gauge", "sum"):
        _check_distribution(point)
    elif point.value is None and not point.flags & metrics.NO_RECORDED_VALUE:
        raise ItemError("missing_value", "the data point has no value")


def _too_many(number: int) -> ItemError:
    return ItemError(
        "too_many_buckets", f"{number} entries in a list of one data point; {MAX_BUCKETS} are kept"
    )


def _check_distribution(point: Point) -> None:
    sides = [side.counts for side in (point.positive, point.negative) if side is not None]
    buckets, bounds = point.bucket_counts or (), point.explicit_bounds or ()
    widest = max(map(len, (*sides, buckets, bounds, point.quantiles)))
    if widest > MAX_BUCKETS:
        raise _too_many(widest)
    for count in chain((point.measurements or 0, point.zero_count or 0), buckets, *sides):
        if not 0 <= count < _MAX_COUNT:
            raise ItemError("count_out_of_range", f"a count of {count} is not within 0..2^63")
    if (buckets or bounds) and len(buckets) != len(bounds) + 1:
        raise ItemError(
            "bucket_mismatch",
            f"{len(bounds)} bounds need {len(bounds) + 1} bucket counts, not {len(buckets)}",
        )
    if any(not low < high for low, high in pairwise(bounds)):
        raise ItemError("bucket_mismatch", "the bounds of the buckets do not rise")


def _arrays(columns: Rows) -> dict[str, pa.Array]:
    described = dict(zip(Metric._fields, zip(*columns["metric"], strict=True), strict=True))
    temporality = enum(
        [number or 0 for number in described["aggregation_temporality"]], metrics.TEMPORALITIES
    )
    has_temporality = pa.array([n is not None for n in described["aggregation_temporality"]])
    types = {field.name: field.type for field in metrics.SCHEMA}
    plain = (
        "flags", "value", "value_int", "sum", "min", "max", "explicit_bounds",
        "bucket_counts", "scale", "zero_count", "zero_threshold",
    )  # fmt: skip
    starts = columns["start_time_unix_nano"]
    return {
        "name": pa.array(described["name"], pa.string()),
        "description": texts(described["description"]),
        "unit": texts(described["unit"]),
        "type": pa.array(described["type"], pa.string()),
        "aggregation_temporality": pc.if_else(has_temporality, temporality.cast(pa.string()), None),
        "is_monotonic": pa.array(described["is_monotonic"], pa.bool_()),
        "start_time_unix_nano": pa.array([start or None for start in starts], pa.int64()),
        "time_unix_nano": pa.array(columns["time_unix_nano"], pa.int64()),
        **{name: pa.array(columns[name], types[name]) for name in plain},
        "count": pa.array(columns["measurements"], pa.int64()),
        **_side_arrays("positive", columns["positive"]),
        **_side_arrays("negative", columns["negative"]),
        "quantiles": lists_of_structs(columns["quantiles"], metrics.QUANTILE),
        "exemplars": lists_of_structs(columns["exemplars"], metrics.EXEMPLAR),
        **attribute_arrays("point", columns["attributes"]),
    }


def _side_arrays(name: str, sides: Sequence[Buckets | None]) -> dict[str, pa.Array]:
    offsets = [side and side.offset for side in sides]
    counts = [side and side.counts for side in sides]
    return {
        f"{name}_offset": pa.array(offsets, pa.int32()),
        f"{name}_bucket_counts": pa.array(counts, pa.list_(pa.int64())),
    }


METRIC_ROWS: Final = RowType(METRICS, _check, _arrays)
