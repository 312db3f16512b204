"""Tables as bodies of OTLP/HTTP with JSON: what any receiver of OTLP takes."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, Final

import pyarrow as pa

from hopwatch.formats.otlp_json_writer import (
    Row,
    attributes_json,
    envelope,
    log_json,
    no_number,
    span_json,
)
from hopwatch.metrics import TEMPORALITIES
from hopwatch.signals import LOGS, METRICS, SPANS, Signal

_TEMPORALITY_NUMBERS: Final = {name: number for number, name in enumerate(TEMPORALITIES)}
_KEYS: Final = {"exponential_histogram": "exponentialHistogram"}
"""Of types of metrics that are called otherwise in JSON."""


def request(signal: Signal, table: pa.Table) -> bytes:
    """One export request with all rows of a signal's table, of which there is one at least."""
    return envelope(*_ENVELOPES[signal], table.to_pylist(), _ITEMS[signal]).encode()


def _metric(row: Row) -> Row:
    """A data point with its metric around it."""
    kind: str = row["type"]
    data: Row = {"dataPoints": [_POINTS[kind](row) | _common(row)]}
    if row["aggregation_temporality"] is not None:
        data["aggregationTemporality"] = _TEMPORALITY_NUMBERS[row["aggregation_temporality"]]
    if row["is_monotonic"]:
        data["isMonotonic"] = True
    described = {key: row[key] for key in ("name", "description", "unit") if row[key]}
    return described | {_KEYS.get(kind, kind): data}


def _common(row: Row) -> Row:
    """What points of every type have."""
    return _given(
        startTimeUnixNano=_text(row["start_time_unix_nano"]),
        timeUnixNano=_text(row["time_unix_nano"]),
        flags=row["flags"],
        attributes=attributes_json(row["point_attributes"], row["point_attribute_types"]),
        exemplars=[_exemplar(exemplar) for exemplar in row["exemplars"] or ()],
    )


def _number(row: Row) -> Row:
    if row["value_int"] is not None:
        return {"asInt": str(row["value_int"])}
    return _given(asDouble=_double(row["value"]))


def _totals(row: Row) -> Row:
    return _given(
        count=_text(row["count"]), **{key: _double(row[key]) for key in ("sum", "min", "max")}
    )


def _histogram(row: Row) -> Row:
    bounds = [_double(bound) for bound in row["explicit_bounds"] or ()]
    return _totals(row) | {"bucketCounts": _texts(row["bucket_counts"]), "explicitBounds": bounds}


def _exponential(row: Row) -> Row:
    sides = {
        side: _given(
            offset=row[f"{side}_offset"], bucketCounts=_texts(row[f"{side}_bucket_counts"])
        )
        for side in ("positive", "negative")
    }
    return _totals(row) | _given(
        scale=row["scale"],
        zeroCount=_text(row["zero_count"]),
        zeroThreshold=_double(row["zero_threshold"]),
        **sides,
    )


def _summary(row: Row) -> Row:
    quantiles = [
        {"quantile": _double(found["quantile"]), "value": _double(found["value"])}
        for found in row["quantiles"] or ()
    ]
    return _given(count=_text(row["count"]), sum=_double(row["sum"]), quantileValues=quantiles)


def _exemplar(exemplar: Row) -> Row:
    return _number(exemplar) | _given(
        timeUnixNano=_text(exemplar["time_unix_nano"]),
        traceId=(exemplar["trace_id"] or b"").hex(),
        spanId=(exemplar["span_id"] or b"").hex(),
        filteredAttributes=attributes_json(exemplar["attributes"], exemplar["attribute_types"]),
    )


def _given(**fields: Any) -> Row:
    """What is there; a number that is 0 is."""
    return {key: value for key, value in fields.items() if value is not None}


def _text(number: int | None) -> str | None:
    """64-bit integers are text in OTLP/JSON."""
    return None if number is None else str(number)


def _texts(numbers: list[int] | None) -> list[str]:
    return [str(number) for number in numbers or ()]


def _double(value: float | None) -> float | str | None:
    return value if value is None or math.isfinite(value) else no_number(value)


_POINTS: Final[dict[str, Callable[[Row], Row]]] = {
    "gauge": _number,
    "sum": _number,
    "histogram": _histogram,
    "exponential_histogram": _exponential,
    "summary": _summary,
}
_ITEMS: Final[dict[Signal, Callable[[Row], Row]]] = {
    SPANS: span_json,
    LOGS: log_json,
    METRICS: _metric,
}
_ENVELOPES: Final = {
    SPANS: ("resourceSpans", "scopeSpans", "spans"),
    LOGS: ("resourceLogs", "scopeLogs", "logRecords"),
    METRICS: ("resourceMetrics", "scopeMetrics", "metrics"),
}
