"""OTLP/JSON: the specification's spelling, what is tolerated beyond it, and what is not."""

import base64
import json
from typing import Any

import pytest

from hopwatch.errors import InputError, TooLargeError
from hopwatch.formats import otlp_json

TRACE, SPAN = "5b8efff798038103d269b633813fc60c", "eee19b7ec3c1b174"


def span(**changes: Any) -> dict[str, Any]:
    fields = {
        "traceId": TRACE,
        "spanId": SPAN,
        "name": "GET /",
        "startTimeUnixNano": "1544712660000000001",
        "endTimeUnixNano": "1544712661000000002",
    }
    return fields | changes


def document(*spans: Any, **group: Any) -> bytes:
    scope = {"scopeSpans": [{"spans": list(spans)}]}
    return json.dumps({"resourceSpans": [scope | group]}).encode()


def decode(*spans: Any):
    return otlp_json.decode(document(*spans))


@pytest.mark.parametrize(
    ("changes", "column", "expected"),
    [
        ({"traceId": TRACE.upper()}, "trace_id", bytes.fromhex(TRACE)),
        ({"traceId": base64.b64encode(b"t" * 16).decode()}, "trace_id", b"t" * 16),
        ({"spanId": base64.b64encode(b"s" * 8).decode()}, "span_id", b"s" * 8),
        ({"parentSpanId": ""}, "parent_span_id", None),
        ({"parentSpanId": None}, "parent_span_id", None),
        ({"parentSpanId": SPAN}, "parent_span_id", bytes.fromhex(SPAN)),
        ({"startTimeUnixNano": 1544712660000000001}, "start_time_unix_nano", 1544712660000000001),
        ({"kind": 2}, "kind", "SERVER"),
        ({"kind": "SPAN_KIND_SERVER"}, "kind", "SERVER"),
        ({"kind": "CLIENT"}, "kind", "CLIENT"),
        ({"status": {"code": "STATUS_CODE_ERROR"}}, "status_code", "ERROR"),
        ({"status": {"code": 2, "message": "no"}}, "status_message", "no"),
        ({"flags": 257, "unknown": [{}]}, "flags", 257),
    ],
)
def test_spellings(changes: dict[str, Any], column: str, expected: Any) -> None:
    table, rejected = decode(span(**changes))
    assert not rejected.total
    assert table[column].to_pylist() == [expected]


@pytest.mark.parametrize(
    ("value", "text", "letter"),
    [
        ({"stringValue": "a"}, "a", "s"),
        ({"intValue": "-9223372036854775808"}, "-9223372036854775808", "i"),
        ({"intValue": 7}, "7", "i"),
        ({"boolValue": False}, "false", "b"),
        ({"doubleValue": 1.5}, "1.5", "d"),
        ({"doubleValue": "NaN"}, "NaN", "d"),
        ({"bytesValue": "aGk="}, "aGk=", "x"),
        ({"arrayValue": {"values": [{"intValue": "1"}, {"stringValue": "é"}]}}, '[1,"é"]', "a"),
        ({"kvlistValue": {"values": [{"key": "k", "value": {}}]}}, '{"k":null}', "m"),
        ({}, "", "n"),
        (None, "", "n"),
    ],
)
def test_attribute_values(value: Any, text: str, letter: str) -> None:
    table, rejected = decode(span(attributes=[{"key": "k", "value": value}]))
    assert not rejected.total
    assert table["span_attributes"].to_pylist() == [[("k", text)]]
    assert table["span_attribute_types"].to_pylist() == [letter]


@pytest.mark.parametrize(
    ("broken", "reason"),
    [
        (span(traceId="tid1"), "invalid_trace_id"),
        (span(traceId="0" * 32), "invalid_trace_id"),
        (span(spanId="zz" * 8), "invalid_span_id"),
        (span(spanId=None), "invalid_span_id"),
        (span(parentSpanId="12"), "invalid_parent_span_id"),
        (span(startTimeUnixNano="soon"), "malformed"),
        (span(startTimeUnixNano=-1), "malformed"),
        (span(startTimeUnixNano=2**64), "malformed"),
        (span(startTimeUnixNano=2**63), "time_out_of_range"),
        (span(endTimeUnixNano=None), "missing_end_time"),
        (span(startTimeUnixNano=True), "malformed"),
        (span(name=7), "malformed"),
        (span(kind="SPAN_KIND_WRONG"), "malformed"),
        (span(flags=1.5), "malformed"),
        (span(attributes={"a": 1}), "malformed"),
        (span(attributes=[7]), "malformed"),
        (span(attributes=[{"key": "k", "value": "bare"}]), "malformed"),
        (span(attributes=[{"key": "k", "value": {"intValue": "1e400"}}]), "malformed"),
        (span(attributes=[{"key": "k", "value": {"bytesValue": "a"}}]), "malformed"),
        (span(events=[{"timeUnixNano": 2**63}]), "time_out_of_range"),
        ("text", "malformed"),
        (None, "malformed"),
    ],
)
def test_rejected_alone(broken: Any, reason: str) -> None:
    table, rejected = decode(span(), broken, span())
    assert table.num_rows == 2
    assert rejected.counts == {reason: 1}


def test_a_link_that_cannot_be_read_is_dropped_alone() -> None:
    links = [{"traceId": "nope"}, {"traceId": "0A" * 16, "spanId": "0b" * 8}]
    table, rejected = decode(span(links=links, droppedLinksCount=2))
    assert not rejected.total
    (row,) = table.to_pylist()
    assert [link["span_id"].hex() for link in row["links"]] == ["0b" * 8]
    assert row["dropped_links_count"] == 3


def nested(levels: int) -> str:
    return '{"arrayValue":{"values":[' * levels + "{}" + "]}}" * levels


@pytest.mark.parametrize(("levels", "rows"), [(64, 3), (65, 2), (400, 2), (1_000_000, 2)])
def test_nesting(levels: int, rows: int) -> None:
    mark = {"key": "k", "value": "HERE"}
    data = document(span(), span(attributes=[mark]), span())
    data = data.replace(b'"HERE"', nested(levels).encode())
    table, rejected = otlp_json.decode(data)
    assert table.num_rows == rows
    assert rejected.counts.get("nesting_too_deep", 0) == 3 - rows


@pytest.mark.parametrize(
    "data", [b"[" * 10**6, b'{"a":' * 10**6, b'{"resourceSpans":' + b"[" * 10**6]
)
def test_unclosed_nesting(data: bytes) -> None:
    with pytest.raises(InputError, match="invalid JSON"):
        otlp_json.decode(data)


def test_lone_surrogates_and_bytes_that_are_no_text_are_repaired() -> None:
    data = document(span(name="A"), span(name="B"), span(name="C"))
    data = data.replace(b'"A"', b'"\\ud800!"').replace(b'"B"', b'"\xff!"')
    table, rejected = otlp_json.decode(data)
    assert table["name"].to_pylist() == ["\ufffd!", "\ufffd!", "C"]
    assert rejected.repaired == 2


def test_pairs_of_surrogates_are_one_character() -> None:
    table, rejected = decode(span(name="\U0001f600"))
    assert table["name"].to_pylist() == ["\U0001f600"]
    assert not rejected.repaired


def test_spelling_of_before_2022() -> None:
    library = {"instrumentationLibrary": {"name": "old", "version": "1"}, "spans": [span()]}
    data = json.dumps({"resourceSpans": [{"instrumentationLibrarySpans": [library]}]})
    table, _ = otlp_json.decode(data.encode())
    assert table["scope_name"].to_pylist() == ["old"]


@pytest.mark.parametrize(
    "data",
    [b"", b"{", b"[]", b"7", b'"text"', b'{"batches": []}', b'{"resourceSpans": 7}', b"NaN",
     b'{"resourceSpans": [1]}', b'{"resourceSpans": [{"scopeSpans": {}}]}'],
)  # fmt: skip
def test_not_a_request(data: bytes) -> None:
    with pytest.raises(InputError, match=r"^body: "):
        otlp_json.decode(data)


def test_empty_request() -> None:
    assert otlp_json.decode(b"{}").table.num_rows == 0


def test_cap_on_spans() -> None:
    with pytest.raises(TooLargeError, match="more than 2 spans"):
        otlp_json.decode(document(*[None] * 3), max_items=2)
    with pytest.raises(TooLargeError, match="objects and lists"):
        otlp_json.decode(b'{"resourceSpans": [' + b"[" * 100, max_items=2)
