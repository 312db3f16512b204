"""The ledger at /metrics of a real `hopwatch serve`: counted once, apart from what stores."""

import contextlib
import signal
import time
from pathlib import Path

import psutil
import pytest
import requests
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from prometheus_client.openmetrics.parser import text_string_to_metric_families

from tests.integration.test_receiver_serve import Serve, serving, wait_until

OPEN_METRICS = "application/openmetrics-text;version=1.0.0,text/plain;version=0.0.4;q=0.5"
MS = 1_000_000


def traces(first: int, count: int, milliseconds: int = 40) -> bytes:
    """Requests of a service and its database, each so long."""
    export = ExportTraceServiceRequest()
    resource_spans = export.resource_spans.add()
    name = resource_spans.resource.attributes.add(key="service.name")
    name.value.string_value = 'shop"\\\n'
    scope = resource_spans.scope_spans.add()
    for number in range(first, first + count):
        now = time.time_ns()
        common = {"trace_id": (number + 1).to_bytes(16), "end_time_unix_nano": now}
        start = now - milliseconds * MS
        root, query = (1).to_bytes(8), (2).to_bytes(8)
        scope.spans.add(span_id=root, name="GET /", kind=2, start_time_unix_nano=start, **common)
        call = scope.spans.add(
            span_id=query, parent_span_id=root, kind=3, start_time_unix_nano=start, **common
        )
        call.attributes.add(key="db.system").value.string_value = "pg"
    return export.SerializeToString()


def value(serve: Serve, name: str, **labels: str) -> float:
    """The sum of a metric's samples."""
    answer = requests.get(f"{serve.url}/metrics", headers={"Accept": OPEN_METRICS}, timeout=10)
    assert answer.headers["Content-Type"].startswith("application/openmetrics-text")
    return sum(
        sample.value
        for family in text_string_to_metric_families(answer.text)
        for sample in family.samples
        if sample.name == name and labels.items() <= sample.labels.items()
    )


def counted(serve: Serve) -> float:
    return value(serve, "hopwatch_ledger_request_duration_seconds_count")


def worker(serve: Serve) -> psutil.Process:
    def found() -> list[psutil.Process]:
        return [
            child
            for child in psutil.Process(serve.process.pid).children()
            if "hopwatch.receiver.worker" in child.cmdline()
        ]

    wait_until(found, "the process that counts runs")
    (process,) = found()
    return process


def test_a_trace_is_counted_once_when_it_has_settled(tmp_path: Path) -> None:
    with serving(tmp_path, "--settle", "1s") as serve:
        body = traces(0, 50)
        for data in (body, traces(50, 50), body):  # again, as when an answer was lost
            assert serve.post(data).status_code == 200
        wait_until(lambda: counted(serve) == 100, "all are counted", seconds=120)
        seconds = "hopwatch_ledger_seconds_total"
        assert value(serve, seconds) == pytest.approx(4)
        assert value(serve, seconds, kind="db", hop="pg") == pytest.approx(4)
        late = "hopwatch_ledger_late_spans_total"
        assert value(serve, late) == 0
        assert serve.post(traces(0, 10, 41)).status_code == 200  # more of counted traces
        wait_until(lambda: value(serve, late) == 20, "they are late")
        assert counted(serve) == 100
        assert serve.stop() == 0


def test_killed_and_started_again_nothing_is_counted_twice(tmp_path: Path) -> None:
    with serving(tmp_path, "--settle", "1s") as serve:
        assert serve.post(traces(0, 20)).status_code == 200
        counting = worker(serve)
        assert serve.stop(signal.SIGKILL) == -signal.SIGKILL
        assert counting.wait(20) is not None or not counting.is_running()
    with serving(tmp_path, "--settle", "1s") as serve:
        assert serve.post(traces(20, 30)).status_code == 200
        wait_until(lambda: counted(serve) == 30, "the new ones are counted", seconds=120)
        assert serve.stop() == 0


def test_counting_that_dies_is_started_again_and_storing_goes_on(tmp_path: Path) -> None:
    with serving(tmp_path, "--settle", "1s") as serve:
        worker(serve).kill()
        assert serve.post(traces(0, 20)).status_code == 200
        wait_until(lambda: value(serve, "hopwatch_ledger_restarts_total") == 1, "it is noticed")
        assert serve.post(traces(20, 30)).status_code == 200
        wait_until(lambda: counted(serve) >= 30, "the new ones are counted", seconds=120)
        assert serve.stop() == 0


def test_counting_that_hangs_holds_up_nothing(tmp_path: Path) -> None:
    with serving(tmp_path, "--settle", "1s") as serve:
        worker(serve).suspend()
        for first in range(0, 10_000, 1000):
            assert serve.post(traces(first, 1000)).status_code == 200
        assert counted(serve) == 0
        assert serve.stop() == 0


def test_without_a_ledger_nothing_counts(tmp_path: Path) -> None:
    with serving(tmp_path, "--settle", "0s") as serve:
        assert serve.post(traces(0, 5)).status_code == 200
        assert psutil.Process(serve.process.pid).children() == []
        text = requests.get(f"{serve.url}/metrics", timeout=10).text
        assert "hopwatch_spans_stored_total 10.0\n" in text
        assert "hopwatch_ledger" not in text


def test_settling_times_that_make_no_sense_are_refused(
    capsys: pytest.CaptureFixture[str],
) -> None:
    from hopwatch.cli import main

    for words in ("0.5s", "1d", "soon"):
        with contextlib.suppress(SystemExit):
            assert main(["serve", "--settle", words]) == 2
        assert "--settle" in capsys.readouterr().err
