"""`hopwatch serve` as a process: kill -9, signals, slow and broken clients, a real exporter."""

import contextlib
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import requests
from google.rpc import status_pb2
from opentelemetry._logs import SeverityNumber
from opentelemetry.exporter.otlp.proto.http._log_exporter import OTLPLogExporter
from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
    ExportMetricsServiceRequest,
)
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.sdk._logs import LoggerProvider
from opentelemetry.sdk._logs.export import SimpleLogRecordProcessor
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor

from hopwatch.signals import LOGS, METRICS, SPANS, Signal
from hopwatch.store import open_reader

PROTOBUF = {"Content-Type": "application/x-protobuf"}


@dataclass
class Serve:
    process: subprocess.Popen[str]
    port: int
    store: Path

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def post(self, data: bytes, signal: str = "traces") -> requests.Response:
        return requests.post(f"{self.url}/v1/{signal}", data=data, headers=PROTOBUF, timeout=20)

    def stop(self, number: int = signal.SIGTERM) -> int:
        self.process.send_signal(number)
        return self.process.wait(20)


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return int(probe.getsockname()[1])


@contextlib.contextmanager
def serving(store: Path, *options: str) -> Iterator[Serve]:
    port = free_port()
    command = [sys.executable, "-m", "hopwatch.cli", "serve", "--listen", f"127.0.0.1:{port}"]
    process = subprocess.Popen(
        [*command, "--store", str(store), *options], stderr=subprocess.PIPE, text=True
    )
    serve = Serve(process, port, store)
    try:
        wait_until(lambda: ready(serve), "hopwatch serve answers /readyz")
        yield serve
    finally:
        process.kill()
        process.communicate()


def ready(serve: Serve) -> bool:
    assert serve.process.poll() is None, serve.process.communicate()[1]
    with contextlib.suppress(requests.ConnectionError):
        return requests.get(f"{serve.url}/readyz", timeout=5).ok
    return False


def wait_until(condition, what: str, seconds: float = 15) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"not in {seconds} s: {what}"
        time.sleep(0.02)


def request(number: int, spans: int = 50) -> bytes:
    export = ExportTraceServiceRequest()
    scope = export.resource_spans.add().scope_spans.add()
    for position in range(spans):
        scope.spans.add(
            trace_id=(number + 1).to_bytes(16),
            span_id=(position + 1).to_bytes(8),
            start_time_unix_nano=time.time_ns(),
            end_time_unix_nano=time.time_ns(),
        )
    return export.SerializeToString()


def logs(count: int) -> bytes:
    export = ExportLogsServiceRequest()
    scope = export.resource_logs.add().scope_logs.add()
    for _ in range(count):
        scope.log_records.add(time_unix_nano=time.time_ns())
    return export.SerializeToString()


def points(count: int) -> bytes:
    export = ExportMetricsServiceRequest()
    metric = export.resource_metrics.add().scope_metrics.add().metrics.add(name="m")
    for _ in range(count):
        metric.gauge.data_points.add(time_unix_nano=time.time_ns(), as_double=1)
    return export.SerializeToString()


def rows(store: Path, signal: Signal = SPANS) -> int:
    with open_reader(store) as reader:
        return reader.extent(signal).rows


def test_visible_to_other_processes_within_three_seconds(tmp_path: Path) -> None:
    with serving(tmp_path) as serve:
        assert serve.post(request(1)).status_code == 200
        wait_until(lambda: rows(tmp_path) == 50, "the spans can be read", seconds=3)


def test_kill_right_after_the_answer(tmp_path: Path) -> None:
    for number in range(3):
        with serving(tmp_path) as serve:
            for part in range(4):
                assert serve.post(request(10 * number + part)).status_code == 200
            assert serve.stop(signal.SIGKILL) == -signal.SIGKILL
    with serving(tmp_path) as serve:
        assert rows(tmp_path) == 3 * 4 * 50
        assert serve.post(request(99)).status_code == 200
        assert serve.stop() == 0
    with open_reader(tmp_path) as reader:
        found = reader.sql(
            "SELECT count(*) AS n, count(DISTINCT (trace_id, span_id)) AS d FROM spans"
        )
    assert found.to_pylist() == [{"n": 650, "d": 650}]


def test_logs_and_metrics_survive_a_kill_and_are_visible_soon(tmp_path: Path) -> None:
    with serving(tmp_path) as serve:
        for _ in range(4):
            assert serve.post(logs(30), "logs").status_code == 200
            assert serve.post(points(20), "metrics").status_code == 200
        assert serve.stop(signal.SIGKILL) == -signal.SIGKILL
    with serving(tmp_path) as serve:
        assert (rows(tmp_path, LOGS), rows(tmp_path, METRICS)) == (120, 80)
        assert serve.post(logs(1), "logs").status_code == 200
        assert serve.post(b"\x0a\xff", "metrics").status_code == 400
        wait_until(lambda: rows(tmp_path, LOGS) == 121, "the log can be read", seconds=3)
        wait_until(lambda: left_out(tmp_path), "what was left out can be read", seconds=3)
        assert serve.stop(signal.SIGKILL) == -signal.SIGKILL
    assert left_out(tmp_path) == [("metrics", "unreadable", "malformed", 1)]


def left_out(store: Path) -> list[tuple[str, str, str, int]]:
    with open_reader(store) as reader:
        return [(e.signal, e.outcome, e.reason, e.count) for e in reader.left_out()]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_stopping_writes_everything(tmp_path: Path, number: int) -> None:
    with serving(tmp_path) as serve:
        assert serve.post(request(1)).status_code == 200
        assert serve.stop(number) == 0
    assert rows(tmp_path) == 50
    assert list((tmp_path / "log").iterdir()) == []


def test_port_in_use_and_store_in_use(tmp_path: Path) -> None:
    def fails(*options: str) -> str:
        command = [sys.executable, "-m", "hopwatch.cli", "serve", *options]
        result = subprocess.run(command, capture_output=True, text=True, timeout=30)
        assert result.returncode == 2
        assert "Traceback" not in result.stderr
        return result.stderr

    with serving(tmp_path / "a") as serve:
        address = f"127.0.0.1:{serve.port}"
        says = fails("--listen", address, "--store", str(tmp_path / "b"))
        assert f"cannot listen at {address}: Address already in use" in says
        says = fails("--listen", "127.0.0.1:0", "--store", str(tmp_path / "a"))
        assert f"process {serve.process.pid}" in says
    assert "is no address" in fails("--listen", "here")
    assert "write an age such as 24h" in fails("--keep", "much", "--store", str(tmp_path / "c"))


def test_slow_and_half_open_clients_do_not_hold_up_others(tmp_path: Path) -> None:
    head = b"POST /v1/traces HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n"
    head += b"Content-Type: application/x-protobuf\r\n\r\n"
    with serving(tmp_path) as serve, contextlib.ExitStack() as clients:
        for part in [b"", head[:20], head, head + b"part"] * 25:
            client = socket.create_connection(("127.0.0.1", serve.port))
            clients.enter_context(client).sendall(part)
        started = time.monotonic()
        assert serve.post(request(1)).status_code == 200
        assert time.monotonic() - started < 2


def test_what_the_http_server_refuses_is_answered_as_otlp_asks(tmp_path: Path) -> None:
    with serving(tmp_path, "--max-body", "1") as serve:
        answer = serve.post(bytes(2 << 20))
        assert answer.status_code == 413
        assert "send smaller batches" in status_pb2.Status.FromString(answer.content).message
        answer = requests.get(serve.url, headers={"X": "y" * 100_000}, timeout=5)
        assert answer.status_code == 431
        assert answer.headers["Content-Type"] == "application/json"
        assert "message" in answer.json()
        with socket.create_connection(("127.0.0.1", serve.port)) as client:
            client.sendall(b"NONSENSE\r\n\r\n")
            assert b"400" in client.recv(100)
        assert serve.post(request(1)).status_code == 200


def test_official_exporter(tmp_path: Path) -> None:
    with serving(tmp_path) as serve:
        provider = TracerProvider(resource=Resource.create({"service.name": "exporting"}))
        exporter = OTLPSpanExporter(endpoint=f"{serve.url}/v1/traces")
        provider.add_span_processor(SimpleSpanProcessor(exporter))
        tracer = provider.get_tracer("test", "1.0")
        with tracer.start_as_current_span("outer", attributes={"n": [1, 2]}) as outer:
            outer.add_event("happened", {"k": True})
            with tracer.start_as_current_span("inner"):
                pass
        provider.shutdown()
        assert serve.stop() == 0
    with open_reader(tmp_path) as reader:
        trace = reader.trace(f"{outer.get_span_context().trace_id:032x}").to_pylist()
    outer_row, inner_row = sorted(trace, key=lambda row: row["parent_span_id"] is not None)
    assert inner_row["parent_span_id"] == outer_row["span_id"]
    assert outer_row["service_name"] == "exporting"
    assert outer_row["telemetry_sdk_language"] == "python"
    assert outer_row["span_attributes"] == [("n", "[1,2]")]
    assert outer_row["events"][0]["attributes"] == [("k", "true")]


def test_official_exporters_of_logs_and_metrics(tmp_path: Path) -> None:
    with serving(tmp_path) as serve:
        resource = Resource.create({"service.name": "exporting", "service.instance.id": "i"})
        tracing = TracerProvider(resource=resource)
        logging_ = LoggerProvider(resource=resource)
        exporter = OTLPLogExporter(endpoint=f"{serve.url}/v1/logs")
        logging_.add_log_record_processor(SimpleLogRecordProcessor(exporter))
        reader = PeriodicExportingMetricReader(
            OTLPMetricExporter(endpoint=f"{serve.url}/v1/metrics")
        )
        metering = MeterProvider(resource=resource, metric_readers=[reader])
        counter = metering.get_meter("test").create_counter("done", unit="1")
        with tracing.get_tracer("test").start_as_current_span("op") as span:
            logging_.get_logger("test").emit(
                body={"what": "done", "times": [1, 2]}, severity_number=SeverityNumber.WARN
            )
            counter.add(3, {"k": "v"})
        for provider in (metering, logging_, tracing):
            provider.shutdown()
        assert serve.stop() == 0
    trace_id = f"{span.get_span_context().trace_id:032x}"
    with open_reader(tmp_path) as store:
        (record,) = store.logs(trace_id=trace_id, min_severity=13).to_pylist()
        (point,) = store.metrics(names=["done"]).to_pylist()
    assert record["span_id"].hex() == f"{span.get_span_context().span_id:016x}"
    assert (record["body"], record["body_type"]) == ('{"what":"done","times":[1,2]}', "m")
    assert (point["value_int"], point["point_attributes"]) == (3, [("k", "v")])
    assert point["exemplars"][0]["trace_id"].hex() == trace_id
    assert record["service_instance_id"] == point["service_instance_id"] == "i"


def test_disk_that_is_full(tmp_path: Path) -> None:
    """A file-size limit on the process stands in for a full disk."""
    resource = pytest.importorskip("resource")
    with serving(tmp_path) as serve:
        assert serve.post(request(1)).status_code == 200
        wait_until(lambda: rows(tmp_path) == 50, "the spans can be read")
        if not hasattr(resource, "prlimit"):
            pytest.skip("no prlimit on this system")
        resource.prlimit(serve.process.pid, resource.RLIMIT_FSIZE, (0, resource.RLIM_INFINITY))
        for data, path in ((request(2), "traces"), (logs(2), "logs"), (points(2), "metrics")):
            answer = serve.post(data, path)
            assert (answer.status_code, answer.headers["Retry-After"]) == (503, "1")
        limits = (resource.RLIM_INFINITY, resource.RLIM_INFINITY)
        resource.prlimit(serve.process.pid, resource.RLIMIT_FSIZE, limits)
        assert serve.post(request(2)).status_code == 200
        assert serve.stop() == 0
    assert rows(tmp_path) == 100
