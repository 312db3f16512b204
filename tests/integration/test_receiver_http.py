"""OTLP/HTTP as exporters and others speak it: status codes, bodies, what is counted."""

import gzip
import json
import re
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pytest
from flask.testing import FlaskClient
from google.rpc import code_pb2, status_pb2
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)

from hopwatch.receiver import bodies
from hopwatch.receiver.app import create_app
from hopwatch.store import Retention, Store, UnavailableError

PROTOBUF, JSON = "application/x-protobuf", "application/json"
MAX_BODY = 100_000


def request(valid: int = 1, invalid: int = 0, seed: int = 1) -> ExportTraceServiceRequest:
    export = ExportTraceServiceRequest()
    scope = export.resource_spans.add().scope_spans.add()
    for number in range(valid + invalid):
        scope.spans.add(
            trace_id=seed.to_bytes(16) if number < valid else b"short",
            span_id=(number + 1).to_bytes(8),
            start_time_unix_nano=10**9,
            end_time_unix_nano=2 * 10**9,
        )
    return export


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store(
        tmp_path / "store",
        decode=bodies.decode_logged,
        retention=Retention(max_bytes=10**9),
        on_problem=print,
    ) as opened:
        yield opened


@pytest.fixture
def client(store: Store) -> FlaskClient:
    return create_app(store, MAX_BODY).test_client()


def post(client: FlaskClient, data: bytes, content: str = PROTOBUF, encoding: str | None = None):
    headers = {"Content-Encoding": encoding} if encoding else {}
    return client.post("/v1/traces", data=data, content_type=content, headers=headers)


def counted(client: FlaskClient) -> dict[str, int]:
    text = client.get("/metrics").get_data(as_text=True)
    spans = dict.fromkeys(("received", "stored", "rejected", "refused", "duplicate"), 0)
    for name, value in re.findall(r"^hopwatch_spans_(\w+)_total(?:\{.*\})? (\d+)$", text, re.M):
        if name in spans:
            spans[name] += int(value)
    received = spans.pop("received")
    assert received == sum(spans.values())
    return {name: value for name, value in spans.items() if value}


@pytest.mark.parametrize("encoding", [None, "identity", "gzip", "zstd", "GZIP"])
def test_full_success(client: FlaskClient, encoding: str | None) -> None:
    data = request(3).SerializeToString()
    pack = {"gzip": gzip.compress, "zstd": lambda d: pa.compress(d, "zstd", True)}
    answer = post(client, pack.get((encoding or "").lower(), bytes)(data), encoding=encoding)
    assert (answer.status_code, answer.mimetype) == (200, PROTOBUF)
    assert not ExportTraceServiceResponse.FromString(answer.data).HasField("partial_success")
    assert counted(client) == {"stored": 3}


def test_json(client: FlaskClient) -> None:
    answer = post(client, b'{"resourceSpans": []}', "application/json; charset=utf-8")
    assert (answer.status_code, answer.mimetype, answer.json) == (200, JSON, {})


def test_partial_success(client: FlaskClient) -> None:
    answer = post(client, request(2, invalid=3).SerializeToString())
    assert answer.status_code == 200
    partial = ExportTraceServiceResponse.FromString(answer.data).partial_success
    assert partial.rejected_spans == 3
    assert "invalid_trace_id: 3" in partial.error_message
    assert counted(client) == {"stored": 2, "rejected": 3}


def test_partial_success_in_json(client: FlaskClient) -> None:
    body = {"resourceSpans": [{"scopeSpans": [{"spans": [{"spanId": "x"}]}]}]}
    answer = post(client, json.dumps(body).encode(), JSON)
    assert answer.json["partialSuccess"]["rejectedSpans"] == "1"


def test_resent_body_is_a_duplicate(client: FlaskClient) -> None:
    data = request(2).SerializeToString()
    assert post(client, data).status_code == post(client, data).status_code == 200
    assert counted(client) == {"stored": 2, "duplicate": 2}


@pytest.mark.parametrize(
    ("data", "content", "encoding", "status", "says"),
    [
        (b"x", "text/plain", None, 415, "Content-Type 'text/plain'"),
        (b"x", "", None, 415, "Content-Type ''"),
        (b"x", PROTOBUF, "br", 415, "Content-Encoding 'br'"),
        (b"x", PROTOBUF, "gzip", 400, "broken gzip data"),
        (b"x", PROTOBUF, "zstd", 400, "broken zstd data"),
        (gzip.compress(b"{}")[:-1], JSON, "gzip", 400, "broken gzip data"),
        (b"\x0a\xff", PROTOBUF, None, 400, "not an OTLP export of traces in protobuf"),
        (b"{}", PROTOBUF, None, 400, "not an OTLP export of traces in protobuf"),
        (b"\x0a\x00", JSON, None, 400, "invalid JSON"),
        (b"", JSON, None, 400, "invalid JSON"),
        (b"[" * 90_000, JSON, None, 400, "invalid JSON"),
        (bytes(MAX_BODY + 1), PROTOBUF, None, 413, "send smaller batches"),
        (gzip.compress(bytes(10**7)), PROTOBUF, "gzip", 413, "send smaller batches"),
        (pa.compress(bytes(10**7), "zstd", True), JSON, "zstd", 413, "send smaller batches"),
    ],
)  # fmt: skip
def test_refused(
    client: FlaskClient, data: bytes, content: str, encoding: str | None, status: int, says: str
) -> None:
    answer = post(client, data, content, encoding)
    assert answer.status_code == status
    if content == PROTOBUF:
        assert answer.mimetype == PROTOBUF
        message = status_pb2.Status.FromString(answer.data).message
    else:
        assert answer.mimetype == JSON
        message = answer.json["message"]
    assert says in message
    assert "Retry-After" not in answer.headers
    assert counted(client) == {}


def test_more_spans_than_the_cap(client: FlaskClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bodies, "MAX_SPANS", 5)
    assert post(client, request(6).SerializeToString()).status_code == 413


def test_overload_asks_to_send_again(
    client: FlaskClient, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> bool:
        raise UnavailableError("too many spans are waiting to be written")

    data = request(2, invalid=1).SerializeToString()
    with monkeypatch.context() as patch:
        patch.setattr(store, "append", full)
        answer = post(client, data)
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "1")
    assert status_pb2.Status.FromString(answer.data).code == code_pb2.UNAVAILABLE
    assert counted(client) == {"refused": 2, "rejected": 1}
    assert post(client, data).status_code == 200
    assert counted(client) == {"refused": 2, "stored": 2, "rejected": 2}


def test_defect_is_answered_and_logged(
    client: FlaskClient,
    store: Store,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    def broken(*_: object) -> bool:
        raise ZeroDivisionError

    monkeypatch.setattr(store, "append", broken)
    answer = post(client, request().SerializeToString())
    assert answer.status_code == 500
    assert status_pb2.Status.FromString(answer.data).code == code_pb2.INTERNAL
    assert "ZeroDivisionError" in caplog.text


@pytest.mark.parametrize("signal", ["metrics", "logs"])
def test_other_signals_are_not_claimed_to_be_stored(client: FlaskClient, signal: str) -> None:
    answer = client.post(f"/v1/{signal}", data=b"", content_type=PROTOBUF)
    assert answer.status_code == 404
    status = status_pb2.Status.FromString(answer.data)
    assert status.code == code_pb2.UNIMPLEMENTED
    assert f"does not store {signal}" in status.message


def test_wrong_path_and_method(client: FlaskClient) -> None:
    assert client.post("/v1/trace", data=b"", content_type=JSON).status_code == 404
    answer = client.get("/v1/traces")
    assert answer.status_code == 405
    assert "POST" in answer.headers["Allow"]
    assert answer.json["code"] == code_pb2.UNIMPLEMENTED


def test_health(client: FlaskClient, store: Store) -> None:
    assert client.get("/healthz").status_code == client.get("/readyz").status_code == 200
    store.failed.set()
    assert client.get("/healthz").status_code == 200
    assert client.get("/readyz").status_code == 503
