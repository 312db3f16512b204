"""Process metrics: named as the semantic conventions name them, and never in the way."""

import json
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
    ExportMetricsServiceRequest,
)

from hopwatch_stack import process_metrics
from hopwatch_stack.ports import free_ports
from hopwatch_stack.process_metrics import ProcessMetrics, as_otlp
from hopwatch_stack.runtime import Usage
from hopwatch_stack.supervisor import Measured
from hopwatch_stack.waiting import wait_until

USAGE = Usage(cpu_user_s=1.5, cpu_system_s=0.5, memory_bytes=1 << 20, threads=3)


def measured(*usages: Usage | None) -> Measured:
    """An instance that uses this much, look by look; the last for ever."""
    left = list(usages)
    return Measured("shop-orders", "id-1", 100.0, lambda: left.pop(0) if left[1:] else left[0])


def test_points_join_with_what_the_service_says_of_itself() -> None:
    data = json.loads(as_otlp([(measured(USAGE), USAGE)], 200_000_000_000).to_json())
    [resource] = data["resource_metrics"]
    attributes = resource["resource"]["attributes"]
    assert attributes["service.name"] == "shop-orders"
    assert attributes["service.instance.id"] == "id-1"
    [scope] = resource["scope_metrics"]
    points = {
        (metric["name"], metric["unit"], point["attributes"].get("cpu.mode")): point["value"]
        for metric in scope["metrics"]
        for point in metric["data"]["data_points"]
    }
    assert points == {
        ("process.cpu.time", "s", "user"): 1.5,
        ("process.cpu.time", "s", "system"): 0.5,
        ("process.memory.usage", "By", None): 1 << 20,
        ("process.thread.count", "{thread}", None): 3,
    }
    times = {
        (point["start_time_unix_nano"], point["time_unix_nano"])
        for metric in scope["metrics"]
        for point in metric["data"]["data_points"]
    }
    assert times == {(100_000_000_000, 200_000_000_000)}


class Collector(HTTPServer):
    """Keeps the CPU seconds of each request that it takes."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.cpu_s: list[float] = []


class _Handler(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        request = ExportMetricsServiceRequest.FromString(body)
        [metric, *_] = request.resource_metrics[0].scope_metrics[0].metrics
        assert isinstance(self.server, Collector)
        self.server.cpu_s.append(sum(point.as_double for point in metric.sum.data_points))
        self.send_response(200)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def collector(monkeypatch: pytest.MonkeyPatch) -> Iterator[Collector]:
    monkeypatch.setattr(process_metrics, "EVERY_SECONDS", 0.01)
    server = Collector()
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


def test_cpu_time_never_falls_and_what_has_ended_is_left_out(collector: Collector) -> None:
    fallen = Usage(1.0, 0.5, 1, 1)
    one = measured(USAGE, fallen, None, Usage(3.0, 0.5, 1, 1))
    url = f"http://127.0.0.1:{collector.server_port}"
    with ProcessMetrics(lambda: [one], url, print):
        assert wait_until(lambda: 3.5 in collector.cpu_s, 10)
    assert collector.cpu_s[:3] == [2.0, 2.0, 3.5]


def test_absent_collector_is_told_once_and_delays_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(process_metrics, "EVERY_SECONDS", 0.01)
    monkeypatch.setattr(process_metrics, "EXPORT_SECONDS", 0.1)
    said: list[str] = []
    with ProcessMetrics(
        lambda: [measured(USAGE)], f"http://127.0.0.1:{free_ports(1)[0]}", said.append
    ):
        assert wait_until(lambda: bool(said), 20)
        time.sleep(0.5)
        start = time.monotonic()
    assert time.monotonic() - start < 1
    assert said == ["The collector takes no process metrics; measuring goes on."]
