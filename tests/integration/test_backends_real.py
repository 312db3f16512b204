"""What real servers were sent comes back from them: the ledger of the pulled traces is that of
the sent ones.

Building them takes minutes, so they are used where they are: HOPWATCH_TEST_JAEGER names the
binary (`go build ./cmd/jaeger` in the module github.com/jaegertracing/jaeger@v1.76.0, with its
own go.mod), HOPWATCH_TEST_ZIPKIN the jar (io.zipkin:zipkin-server:3.5.1:exec, which needs java).
"""

from __future__ import annotations

import os
import shutil
import subprocess
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pytest

import hopwatch
from hopwatch.backends import Query, pulling, read_contents
from hopwatch.cli import main
from hopwatch.signals import SPANS
from hopwatch.window import Window
from hopwatch_stack.ports import free_ports
from tests.zipkin_spans import zipkin_bodies

REQUESTS = 2000
SCENARIO_START = 1_790_000_000 * 10**9
ALL = Query(Window(SCENARIO_START - 60 * 10**9, SCENARIO_START + 600 * 10**9))
JAEGER = """
service:
  extensions: [jaeger_storage, jaeger_query]
  pipelines:
    traces: {{receivers: [otlp], exporters: [jaeger_storage_exporter]}}
  telemetry: {{metrics: {{level: none}}, logs: {{level: error}}}}
extensions:
  jaeger_query:
    storage: {{traces: memory}}
    http: {{endpoint: "127.0.0.1:{0}"}}
    grpc: {{endpoint: "127.0.0.1:{1}"}}
  jaeger_storage: {{backends: {{memory: {{memory: {{max_traces: 10000}}}}}}}}
receivers: {{otlp: {{protocols: {{http: {{endpoint: "127.0.0.1:{2}"}}}}}}}}
exporters: {{jaeger_storage_exporter: {{trace_storage: memory}}}}
"""


@contextmanager
def running(command: list[str], ready: str, **variables: str) -> Iterator[None]:
    process = subprocess.Popen(command, env=os.environ | variables, stdout=subprocess.DEVNULL)
    try:
        until(lambda: urllib.request.urlopen(ready, timeout=5).status == 200)
        yield
    finally:
        process.terminate()
        process.wait(30)


def until(holds: Callable[[], bool]) -> None:
    give_up = time.monotonic() + 120
    while True:
        try:
            if holds():
                return
        except OSError:
            pass
        assert time.monotonic() < give_up, "not within two minutes"
        time.sleep(0.2)


def given(variable: str) -> str:
    path = os.environ.get(variable, "")
    if not Path(path).is_file():
        pytest.skip(f"{variable} names no file; {__name__} says how to get it")
    return path


@pytest.fixture
def sent(tmp_path: Path) -> Path:
    path = tmp_path / "shop.jsonl"
    assert main(["simulate", "shop", "--requests", str(REQUESTS), "--out", str(path)]) == 0
    return path


def post(url: str, body: bytes) -> None:
    request = urllib.request.Request(url, body, {"Content-Type": "application/json"})
    urllib.request.urlopen(request, timeout=60).close()


def test_jaeger(sent: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    binary = given("HOPWATCH_TEST_JAEGER")
    ports = free_ports(3)
    config = tmp_path / "jaeger.yaml"
    config.write_text(JAEGER.format(*ports))
    url = f"http://127.0.0.1:{ports[0]}"
    with running([binary, "--config", str(config)], f"{url}/api/services"):
        for line in sent.read_bytes().splitlines():
            post(f"http://127.0.0.1:{ports[2]}/v1/traces", line)
        for page in (500, 60):
            monkeypatch.setattr(pulling, "PAGE", page)
            contents = read_contents([f"jaeger+{url}"], ALL)
            assert contents.unreadable.total == 0
            found, true = (
                hopwatch.attribute(table).to_arrow()
                for table in (contents.of(SPANS).table, as_jaeger_keeps(hopwatch.read(sent)))
            )
            assert found.equals(true)  # to the nanosecond
        monkeypatch.setattr("hopwatch.backends.jaeger.V3.services", no_such_api)
        near(read_contents([f"jaeger+{url}"], ALL).of(SPANS).table, sent)


def as_jaeger_keeps(table: pa.Table) -> pa.Table:
    """Jaeger makes 1 ns of spans without duration (its sanitizers)."""
    durations = pc.max_element_wise(table["duration_nano"], 1)
    return table.set_column(
        table.schema.get_field_index("duration_nano"), "duration_nano", durations
    )


def no_such_api(_: object) -> None:
    raise LookupError


def test_zipkin(sent: Path) -> None:
    jar = given("HOPWATCH_TEST_ZIPKIN")
    if shutil.which("java") is None:
        pytest.skip("Zipkin needs java, which is not on this machine")
    (port,) = free_ports(1)
    url = f"http://127.0.0.1:{port}"
    command = ["java", "-Xmx400m", "-Darmeria.maxNumConnections=64", "-jar", jar]
    with running(command, f"{url}/health", QUERY_PORT=str(port)):
        for body in zipkin_bodies(hopwatch.read(sent)):
            post(f"{url}/api/v2/spans", body)
        near(read_contents([f"zipkin+{url}"], ALL).of(SPANS).table, sent)


def near(table: pa.Table, sent: Path) -> None:
    """Each hop's time is that of the sent spans but for the cut off microseconds: a span's start
    and duration lose less than one each."""
    found, true = hopwatch.attribute(table), hopwatch.attribute(hopwatch.read(sent))
    assert found.request_count == true.request_count == REQUESTS
    for ledger, other in ((found, true), (true, found)):
        for cell, ns in by_cell(ledger).items():
            assert abs(ns - by_cell(other).get(cell, 0)) < 2000 * REQUESTS


def by_cell(ledger: hopwatch.Ledger) -> dict[tuple[str, str, str], int]:
    keys = ["hop", "language", "kind"]
    rows = ledger.to_arrow().group_by(keys).aggregate([("blamed_ns", "sum")]).to_pylist()
    return {tuple(row[key] for key in keys): row["blamed_ns_sum"] for row in rows}
