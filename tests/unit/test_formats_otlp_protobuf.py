"""OTLP/protobuf: one broken span costs only itself."""

import pytest
from opentelemetry.proto.trace.v1.trace_pb2 import Span, TracesData

from hopwatch.errors import InputError, TooLargeError
from hopwatch.formats import otlp_protobuf

TRACE, SPAN = b"t" * 16, b"s" * 8


def traces(*spans: Span) -> TracesData:
    data = TracesData()
    scope = data.resource_spans.add().scope_spans.add()
    scope.spans.extend(spans)
    return data


def span(**changes) -> Span:
    fields = {
        "trace_id": TRACE,
        "span_id": SPAN,
        "name": "GET /",
        "start_time_unix_nano": 1_000,
        "end_time_unix_nano": 1_250,
    }
    return Span(**(fields | changes))


def decode(*spans: Span):
    return otlp_protobuf.decode(traces(*spans).SerializeToString())


def varint(number: int) -> bytes:
    encoded = b""
    while number > 0x7F:
        encoded += bytes([number & 0x7F | 0x80])
        number >>= 7
    return encoded + bytes([number])


def length_delimited(tag: int, content: bytes) -> bytes:
    return bytes([tag]) + varint(len(content)) + content


def with_nested_attribute(levels: int) -> bytes:
    """A span with the attribute k = [[...1...]]; upb could not build it."""
    size, heads = 2, [b"\x18\x01"]  # the innermost AnyValue: int_value 1
    for _ in range(levels):
        for tag in (b"\x0a", b"\x2a"):  # ArrayValue.values, AnyValue.array_value
            heads.append(tag + varint(size))
            size += len(heads[-1])
    value = b"".join(reversed(heads))
    return span().SerializeToString() + length_delimited(
        0x4A, length_delimited(0x0A, b"k") + length_delimited(0x12, value)
    )


GOOD = span().SerializeToString()


def request(*encoded_spans: bytes) -> bytes:
    """A request around spans that are bytes already, so that they may be broken."""
    spans = b"".join(length_delimited(0x12, encoded) for encoded in encoded_spans)
    return length_delimited(0x0A, length_delimited(0x12, spans))


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"trace_id": b"short"}, "invalid_trace_id"),
        ({"trace_id": b""}, "invalid_trace_id"),
        ({"trace_id": bytes(16)}, "invalid_trace_id"),
        ({"span_id": b"s" * 9}, "invalid_span_id"),
        ({"span_id": bytes(8)}, "invalid_span_id"),
        ({"parent_span_id": b"p"}, "invalid_parent_span_id"),
        ({"start_time_unix_nano": 0}, "missing_start_time"),
        ({"end_time_unix_nano": 0}, "missing_end_time"),
        ({"start_time_unix_nano": 2**63}, "time_out_of_range"),
        ({"end_time_unix_nano": 2**64 - 1}, "time_out_of_range"),
        ({"events": [Span.Event(time_unix_nano=2**63)]}, "time_out_of_range"),
    ],
)
def test_rejected_alone(changes: dict, reason: str) -> None:
    table, rejected = decode(span(), span(**changes), span())
    assert table.num_rows == 2
    assert rejected.counts == {reason: 1}
    assert rejected.examples[0].where.startswith("body: span ")


def test_all_zero_parent_is_no_parent() -> None:
    table, rejected = decode(span(parent_span_id=bytes(8)))
    assert table["parent_span_id"].to_pylist() == [None]
    assert not rejected.total


def test_end_before_start_is_kept_for_attribution_to_repair() -> None:
    table, _ = decode(span(end_time_unix_nano=400))
    assert table["duration_nano"].to_pylist() == [-600]


def test_numbers_that_no_enum_has_are_unset() -> None:
    odd = span(kind=77)
    odd.status.code = 9
    table, _ = decode(odd)
    assert table["kind"].to_pylist() == ["UNSPECIFIED"]
    assert table["status_code"].to_pylist() == ["UNSET"]


def test_repeated_key_the_last_value_counts() -> None:
    found = span()
    found.attributes.add(key="k").value.string_value = "first"
    found.attributes.add(key="other").value.bool_value = True
    found.attributes.add(key="k").value.int_value = 2
    table, _ = decode(found)
    assert table["span_attributes"].to_pylist() == [[("k", "2"), ("other", "true")]]
    assert table["span_attribute_types"].to_pylist() == ["ib"]


@pytest.mark.parametrize("levels", [47, 48, 64])
def test_nesting_that_is_kept_also_where_upb_refuses_it(levels: int) -> None:
    table, rejected = otlp_protobuf.decode(request(GOOD, with_nested_attribute(levels)))
    assert not rejected.total
    assert table["span_attributes"][1].as_py() == [("k", "[" * levels + "1" + "]" * levels)]


@pytest.mark.parametrize("levels", [65, 400_000])
def test_nesting_too_deep_is_rejected_alone(levels: int) -> None:
    table, rejected = otlp_protobuf.decode(request(GOOD, with_nested_attribute(levels), GOOD))
    assert table.num_rows == 2
    assert rejected.counts == {"nesting_too_deep": 1}


def test_invalid_text_is_repaired_in_its_span() -> None:
    bad = span(name="XYZ").SerializeToString().replace(b"XYZ", b"\xff\xfeZ")
    table, rejected = otlp_protobuf.decode(request(GOOD, bad, GOOD))
    assert table["name"].to_pylist() == ["GET /", "\ufffd\ufffdZ", "GET /"]
    assert not rejected.total
    assert rejected.repaired == 1


def test_a_span_of_broken_bytes_is_rejected_alone() -> None:
    table, rejected = otlp_protobuf.decode(request(GOOD, GOOD[:-3], b"\xff\xff", GOOD))
    assert table.num_rows == 2
    assert rejected.counts == {"malformed": 2}
    assert "goes 3 bytes past the end" in rejected.examples[0].detail


def test_broken_resource_rejects_its_spans_only() -> None:
    spans = length_delimited(0x12, length_delimited(0x12, GOOD) * 2)
    broken = length_delimited(0x0A, length_delimited(0x0A, b"\xff") + spans)
    table, rejected = otlp_protobuf.decode(broken + length_delimited(0x0A, spans))
    assert table.num_rows == 2
    assert rejected.counts == {"malformed": 2}
    assert "its resource: unfinished number" in rejected.examples[0].detail


@pytest.mark.parametrize("data", [b"\x0a", b"\x0a\x7f", b"\x00\x00", b"\x0b", b"\xff" * 20])
def test_not_a_request(data: bytes) -> None:
    with pytest.raises(InputError, match="not an OTLP export of traces in protobuf"):
        otlp_protobuf.decode(data)


def test_spans_are_counted_before_they_are_made() -> None:
    empty_resources, empty_scopes = b"\x0a\x00" * 5000, length_delimited(0x0A, b"\x12\x00" * 5000)
    for bomb in (request(*[b""] * 5000), empty_resources, empty_scopes, b"\x10\x01" * 5000):
        with pytest.raises(TooLargeError, match="more than 1000 spans"):
            otlp_protobuf.decode(bomb, max_items=1000)


def test_millions_of_empty_attributes_in_one_span_or_resource() -> None:
    attributes = b"\x4a\x00" * 2_500_000
    table, rejected = otlp_protobuf.decode(request(GOOD, GOOD + attributes, GOOD))
    assert table.num_rows == 2
    assert rejected.counts == {"too_large": 1}
    resource = length_delimited(0x0A, b"\x0a\x00" * 2_500_000)
    spans = length_delimited(0x12, length_delimited(0x12, GOOD))
    table, rejected = otlp_protobuf.decode(length_delimited(0x0A, resource + spans))
    assert rejected.counts == {"too_large": 1}


def test_empty_spans_are_rejected() -> None:
    table, rejected = otlp_protobuf.decode(request(*[b""] * 5000))
    assert table.num_rows == 0
    assert rejected.counts == {"invalid_trace_id": 5000}
    assert len(rejected.examples) == 20


def test_more_spans_than_a_chunk_keep_their_order_and_resource() -> None:
    data = TracesData()
    for service in ("a", "b"):
        group = data.resource_spans.add()
        group.resource.attributes.add(key="service.name").value.string_value = service
        group.scope_spans.add().spans.extend(span(flags=number) for number in range(10_000))
    table, _ = otlp_protobuf.decode(data.SerializeToString())
    assert table["flags"].to_pylist() == [*range(10_000)] * 2
    assert table["service_name"].to_pylist() == ["a"] * 10_000 + ["b"] * 10_000
