"""Files are told apart by content; what cannot be read is named."""

import gzip
import json
import os
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from opentelemetry.proto.logs.v1.logs_pb2 import LogsData
from opentelemetry.proto.metrics.v1.metrics_pb2 import MetricsData
from opentelemetry.proto.trace.v1.trace_pb2 import TracesData

from hopwatch import spans
from hopwatch.errors import InputError
from hopwatch.formats import read_contents, read_files
from hopwatch.signals import SIGNALS

RESOURCE_SPANS = {
    "scopeSpans": [
        {
            "spans": [
                {
                    "traceId": "5b8efff798038103d269b633813fc60c",
                    "spanId": "eee19b7ec3c1b174",
                    "startTimeUnixNano": "1000",
                    "endTimeUnixNano": "2000",
                }
            ]
        }
    ]
}
DOCUMENT = {"resourceSpans": [RESOURCE_SPANS]}


def protobuf() -> bytes:
    data = TracesData()
    span = data.resource_spans.add().scope_spans.add().spans.add()
    span.trace_id = bytes.fromhex("5b8efff798038103d269b633813fc60c")
    span.span_id = bytes.fromhex("eee19b7ec3c1b174")
    span.start_time_unix_nano, span.end_time_unix_nano = 1000, 2000
    return data.SerializeToString()


def parquet() -> bytes:
    sink = pa.BufferOutputStream()
    pq.write_table(read_bytes(json.dumps(DOCUMENT).encode()), sink)
    return sink.getvalue().to_pybytes()


def read_bytes(data: bytes, tmp: Path | None = None) -> pa.Table:
    import tempfile

    with tempfile.NamedTemporaryFile() as file:
        file.write(data)
        file.flush()
        return read_files([file.name]).table


ONE = json.dumps(DOCUMENT).encode()
LINES = ONE + b"\n\n" + json.dumps(RESOURCE_SPANS).encode() + b"\n"


@pytest.mark.parametrize(
    ("data", "rows"),
    [
        (ONE, 1),
        (json.dumps(DOCUMENT, indent=2).encode(), 1),
        (b"\n  " + ONE, 1),
        (json.dumps(RESOURCE_SPANS).encode(), 1),
        (LINES, 2),
        (LINES.replace(b"\n", b"\r\n"), 2),
        (protobuf(), 1),
        (bytes([len(protobuf())]) + protobuf(), 1),
        ((bytes([len(protobuf())]) + protobuf()) * 3, 3),
        ((len(protobuf()).to_bytes(4) + protobuf()) * 3, 3),
        (parquet(), 1),
    ],
)
@pytest.mark.parametrize("pack", [bytes, gzip.compress, lambda d: pa.compress(d, "zstd", True)])
def test_formats(data: bytes, rows: int, pack) -> None:
    table = read_bytes(pack(data))
    assert table.schema.equals(spans.SCHEMA)
    assert table["span_id"].to_pylist() == [bytes.fromhex("eee19b7ec3c1b174")] * rows


def test_bad_lines_are_named_and_the_rest_is_read(tmp_path: Path) -> None:
    file = tmp_path / "traces.jsonl"
    file.write_bytes(b'{"resourceSpans": [{"sc\n' + LINES + b'{"services": []}\n')
    table, rejected = read_files([file])
    assert table.num_rows == 2
    assert rejected.counts == {"invalid_line": 1, "unknown_document": 1}
    assert [example.where for example in rejected.examples] == [f"{file}:1", f"{file}:5"]
    assert "invalid_line: 1" in rejected.summary()


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"", "is empty"),
        (b" \n", "is empty"),
        (b"hello", "looks like text that begins 'hello'"),
        (b'{"datum": []}', "no telemetry that is known: an object with 'datum'"),
        (b'{"data": null, "errors": [{"code": 404, "msg": "trace not found"}]}', "trace not found"),
        (b"\x89PNG\r\n\x1a\n\x00\x01", "binary data that begins 89 50 4e 47"),
        (b'{"resourceSpans": [', "invalid JSON"),
        (b"\x1f\x8b\x08nothing", "broken gzip data"),
        (b"PAR1 and no more", "Parquet that cannot be read"),
    ],
)
def test_what_is_no_trace_file(tmp_path: Path, data: bytes, says: str) -> None:
    file = tmp_path / "input"
    file.write_bytes(data)
    with pytest.raises(InputError, match="input: ") as error:
        read_files([file])
    assert says in str(error.value)


def test_parquet_of_something_else(tmp_path: Path) -> None:
    pq.write_table(pa.table({"a": [1]}), tmp_path / "a.parquet")
    with pytest.raises(InputError, match="without the span table's columns"):
        read_files([tmp_path / "a.parquet"])


def test_folder(tmp_path: Path) -> None:
    (tmp_path / "deep").mkdir()
    (tmp_path / "deep" / "a.json").write_bytes(ONE)
    (tmp_path / "b").write_bytes(protobuf())
    (tmp_path / "LICENSE").write_text("MIT")
    (tmp_path / ".hidden").write_text("x")
    table, rejected = read_files([tmp_path])
    assert table.num_rows == 2
    assert rejected.counts == {"unreadable_file": 1}
    assert rejected.examples[0].where == str(tmp_path / "LICENSE")


def test_folders_that_cannot_be_listed_are_counted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "a.json").write_bytes(ONE)
    (tmp_path / "closed").mkdir()
    listed = os.scandir

    def scandir(path: str) -> object:
        if str(path).endswith("closed"):
            raise PermissionError(13, "Permission denied", str(path))
        return listed(path)

    monkeypatch.setattr(os, "scandir", scandir)
    table, rejected = read_files([tmp_path])
    assert table.num_rows == 1
    assert rejected.counts == {"unreadable_file": 1}
    assert rejected.examples[0].where == str(tmp_path / "closed")


def test_folder_without_traces(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="there is no file in it"):
        read_files([tmp_path])
    (tmp_path / "a").write_text("x")
    with pytest.raises(InputError, match="no traces can be read from this folder"):
        read_files([tmp_path])


def test_pipes_in_a_folder_are_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(InputError, match="there is no file in it"):
        read_files([tmp_path])


LOGS_DOCUMENT = {"resourceLogs": [{"scopeLogs": [{"logRecords": [{"timeUnixNano": 5}] * 2}]}]}
POINT = {"name": "m", "gauge": {"dataPoints": [{"timeUnixNano": 5, "asInt": 1}] * 3}}
METRICS_DOCUMENT = {"resourceMetrics": [{"scopeMetrics": [{"metrics": [POINT]}]}]}


def frames() -> bytes:
    """The collector's file exporter: messages of any signal, each with its length before it."""
    logs, metrics = LogsData(), MetricsData()
    logs.resource_logs.add().scope_logs.add().log_records.add(time_unix_nano=5)
    logs.resource_logs[0].scope_logs[0].log_records.add(time_unix_nano=5)
    point = metrics.resource_metrics.add().scope_metrics.add().metrics.add(name="m").gauge
    for _ in range(3):
        point.data_points.add(time_unix_nano=5, as_int=1)
    messages = [logs.SerializeToString(), protobuf(), metrics.SerializeToString()]
    return b"".join(len(message).to_bytes(4) + message for message in messages)


@pytest.mark.parametrize(
    "data",
    [
        b"\n".join(json.dumps(d).encode() for d in (LOGS_DOCUMENT, DOCUMENT, METRICS_DOCUMENT)),
        json.dumps(LOGS_DOCUMENT | DOCUMENT | METRICS_DOCUMENT).encode(),
        frames(),
    ],
)
@pytest.mark.parametrize("pack", [bytes, gzip.compress, lambda d: pa.compress(d, "zstd", True)])
def test_all_signals_of_one_file(tmp_path: Path, data: bytes, pack) -> None:
    (tmp_path / "export").write_bytes(pack(data))
    contents = read_contents([tmp_path])
    assert {signal.name: contents.of(signal).table.num_rows for signal in SIGNALS} == {
        "spans": 1, "logs": 2, "metrics": 3,
    }  # fmt: skip
    assert not contents.unreadable.total
    assert read_files([tmp_path]).table.num_rows == 1


def test_parquet_of_each_signal(tmp_path: Path) -> None:
    (tmp_path / "export").write_bytes(frames())
    contents = read_contents([tmp_path])
    folder = tmp_path / "parquet"
    folder.mkdir()
    for signal in SIGNALS:
        pq.write_table(contents.of(signal).table, folder / f"{signal.name}.parquet")
    again = read_contents([folder])
    for signal in SIGNALS:
        assert again.of(signal).table.equals(contents.of(signal).table)


def test_missing_file(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot be read: No such file"):
        read_files([tmp_path / "none"])


@pytest.mark.parametrize(
    ("name", "rows", "counts"),
    [
        ("otlp/opentelemetry-proto_trace.json", 1, {}),
        ("otlp/otel-demo_getcart.json", 21, {}),
        ("otlp/authenticate_error_otlp.json", 3, {}),
        ("otlp/example_otlp.json", 0, {"invalid_span_id": 3}),  # ids such as "sid1"
        ("nezha/trainticket_normal_minute.otlp.jsonl.gz", 4890, {}),
    ],
)
def test_real_files(shared_data: Path, name: str, rows: int, counts: dict[str, int]) -> None:
    table, rejected = read_files([shared_data / name])
    assert (table.num_rows, dict(rejected.counts)) == (rows, counts)


def test_what_tempo_says_is_a_part_of_a_trace_is_read_and_said(tmp_path: Path) -> None:
    answer = {"trace": DOCUMENT, "status": "PARTIAL", "message": "trace exceeds max size"}
    (tmp_path / "f").write_text(json.dumps(answer))
    table, rejected = read_files([tmp_path / "f"])
    assert table.num_rows == 1
    assert rejected.counts == {"partial_trace": 1}
    assert "trace exceeds max size" in rejected.summary()
