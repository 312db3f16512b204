"""Jaeger's spans: references, tags, processes."""

import json
from typing import Any

import pytest

from hopwatch.formats import decode
from hopwatch.signals import SPANS


def span(span_id: str = "b", **changes: Any) -> dict[str, Any]:
    start = {"traceID": "a", "spanID": span_id, "startTime": 1_700_000_000_000_000, "duration": 5}
    return start | changes


def read(*spans: dict[str, Any], **trace: Any) -> list[dict[str, Any]]:
    document = {"data": [{"traceID": "a", "spans": spans} | trace]}
    table, rejected = decode(json.dumps(document).encode(), "f").of(SPANS)
    assert not rejected.total
    return table.to_pylist()


def reference(span_id: str, kind: str = "CHILD_OF", trace: str = "a") -> dict[str, str]:
    return {"refType": kind, "traceID": trace, "spanID": span_id}


@pytest.mark.parametrize(
    ("references", "parent", "links"),
    [
        ([], None, []),
        ([reference("c")], "c", []),
        ([reference("9"), reference("c")], "c", ["9"]),  # 9 is not in the trace
        ([reference("9"), reference("8")], "9", ["8"]),
        ([reference("c", "FOLLOWS_FROM")], None, ["c"]),
        ([reference("c", "FOLLOWS_FROM"), reference("d")], "d", ["c"]),
        ([reference("c", trace="ff"), reference("d")], "d", ["c"]),
        ([reference("0")], None, []),
    ],
)
def test_references(references: list[Any], parent: str | None, links: list[str]) -> None:
    row, *_ = read(span(references=references), span("c"), span("d"))
    assert row["parent_span_id"] == (bytes.fromhex(parent.rjust(16, "0")) if parent else None)
    ids = [link["span_id"].hex().lstrip("0") for link in row["links"] or ()]
    assert [found for found in ids if found] == links


def test_parent_of_old_documents() -> None:
    row, _ = read(span(parentSpanID="c"), span("c"))
    assert row["parent_span_id"].hex() == "000000000000000c"


def test_tags_that_stand_for_fields() -> None:
    tags = {
        "span.kind": "server", "otel.status_code": "ERROR", "otel.status_description": "no",
        "w3c.tracestate": "ot=th:8", "otel.scope.name": "lib", "otel.library.version": "2",
        "rest": "r",
    }  # fmt: skip
    (row,) = read(span(tags=[{"key": key, "value": value} for key, value in tags.items()]))
    wanted = ("kind", "status_code", "status_message", "trace_state", "scope_name")
    assert [row[name] for name in wanted] == ["SERVER", "ERROR", "no", "ot=th:8", "lib"]
    assert row["scope_version"] == "2"
    assert row["span_attributes"] == [("rest", "r")]


@pytest.mark.parametrize(
    ("type_", "value", "text", "letter"),
    [
        ("int64", "9223372036854775222", "9223372036854775222", "i"),
        ("int64", 7, "7", "i"),
        ("int64", "many", "many", "s"),
        ("bool", "true", "true", "b"),
        ("float64", "72.5", "72.5", "d"),
        ("binary", "00003039", "AAAwOQ==", "x"),
        ("binary", "AAAwOQ==", "AAAwOQ==", "x"),
        ("string", "<script>", "<script>", "s"),
    ],
)
def test_values(type_: str, value: Any, text: str, letter: str) -> None:
    (row,) = read(span(tags=[{"key": "k", "type": type_, "value": value}]))
    assert (row["span_attributes"], row["span_attribute_types"]) == ([("k", text)], letter)


@pytest.mark.parametrize(
    ("error", "status"),
    [(True, "ERROR"), ("true", "ERROR"), (False, "UNSET"), ("false", "UNSET"), ("oh", "ERROR")],
)
def test_error(error: Any, status: str) -> None:
    (row,) = read(span(tags=[{"key": "error", "value": error}]))
    assert row["status_code"] == status


def test_processes_and_logs() -> None:
    process = {"serviceName": "shop", "tags": [{"key": "hostname", "value": "h"}]}
    logs = [
        {"timestamp": 1_700_000_000_000_001, "fields": [
            {"key": "event", "type": "string", "value": "retry"},
            {"key": "n", "type": "int64", "value": 2},
        ]}
    ]  # fmt: skip
    rows = read(
        span(processID="p1", logs=logs), span("c", processID="p9"), processes={"p1": process}
    )
    assert rows[0]["service_name"] == "shop"
    assert ("hostname", "h") in rows[0]["resource_attributes"]
    (event,) = rows[0]["events"]
    assert (event["name"], event["attributes"]) == ("retry", [("n", "2")])
    assert rows[1]["service_name"] is None


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"startTime": None}, "missing_start_time"),
        ({"duration": None}, "missing_end_time"),
        ({"startTime": "1e999999999"}, "malformed"),
        ({"startTime": True}, "malformed"),
        ({"spanID": "not hex"}, "invalid_span_id"),
        ({"traceID": "1" * 33}, "invalid_trace_id"),
        ({"tags": [{"value": 1}]}, "malformed"),
        ({"operationName": 7}, "malformed"),
    ],
)
def test_a_bad_span_is_named_and_the_rest_is_read(changes: dict[str, Any], reason: str) -> None:
    data = json.dumps({"traceID": "a", "spans": [span(), span("c") | changes, span("d"), 7]})
    table, rejected = decode(data.encode(), "f").of(SPANS)
    assert table.num_rows == 2
    assert rejected.counts[reason] >= 1
    assert rejected.total == 2
    assert rejected.examples[0].where.startswith("f: span ")


def test_microseconds_with_a_fraction_lose_nothing() -> None:
    document = json.dumps(span(startTime="HERE")).replace('"HERE"', "1700000000000000.123")
    table = decode(document.encode(), "f").of(SPANS).table
    assert table["start_time_unix_nano"].to_pylist() == [1_700_000_000_000_000_123]
