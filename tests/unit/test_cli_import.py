"""`hopwatch import`: read = stored + left out, into a store or through a receiver of OTLP/HTTP."""

from __future__ import annotations

import gzip
import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from urllib3.util import Retry

import hopwatch
from hopwatch.cli import main
from hopwatch.formats import decode, parts
from hopwatch.formats.otlp_json_requests import request
from hopwatch.receiver.app import create_app
from hopwatch.receiver.bodies import decode_logged
from hopwatch.signals import LOGS, METRICS, SIGNALS, SPANS
from hopwatch.simulation import output
from hopwatch.store import Retention, Store, open_reader
from tests.backend_servers import BEFORE, BEHIND, SENT, Answer, Asked, serving, zipkin

START = 1_790_000_000 * 10**9
NUMBERS = {"count": "3", "sum": 0.0, "startTimeUnixNano": "1", "timeUnixNano": str(START)}
METRIC_KINDS: list[dict[str, Any]] = [
    {
        "gauge": {
            "dataPoints": [
                {"timeUnixNano": "5", "asDouble": "NaN"},
                {"timeUnixNano": "6", "asInt": "0"},
            ]
        }
    },
    {
        "sum": {
            "aggregationTemporality": 2,
            "isMonotonic": True,
            "dataPoints": [
                {
                    "timeUnixNano": "7",
                    "asDouble": -0.5,
                    "attributes": [{"key": "k", "value": {"boolValue": True}}],
                    "exemplars": [
                        {
                            "timeUnixNano": "3",
                            "asInt": "9",
                            "traceId": "ab" * 16,
                            "spanId": "cd" * 8,
                        }
                    ],
                }
            ],
        }
    },
    {
        "histogram": {
            "aggregationTemporality": 1,
            "dataPoints": [
                NUMBERS | {"min": 0.0, "bucketCounts": ["0", "3"], "explicitBounds": [0.5]}
            ],
        }
    },
    {
        "exponentialHistogram": {
            "aggregationTemporality": 2,
            "dataPoints": [
                NUMBERS
                | {
                    "scale": 0,
                    "zeroCount": "0",
                    "positive": {"offset": -2, "bucketCounts": ["1", "2"]},
                }
            ],
        }
    },
    {"summary": {"dataPoints": [NUMBERS | {"quantileValues": [{"quantile": 0.5, "value": 0.0}]}]}},
]
METRIC_LINE = json.dumps(
    {
        "resourceMetrics": [
            {"scopeMetrics": [{"metrics": [{"name": "m", "unit": "s"} | m for m in METRIC_KINDS]}]}
        ]
    }
)
LOG_LINE = json.dumps(
    {
        "resourceLogs": [
            {"scopeLogs": [{"logRecords": [{"timeUnixNano": "5", "body": {"intValue": "7"}}]}]}
        ]
    }
)
Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Run:
    monkeypatch.setattr(Retry, "sleep", lambda retry, response=None: None)

    def run(*words: object) -> tuple[int, str, str]:
        code = main([str(word) for word in words])
        return code, *capsys.readouterr()

    return run


@pytest.fixture
def signals(tmp_path: Path) -> Path:
    """A file of all three."""
    path = tmp_path / "all.jsonl"
    path.write_text(SENT.read_text() + METRIC_LINE + "\n" + LOG_LINE + "\n")
    return path


def ledger(run: Run, *source: object) -> Any:
    code, out, _ = run("report", "--json", *source)
    assert code == 0
    document = json.loads(out)
    document["quality"].pop("duplicate", None)
    return document


def rows(store: Path) -> list[int]:
    with open_reader(store) as reader:
        return [reader.extent(signal).rows for signal in SIGNALS]


def test_what_is_imported_is_reported_as_the_files_are(
    run: Run, tmp_path: Path, signals: Path
) -> None:
    store = tmp_path / "store"
    code, out, err = run("import", signals, "--store", store)
    assert (code, err) == (0, "")
    assert "58 spans read, 58 stored\n1 log record read, 1 stored\n6 data points read, 6" in out
    assert rows(store) == [58, 1, 6]
    assert ledger(run, "--store", store) == ledger(run, SENT)
    run("import", SENT, "--store", store)
    assert rows(store) == [116, 1, 6]
    assert ledger(run, "--store", store) == ledger(run, SENT)  # a span counts once


def test_what_cannot_be_kept_is_counted_and_the_rest_is_stored(run: Run, tmp_path: Path) -> None:
    folder = tmp_path / "in"
    folder.mkdir()
    lines = SENT.read_text().replace('"spanId":"', '"spanId":"x', 1)
    (folder / "a.jsonl").write_text(lines + "no json \x1b[31m\n")
    (folder / "b.txt").write_text("\x1b]0;owned\x07 a letter")
    code, out, _ = run("import", folder, "--store", tmp_path / "store")
    assert code == 0
    assert "58 spans read, 57 stored, 1 not" in out
    assert {"1 invalid_span_id", "1 invalid_line", "1 unreadable_file"} <= set(
        re.findall(r"\d+ \w+(?=: )", out)
    )
    assert "\x1b" not in out
    code, out, _ = run("import", folder / "b.txt", "--store", tmp_path / "other")
    assert (code, "Left out" in out) == (2, True)


@pytest.mark.parametrize(
    "words",
    [
        ("nowhere.json",),
        (".", "--store", "a", "--send", "http://h"),
        (SENT, "--send", "127.0.0.1:4319"),
        (SENT, "--send", "http://127.0.0.1:1"),
        ("http://127.0.0.1:1",),
        ("zipkin+http://127.0.0.1:1",),
        (SENT, "--last", "1m", "--since", "5"),
    ],
)
def test_wrong_words(
    words: tuple[object, ...], run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    try:
        code, _, err = run("import", *words)
    except SystemExit as left:
        code, err = int(str(left.code)), "usage"
    assert code == 2
    assert err


def test_a_store_that_another_writes_is_left_alone(run: Run, tmp_path: Path) -> None:
    with Store(tmp_path / "store", decode=decode_logged, retention=Retention(), on_problem=print):
        code, _, err = run("import", SENT, "--store", tmp_path / "store")
    assert code == 2
    assert "--send" in err


@pytest.fixture
def receiver(tmp_path: Path) -> Iterator[tuple[str, list[Asked]]]:
    """`hopwatch serve`, which is busy at first."""
    busy = iter([503, 429])
    with Store(
        tmp_path / "served", decode=decode_logged, retention=Retention(), on_problem=print
    ) as store:
        client = create_app(store, max_body=20_000).test_client()

        def answer(asked: Asked) -> Answer:
            if status := next(busy, 0):
                return Answer(status, b"busy", {"Retry-After": "1"})
            given = client.post(asked.path, data=asked.body, headers=asked.headers)
            return Answer(given.status_code, given.get_data())

        with serving(answer) as served:
            yield served


def test_through_the_receiver_that_writes_a_store(
    run: Run, tmp_path: Path, signals: Path, receiver: tuple[str, list[Asked]]
) -> None:
    url, asked = receiver
    code, out, _ = run("import", signals, "--send", url)
    assert code == 0
    assert "58 spans read, 58 stored\n1 log record read, 1 stored\n6 data points read, 6" in out
    statuses = [request.path for request in asked]
    assert len(statuses) > 5  # two were not taken, one was too large and came in halves


def test_what_the_receiver_does_not_keep_is_counted(run: Run) -> None:
    said = {"partialSuccess": {"rejectedSpans": "8", "errorMessage": "odd \x1b[31m spans"}}
    with serving(lambda _: Answer(200, json.dumps(said).encode())) as (url, _):
        code, out, _ = run("import", SENT, "--send", url)
    assert code == 0
    assert "58 spans read, 50 stored, 8 not" in out
    assert "8 rejected_by_receiver" in out
    assert "\x1b" not in out
    with serving(lambda _: Answer(413)) as (url, _):
        assert "58 too_large" in run("import", SENT, "--send", url)[1]
    for wrong in (Answer(401, b"who?"), Answer(200, b"<html>"), Answer(302), Answer(400, b"no")):
        with serving(lambda _, wrong=wrong: wrong) as (url, _):
            code, out, err = run("import", SENT, "--send", url)
        assert code == 2
        assert "58 spans read, 0 stored, 58 not" in out
        assert url in err


def test_from_a_backend(run: Run, tmp_path: Path) -> None:
    window = ["--since", BEFORE, "--until", BEHIND]
    with serving(zipkin) as (url, _):
        code, out, _ = run("import", f"zipkin+{url}", *window, "--store", tmp_path / "store")
    assert (code, "58 spans read, 58 stored" in out) == (0, True)


@pytest.mark.parametrize("packed", [None, "gzip", "zstd"])
@pytest.mark.parametrize("form", ["jsonl", "binpb"])
def test_large_files_are_read_in_parts(
    form: str, packed: str | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lines = SENT.read_bytes().splitlines(keepends=True)
    data = b"".join(lines * 40)
    if form == "binpb":
        messages = [_protobuf(line) for line in lines]
        data = b"".join(len(m).to_bytes(4) + m for m in messages * 40)
    path = tmp_path / "big"
    with pa.output_stream(str(path), compression=packed) as file:
        file.write(data)
    monkeypatch.setattr(parts, "_PART", len(data) // 5)
    found = list(parts.read_parts(path))
    assert len(found) > 3
    assert sum(part.of(SPANS).table.num_rows for part in found) == 40 * 58
    assert not any(part.unreadable.total for part in found)


def _protobuf(line: bytes) -> bytes:
    from google.protobuf import json_format
    from opentelemetry.proto.trace.v1.trace_pb2 import TracesData

    document = json.loads(line)
    for resource in document["resourceSpans"]:
        for span in resource["scopeSpans"][0]["spans"]:
            for key in ("traceId", "spanId", "parentSpanId"):
                span.pop(key, None)
    message = json_format.ParseDict(document, TracesData(), ignore_unknown_fields=True)
    for resource in message.resource_spans:
        for number, span in enumerate(resource.scope_spans[0].spans, start=1):
            span.trace_id, span.span_id = b"t" * 16, number.to_bytes(8)
    encoded: bytes = message.SerializeToString()
    return encoded


def test_parts_say_where_lines_stand_and_what_is_broken(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    line = SENT.read_bytes().splitlines(keepends=True)[0]
    data = line * 30 + b"broken {\n" + line * 30
    path = tmp_path / "big.gz"
    path.write_bytes(gzip.compress(data)[:-200])
    monkeypatch.setattr(parts, "_PART", len(line) * 10)
    found = list(parts.read_parts(path))
    left_out = [example for part in found for example in part.unreadable.examples]
    assert {example.reason for example in left_out} >= {"invalid_line", "cut_off_file"}
    (broken,) = [example for example in left_out if example.reason == "invalid_line"][:1]
    behind, row = re.search(r"behind line (\d+)\):(\d+)", broken.where).groups()  # type: ignore[union-attr]
    assert int(behind) + int(row) == 31


def test_parquet_is_read_by_row_groups(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    table = hopwatch.read(SENT)
    path = tmp_path / "spans.parquet"
    pq.write_table(table, path, row_group_size=10)
    monkeypatch.setattr("hopwatch.formats.parquet._PART_ROWS", 20)
    found = [part.of(SPANS).table for part in parts.read_parts(path)]
    assert [part.num_rows for part in found] == [20, 20, 18]
    assert SPANS.concat(found).equals(SPANS.concat([table]))


def test_data_points_come_back_from_json_as_they_were(signals: Path) -> None:
    contents = decode(signals.read_bytes(), "x")
    for signal in (SPANS, LOGS, METRICS):
        table = contents.of(signal).table
        again = decode(request(signal, table), "x").of(signal)
        assert not again.rejected.total
        assert again.table.to_pylist().__repr__() == table.to_pylist().__repr__()  # NaN too


def test_simulations_are_imported(run: Run, tmp_path: Path) -> None:
    path = tmp_path / "x.binpb.zst"
    assert output.form_of(path)
    run("simulate", "chain", "--requests", 20, "--out", path)
    run("import", path, "--store", tmp_path / "store")
    assert ledger(run, "--store", tmp_path / "store") == ledger(run, path)
