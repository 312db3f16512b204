"""Log records from OTLP: what a row says, what is repaired, what is rejected alone."""

import json
from typing import Any

import pytest
from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord, LogsData

from hopwatch import logs
from hopwatch.errors import TooLargeError
from hopwatch.formats import otlp_json, otlp_protobuf
from hopwatch.formats.decoded import Decoded
from hopwatch.signals import LOGS

TRACE, SPAN = "5b8efff798038103d269b633813fc60c", "eee19b7ec3c1b174"


def record(**changes: Any) -> dict[str, Any]:
    return {"timeUnixNano": "1000", "body": {"stringValue": "hello"}} | changes


def from_json(*records: Any, **resource: Any) -> Decoded:
    group = {"resource": resource, "scopeLogs": [{"scope": {}, "logRecords": list(records)}]}
    data = json.dumps({"resourceLogs": [group]}).encode()
    return otlp_json.decode(data, signal=LOGS)


def encoded(*records: LogRecord) -> bytes:
    data = LogsData()
    data.resource_logs.add().scope_logs.add().log_records.extend(records)
    return data.SerializeToString()


def from_protobuf(*records: LogRecord) -> Decoded:
    return otlp_protobuf.decode(encoded(*records), signal=LOGS)


def test_every_column_from_json() -> None:
    table, rejected = from_json(
        record(
            observedTimeUnixNano="1500",
            traceId=TRACE,
            spanId=SPAN,
            flags=1,
            severityNumber=9,
            severityText="Information",
            eventName="order.placed",
            attributes=[{"key": "n", "value": {"intValue": "7"}}],
            droppedAttributesCount=2,
        ),
        attributes=[{"key": "service.name", "value": {"stringValue": "shop"}}],
    )
    assert not rejected.total
    assert table.schema.equals(logs.SCHEMA)
    (row,) = table.to_pylist()
    assert {key: value for key, value in row.items() if value} == {
        "time_unix_nano": 1000,
        "observed_time_unix_nano": 1500,
        "trace_id": bytes.fromhex(TRACE),
        "span_id": bytes.fromhex(SPAN),
        "flags": 1,
        "severity_number": 9,
        "severity_text": "Information",
        "event_name": "order.placed",
        "body": "hello",
        "body_type": "s",
        "service_name": "shop",
        "resource_attributes": [("service.name", "shop")],
        "resource_attribute_types": "s",
        "log_attributes": [("n", "7")],
        "log_attribute_types": "i",
        "dropped_attributes_count": 2,
    }


@pytest.mark.parametrize(
    ("changes", "column", "expected"),
    [
        ({"timeUnixNano": "0", "observedTimeUnixNano": "9"}, "time_unix_nano", 9),
        ({"severityNumber": "SEVERITY_NUMBER_ERROR2"}, "severity_number", 18),
        ({"severityNumber": 99}, "severity_number", 0),
        ({"severityNumber": -1}, "severity_number", 0),
        ({"traceId": "", "spanId": ""}, "trace_id", None),
        ({"traceId": "00" * 16}, "trace_id", None),
        ({"traceId": "ab"}, "trace_id", None),  # the data model: as if it had none
        ({"body": None}, "body_type", "n"),
        ({"body": {"kvlistValue": {"values": [{"key": "a", "value": {}}]}}}, "body", '{"a":null}'),
        ({"body": {"doubleValue": "NaN"}}, "body", "NaN"),
    ],
)
def test_spellings(changes: dict[str, Any], column: str, expected: Any) -> None:
    table, rejected = from_json(record(**changes))
    assert not rejected.total
    assert table[column].to_pylist() == [expected]


@pytest.mark.parametrize(
    ("broken", "reason"),
    [
        (record(timeUnixNano=0), "missing_time"),
        (record(timeUnixNano=2**63), "time_out_of_range"),
        (record(observedTimeUnixNano=str(2**64 - 1)), "time_out_of_range"),
        (record(timeUnixNano=-1), "malformed"),
        (record(traceId="no hex"), "invalid_trace_id"),
        (record(severityText=7), "malformed"),
        (record(body="bare"), "malformed"),
        (record(body={"arrayValue": {"values": 3}}), "malformed"),
        ("text", "malformed"),
        (None, "malformed"),
    ],
)
def test_rejected_alone(broken: Any, reason: str) -> None:
    table, rejected = from_json(record(), broken, record())
    assert table.num_rows == 2
    assert rejected.counts == {reason: 1}


@pytest.mark.parametrize("levels", [65, 1_000_000])
def test_a_body_that_is_nested_too_deep_is_rejected_alone(levels: int) -> None:
    deep = '{"arrayValue":{"values":[' * levels + "{}" + "]}}" * levels
    data = json.dumps(
        {"resourceLogs": [{"scopeLogs": [{"logRecords": [record(), record(body="HERE")]}]}]}
    ).replace('"HERE"', deep)
    table, rejected = otlp_json.decode(data.encode(), signal=LOGS)
    assert table.num_rows == 1
    assert rejected.counts == {"nesting_too_deep": 1}


def test_protobuf_repairs_and_rejects_one_record_at_a_time() -> None:
    bad_text = LogRecord(time_unix_nano=1, severity_text="XYZ")
    good, no_time = LogRecord(time_unix_nano=2), LogRecord(trace_id=b"t" * 16)
    data = encoded(good, bad_text, no_time, good).replace(b"XYZ", b"\xff\xfeZ")
    table, rejected = otlp_protobuf.decode(data, signal=LOGS)
    assert table["severity_text"].to_pylist() == [None, "\ufffd\ufffdZ", None]
    assert rejected.counts == {"missing_time": 1}
    assert rejected.repaired == 1


def test_records_are_counted_before_they_are_made() -> None:
    bomb = encoded(*[LogRecord()] * 5000)
    with pytest.raises(TooLargeError, match="more than 1000 log records"):
        otlp_protobuf.decode(bomb, signal=LOGS, max_items=1000)


def test_severity_names() -> None:
    assert [logs.severity(number) for number in (0, 1, 9, 12, 13, 17, 24, 25)] == [
        "", "TRACE", "INFO", "INFO", "WARN", "ERROR", "FATAL", "",
    ]  # fmt: skip
