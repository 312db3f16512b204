"""What the collector's file exporter writes: each message by itself, its length before it."""

import json
from collections.abc import Callable

import pyarrow as pa
import pytest
from opentelemetry.proto.trace.v1.trace_pb2 import TracesData

from hopwatch.errors import InputError
from hopwatch.formats import Contents, decode
from hopwatch.signals import SPANS

TRACE = "5b8efff798038103d269b633813fc60c"


def as_json(number: int) -> bytes:
    span = {"traceId": TRACE, "spanId": f"{number:016x}"}
    times = {"startTimeUnixNano": "1000", "endTimeUnixNano": "2000"}
    return json.dumps({"resourceSpans": [{"scopeSpans": [{"spans": [span | times]}]}]}).encode()


def as_protobuf(number: int) -> bytes:
    data = TracesData()
    span = data.resource_spans.add().scope_spans.add().spans.add()
    span.trace_id, span.span_id = bytes.fromhex(TRACE), number.to_bytes(8)
    span.start_time_unix_nano, span.end_time_unix_nano = 1000, 2000
    return data.SerializeToString()


def packed(message: bytes, encoding: str) -> bytes:
    return pa.compress(message, encoding, asbytes=True) if encoding else message


def framed(*messages: bytes) -> bytes:
    return b"".join(len(message).to_bytes(4) + message for message in messages)


def span_numbers(contents: Contents) -> list[int]:
    ids = contents.of(SPANS).table["span_id"].to_pylist()
    return [int.from_bytes(span_id) for span_id in ids]


@pytest.mark.parametrize("write", [as_json, as_protobuf])
@pytest.mark.parametrize("encoding", ["", "zstd", "gzip"])
def test_messages_behind_their_lengths(write: Callable[[int], bytes], encoding: str) -> None:
    contents = decode(framed(*(packed(write(n), encoding) for n in (1, 2, 3))), "f")
    assert span_numbers(contents) == [1, 2, 3]
    assert not contents.unreadable.total


@pytest.mark.parametrize("write", [as_json, as_protobuf])
@pytest.mark.parametrize("encoding", ["", "zstd"])
@pytest.mark.parametrize("missing", [1, 20])
def test_the_last_message_is_cut_off(
    write: Callable[[int], bytes], encoding: str, missing: int
) -> None:
    whole = framed(*(packed(write(n), encoding) for n in (1, 2, 3)))
    contents = decode(whole[:-missing], "f")
    assert span_numbers(contents) == [1, 2]
    assert contents.unreadable.counts == {"cut_off_file": 1}
    assert f"lacks {missing} bytes" in contents.unreadable.summary()


@pytest.mark.parametrize("write", [as_json, as_protobuf])
def test_a_message_that_cannot_be_unpacked_costs_itself(write: Callable[[int], bytes]) -> None:
    messages = [packed(write(n), "zstd") for n in (1, 2, 3)]
    messages[1] = messages[1][:4] + b"\xff" * (len(messages[1]) - 4)
    contents = decode(framed(*messages), "f")
    assert span_numbers(contents) == [1, 3]
    assert contents.unreadable.counts == {"invalid_message": 1}


def test_a_message_that_is_no_export_costs_itself() -> None:
    contents = decode(framed(as_protobuf(1), b"\xff" * 30, as_protobuf(3)), "f")
    assert span_numbers(contents) == [1, 3]
    assert contents.unreadable.counts == {"invalid_message": 1}


def test_a_message_that_breaks_off_behind_a_resource() -> None:
    contents = decode((as_protobuf(1) + as_protobuf(2))[:-5], "f")
    assert span_numbers(contents) == [1]
    assert contents.unreadable.counts == {"cut_off_file": 1}


@pytest.mark.parametrize("data", [b"\x00\x00\x00\x03{a}", b"\x00\x00\x00\x09\x28\xb5\x2f\xfdabcd!"])
def test_frames_that_hold_nothing(data: bytes) -> None:
    with pytest.raises(InputError, match="f: "):
        decode(data, "f")
