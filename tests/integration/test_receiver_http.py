"""OTLP/HTTP as exporters and others speak it: status codes, bodies, what is counted."""

import errno
import gzip
import json
import os
import re
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pytest
from flask.testing import FlaskClient
from google.rpc import code_pb2, status_pb2
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import (
    ExportLogsServiceRequest,
    ExportLogsServiceResponse,
)
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
    ExportMetricsServiceRequest,
    ExportMetricsServiceResponse,
)
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)

from hopwatch.errors import InputError
from hopwatch.receiver import bodies
from hopwatch.receiver.app import create_app
from hopwatch.receiver.bodies import Body, Content
from hopwatch.signals import LOGS, METRICS, SPANS
from hopwatch.store import Retention, Store, UnavailableError, open_reader

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


def counted(client: FlaskClient, signal: str = "spans") -> dict[str, int]:
    text = client.get("/metrics").get_data(as_text=True)
    rows = dict.fromkeys(("received", "stored", "rejected", "refused", "duplicate"), 0)
    counter = rf"^hopwatch_{signal}_(\w+)_total(?:\{{.*\}})? (\d+)\.0$"
    for name, value in re.findall(counter, text, re.MULTILINE):
        if name in rows:
            rows[name] += int(value)
    received = rows.pop("received")
    assert received == sum(rows.values())
    return {name: value for name, value in rows.items() if value}


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
        (gzip.compress(b"{}", mtime=0)[:-1], JSON, "gzip", 400, "broken gzip data"),
        (b"\x0a\xff", PROTOBUF, None, 400, "not an OTLP export of traces in protobuf"),
        (b"{}", PROTOBUF, None, 400, "not an OTLP export of traces in protobuf"),
        (b"\x0a\x00", JSON, None, 400, "invalid JSON"),
        (b"", JSON, None, 400, "invalid JSON"),
        (b"[" * 90_000, JSON, None, 400, "invalid JSON"),
        (bytes(MAX_BODY + 1), PROTOBUF, None, 413, "send smaller batches"),
        (gzip.compress(bytes(10**7), mtime=0), PROTOBUF, "gzip", 413, "send smaller batches"),
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
    monkeypatch.setattr(bodies, "MAX_ITEMS", 5)
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


def test_repaired_rows_count_once_they_are_stored(
    client: FlaskClient, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> bool:
        raise UnavailableError("too much is waiting to be written")

    export = log_request()
    export.resource_logs[0].scope_logs[0].log_records[0].severity_text = "XYZ"
    data = export.SerializeToString().replace(b"XYZ", b"\xff\xfeZ")

    def send() -> int:
        return client.post("/v1/logs", data=data, content_type=PROTOBUF).status_code

    with monkeypatch.context() as patch:
        patch.setattr(store, "append", full)
        assert send() == 503
    for _ in range(2):  # the second one is a duplicate
        assert send() == 200
    assert counted(client, "logs") == {"refused": 1, "stored": 1, "duplicate": 1}
    metrics = client.get("/metrics").get_data(as_text=True)
    assert "\nhopwatch_logs_repaired_total 2.0\n" in metrics


def test_kinds_in_the_log_are_a_format() -> None:
    """What an earlier version logged must be read by every later one."""
    kinds = {
        (SPANS, Content.PROTOBUF, "identity"): 32,
        (SPANS, Content.JSON, "gzip"): 1,
        (LOGS, Content.PROTOBUF, "identity"): 36,
        (METRICS, Content.JSON, "zstd"): 25,
    }
    for (signal, content, encoding), kind in kinds.items():
        body = Body(signal, content, encoding, b"x")
        assert body.kind == kind
        assert Body.from_kind(kind, b"x") == body
    for unknown in (2, 12, 255):
        with pytest.raises(InputError, match="later version"):
            Body.from_kind(unknown, b"")


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


def log_request(valid: int = 1, invalid: int = 0) -> ExportLogsServiceRequest:
    export = ExportLogsServiceRequest()
    scope = export.resource_logs.add().scope_logs.add()
    for number in range(valid + invalid):
        scope.log_records.add(time_unix_nano=10**9 if number < valid else 0)
    return export


def metric_request(valid: int = 1, invalid: int = 0) -> ExportMetricsServiceRequest:
    export = ExportMetricsServiceRequest()
    metric = export.resource_metrics.add().scope_metrics.add().metrics.add(name="m")
    for number in range(valid + invalid):
        metric.gauge.data_points.add(time_unix_nano=10**9 if number < valid else 0, as_int=number)
    return export


OTHERS = [
    ("logs", "logs", log_request, ExportLogsServiceResponse, "rejected_log_records"),
    ("metrics", "metrics", metric_request, ExportMetricsServiceResponse, "rejected_data_points"),
]


@pytest.mark.parametrize(("signal", "path", "make", "response", "rejected"), OTHERS)
def test_logs_and_metrics_are_answered_as_traces_are(
    client: FlaskClient, store: Store, signal: str, path: str, make, response, rejected: str
) -> None:
    def send(data: bytes, **headers: str):
        return client.post(f"/v1/{path}", data=data, content_type=PROTOBUF, headers=headers)

    full = make(3).SerializeToString()
    answer = send(full)
    assert (answer.status_code, answer.mimetype) == (200, PROTOBUF)
    assert not response.FromString(answer.data).HasField("partial_success")
    assert send(full).status_code == 200
    partial = response.FromString(send(make(2, invalid=4).SerializeToString()).data).partial_success
    assert getattr(partial, rejected) == 4
    assert "missing_time: 4" in partial.error_message
    assert counted(client, signal) == {"stored": 5, "duplicate": 3, "rejected": 4}
    assert counted(client) == {}
    assert send(b"\x0a\xff").status_code == 400
    bomb = pa.compress(bytes(10**7), "zstd", True)
    assert send(bomb, **{"Content-Encoding": "zstd"}).status_code == 413
    store.close()
    with open_reader(store.path) as reader:
        assert reader.sql(f"SELECT count(*) AS n FROM {signal}").to_pylist() == [{"n": 5}]
        assert reader.extent().rows == 0
        found = {(e.signal, e.outcome, e.reason): e.count for e in reader.left_out()}
        assert found == {
            (signal, "duplicate", ""): 3,
            (signal, "rejected", "missing_time"): 4,
            (signal, "unreadable", "malformed"): 1,
            (signal, "unreadable", "too_large"): 1,
        }


@pytest.mark.parametrize(("signal", "path", "make"), [(s, p, m) for s, p, m, _, _ in OTHERS])
def test_logs_and_metrics_that_are_too_many(
    client: FlaskClient, monkeypatch: pytest.MonkeyPatch, signal: str, path: str, make
) -> None:
    monkeypatch.setattr(bodies, "MAX_ITEMS", 5)
    data = make(6).SerializeToString()
    assert client.post(f"/v1/{path}", data=data, content_type=PROTOBUF).status_code == 413
    assert counted(client, signal) == {}


@pytest.mark.parametrize(("signal", "path", "make"), [(s, p, m) for s, p, m, _, _ in OTHERS])
def test_logs_and_metrics_on_a_full_disk(
    client: FlaskClient,
    store: Store,
    monkeypatch: pytest.MonkeyPatch,
    signal: str,
    path: str,
    make,
) -> None:
    def full(*_: object) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")

    data = make(2).SerializeToString()
    with monkeypatch.context() as patch:
        patch.setattr(os, "pwrite", full)
        answer = client.post(f"/v1/{path}", data=data, content_type=PROTOBUF)
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "1")
    assert client.post(f"/v1/{path}", data=data, content_type=PROTOBUF).status_code == 200
    assert counted(client, signal) == {"refused": 2, "stored": 2}


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
