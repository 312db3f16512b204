"""Log records as rows."""

from __future__ import annotations

from typing import Final, NamedTuple

import pyarrow as pa

from hopwatch import logs
from hopwatch.formats.columns import (
    MAX_TIME,
    Attributes,
    Rows,
    RowType,
    Scope,
    attribute_arrays,
    texts,
)
from hopwatch.formats.decoded import ItemError
from hopwatch.signals import LOGS


class LogRecord(NamedTuple):
    """A log record as its format spelled it; times in nanoseconds since the epoch, 0: not set."""

    scope: Scope
    time_unix_nano: int
    observed_time_unix_nano: int
    trace_id: bytes
    span_id: bytes
    flags: int
    severity_number: int
    severity_text: str
    event_name: str
    body: tuple[str, str]  # text and type letter
    attributes: Attributes
    dropped_attributes_count: int


def _check(record: LogRecord) -> None:
    times = (record.time_unix_nano, record.observed_time_unix_nano)
    if not any(times):
        raise ItemError("missing_time", "the log record has neither a time nor an observed time")
    for time in times:
        if not 0 <= time < MAX_TIME:
            raise ItemError("time_out_of_range", f"time {time} is not within 0..2^63 ns")


def _arrays(columns: Rows) -> dict[str, pa.Array]:
    observed = columns["observed_time_unix_nano"]
    times = [time or seen for time, seen in zip(columns["time_unix_nano"], observed, strict=True)]
    known = range(logs.MAX_SEVERITY + 1)
    severities = [number if number in known else 0 for number in columns["severity_number"]]
    return {
        "time_unix_nano": pa.array(times, pa.int64()),
        "observed_time_unix_nano": pa.array([time or None for time in observed], pa.int64()),
        # The data model has a record with an invalid id taken as one of no trace.
        "trace_id": pa.array([_id(value, 16) for value in columns["trace_id"]], pa.binary(16)),
        "span_id": pa.array([_id(value, 8) for value in columns["span_id"]], pa.binary(8)),
        "flags": pa.array(columns["flags"], pa.uint32()),
        "severity_number": pa.array(severities, pa.uint8()),
        "severity_text": texts(columns["severity_text"]),
        "event_name": texts(columns["event_name"]),
        "body": pa.array([text for text, _ in columns["body"]], pa.string()),
        "body_type": pa.array([letter for _, letter in columns["body"]], pa.string()),
        **attribute_arrays("log", columns["attributes"]),
        "dropped_attributes_count": pa.array(columns["dropped_attributes_count"], pa.uint32()),
    }


def _id(value: bytes, length: int) -> bytes | None:
    return value if len(value) == length and any(value) else None


LOG_ROWS: Final = RowType(LOGS, _check, _arrays)
