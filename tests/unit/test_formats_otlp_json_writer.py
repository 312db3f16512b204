"""Tables written as OTLP/JSON come back as they were."""

import json
from pathlib import Path
from typing import Any

import pyarrow as pa

from hopwatch.formats import read_contents, read_files
from hopwatch.formats.otlp_json_writer import log_lines, trace_lines
from hopwatch.signals import LOGS

RESOURCE = {
    "attributes": [
        {"key": "service.name", "value": {"stringValue": "shop-bff"}},
        {"key": "process.pid", "value": {"intValue": "7"}},
    ]
}
VALUES: list[dict[str, Any]] = [
    {"stringValue": "<script>\u202e\x1b[31m"},
    {"boolValue": False},
    {"intValue": "-9223372036854775808"},
    {"doubleValue": 0.1},
    {"doubleValue": "NaN"},
    {"doubleValue": "-Infinity"},
    {"bytesValue": "AAH/"},
    {"arrayValue": {"values": [{"intValue": "1"}, {"stringValue": "1"}, {}]}},
    {"kvlistValue": {"values": [{"key": "k", "value": {"boolValue": True}}]}},
    {},
]
ATTRIBUTES = [{"key": f"a{n}", "value": value} for n, value in enumerate(VALUES)]
SPAN = {
    "traceId": "0af7651916cd43dd8448eb211c80319c",
    "spanId": "b7ad6b7169203331",
    "parentSpanId": "00f067aa0ba902b7",
    "traceState": "a=b",
    "flags": 257,
    "name": "GET /",
    "kind": 2,
    "startTimeUnixNano": "1795262396141047984",
    "endTimeUnixNano": "1795262396141047980",
    "attributes": ATTRIBUTES,
    "droppedAttributesCount": 1,
    "events": [{"timeUnixNano": "5", "name": "late", "attributes": ATTRIBUTES}],
    "links": [
        {"traceId": "0af7651916cd43dd8448eb211c80319d", "spanId": "b7ad6b7169203332", "flags": 1}
    ],
    "status": {"code": 2, "message": "no"},
}
BARE_SPAN = {
    "traceId": "0af7651916cd43dd8448eb211c80319d",
    "spanId": "b7ad6b7169203331",
    "startTimeUnixNano": "1",
    "endTimeUnixNano": "2",
}
LOG = {
    "timeUnixNano": "1795262396141047984",
    "observedTimeUnixNano": "1795262396141047985",
    "severityNumber": 17,
    "severityText": "error",
    "body": {"kvlistValue": {"values": [{"key": "k", "value": {"intValue": "1"}}]}},
    "attributes": ATTRIBUTES,
    "traceId": SPAN["traceId"],
    "spanId": SPAN["spanId"],
    "flags": 1,
}


def test_spans_come_back(tmp_path: Path) -> None:
    scopes = [
        {"scope": {"name": "http", "version": "1"}, "spans": [SPAN], "schemaUrl": "https://s/1"},
        {"scope": {"name": "grpc"}, "spans": [BARE_SPAN]},
    ]
    (tmp_path / "in.json").write_text(
        json.dumps({"resourceSpans": [{"resource": RESOURCE, "scopeSpans": scopes}]})
    )
    before = read_files([tmp_path / "in.json"]).table
    assert before.num_rows == 2
    lines = list(trace_lines(before))
    assert len(lines) == 2
    (tmp_path / "out.jsonl").write_text("\n".join(lines))
    after = read_files([tmp_path / "out.jsonl"]).table
    assert _plain(after) == _plain(before)


def test_logs_come_back(tmp_path: Path) -> None:
    records = [LOG, {"timeUnixNano": "3", "body": {"stringValue": "hi"}}]
    (tmp_path / "in.json").write_text(
        json.dumps(
            {
                "resourceLogs": [
                    {"resource": RESOURCE, "scopeLogs": [{"scope": {}, "logRecords": records}]}
                ]
            }
        )
    )
    before = read_contents([tmp_path / "in.json"]).of(LOGS).table
    assert before.num_rows == 2
    (tmp_path / "out.jsonl").write_text("\n".join(log_lines(before)))
    after = read_contents([tmp_path / "out.jsonl"]).of(LOGS).table
    assert _plain(after) == _plain(before)
    assert list(log_lines(before.slice(0, 0))) == []


def _plain(table: pa.Table) -> str:
    """Rows as text, so that NaN equals itself; in a different order they are the same."""
    return "\n".join(sorted(map(repr, table.to_pylist())))
