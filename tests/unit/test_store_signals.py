"""Logs and metrics in the store: beside spans, as durable, found by trace, service and time."""

import json
import shutil
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from hopwatch import logs, metrics, spans
from hopwatch.errors import InputError, UsageError
from hopwatch.formats.decoded import Contents, Decoded, Rejections
from hopwatch.signals import LOGS, METRICS, SIGNALS, SPANS, Signal
from hopwatch.store import Retention, Store, inventory_of, lookup, manifest, open_reader, writer

TRACE = bytes(15) + b"\x01"


def rows(signal: Signal, *given: dict[str, Any]) -> pa.Table:
    """A table of a signal from what each row says; the rest is empty."""
    required = {"spans": {"duration_nano": 5}, "logs": {"severity_number": 9}, "metrics": {}}
    arrays = []
    for field in signal.schema:
        values = [(required[signal.name] | row).get(field.name) for row in given]
        is_text = pa.types.is_dictionary(field.type)
        array = pa.array(values, pa.string() if is_text else field.type)
        arrays.append(array.dictionary_encode() if is_text else array)
    return pa.Table.from_arrays(arrays, schema=signal.schema)


def span(second: int) -> pa.Table:
    row = {"trace_id": TRACE, "span_id": second.to_bytes(8), "service_name": "shop"}
    return rows(SPANS, row | {"start_time_unix_nano": second * 10**9})


def log(second: int, body: str = "", **said: Any) -> pa.Table:
    row = {"service_name": "shop", "body": body, "body_type": "s"} | said
    return rows(LOGS, row | {"time_unix_nano": second * 10**9})


def point(second: int, name: str = "m", **said: Any) -> pa.Table:
    row = {"name": name, "service_name": "shop", "value": 1.0} | said
    return rows(METRICS, row | {"time_unix_nano": second * 10**9})


def decode(kind: int, data: bytes) -> pa.Table:
    return (span, log, point)[kind](int(data))


@pytest.fixture
def opened(tmp_path: Path) -> Callable[..., Store]:
    def open_store(path: Path = tmp_path, **options: Any) -> Store:
        defaults = {"retention": Retention(max_bytes=10**9), "on_problem": print}
        return Store(path, decode=decode, **(defaults | options))

    return open_store


def counts(path: Path) -> list[int]:
    with open_reader(path) as reader:
        return [reader.extent(signal).rows for signal in SIGNALS]


def test_signals_of_one_log_come_back_after_a_crash(
    tmp_path: Path, opened: Callable[..., Store], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writer, "_FLUSH_EVERY_S", 3600.0)
    copy = tmp_path / "copy"
    with opened(tmp_path / "store") as store:
        for kind, make in enumerate((span, log, point)):
            for second in (1, 2):
                assert store.append(kind, f"{second}".encode(), make(second))
        shutil.copytree(tmp_path / "store", copy)
    assert counts(tmp_path / "store") == [2, 2, 2]
    with opened(copy) as again:
        assert (again.recovery.batches, again.recovery.rows) == (6, 6)
    assert counts(copy) == [2, 2, 2]


def test_a_flush_that_fails_half_way_leaves_no_file_behind(
    tmp_path: Path, opened: Callable[..., Store], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writer, "_FLUSH_EVERY_S", 0.02)
    made: list[int] = []
    write = writer.segments.write

    def second_fails(*args: Any, **options: Any) -> Any:
        made.append(1)
        if len(made) % 2 == 0:
            raise OSError(28, "No space left on device")
        return write(*args, **options)

    with opened() as store:
        with monkeypatch.context() as patch:
            patch.setattr(writer.segments, "write", second_fails)
            store.append(0, b"1", span(1))
            store.append(1, b"1", log(1))
            deadline = time.monotonic() + 10
            while len(made) < 6:
                assert time.monotonic() < deadline
                time.sleep(0.01)
        files = {path.name for path in (tmp_path / "segments").iterdir()}
        assert len(files) <= 3
    assert counts(tmp_path) == [1, 1, 0]
    named = {segment.file for segment in manifest.load(tmp_path).segments}
    assert {path.name for path in (tmp_path / "segments").iterdir()} == named


def test_merging_keeps_signals_apart(
    tmp_path: Path, opened: Callable[..., Store], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writer, "_FLUSH_EVERY_S", 0.01)
    monkeypatch.setattr(writer, "_KEEP_EVERY_S", 0.01)
    with opened() as store, open_reader(tmp_path) as reader:
        for second in range(1, 25):
            for kind, make in enumerate((span, log, point)):
                store.append(kind, f"{second}".encode(), make(second))
            time.sleep(0.02)
        deadline = time.monotonic() + 20
        while {s.signal for s in manifest.load(tmp_path).segments if s.level} < {
            signal.name for signal in SIGNALS
        } or reader.extent(METRICS).rows < 24:
            assert time.monotonic() < deadline
            time.sleep(0.02)
    assert counts(tmp_path) == [24, 24, 24]
    with open_reader(tmp_path) as reader:
        for signal in SIGNALS:
            extent = reader.extent(signal)
            assert (extent.min_start_ns, extent.max_start_ns) == (10**9, 24 * 10**9)
            found = reader.sql(f"SELECT {signal.time} AS t FROM {signal.name} ORDER BY t")
            assert found["t"].to_pylist() == [second * 10**9 for second in range(1, 25)]


def test_version_changes_with_the_data_and_not_with_the_files(
    tmp_path: Path, opened: Callable[..., Store]
) -> None:
    with opened() as store:
        store.append(0, b"1", span(1))
    with open_reader(tmp_path) as reader:
        before, of_logs = reader.version(), reader.version(LOGS)
        assert reader.version(SPANS) == before
        with opened() as store:
            store.append(1, b"1", log(1))
        assert reader.version() != before
        assert reader.version(LOGS) != of_logs
        assert reader.version(SPANS) == before


def test_a_store_of_before_logs_and_metrics(tmp_path: Path, opened: Callable[..., Store]) -> None:
    with opened() as store:
        store.append(0, b"1", span(1))
    path = tmp_path / manifest.FILE
    old = json.loads(path.read_text())
    old["version"] = 1
    for segment in old["segments"]:
        del segment["signal"]
    path.write_text(json.dumps(old))
    (tmp_path / "left-out.json").unlink(missing_ok=True)
    with open_reader(tmp_path) as reader:
        assert reader.window(0, 2**62).num_rows == 1
        assert reader.logs().num_rows == reader.metrics().num_rows == 0
        assert reader.left_out() == ()
    with opened() as store:
        store.append(2, b"1", point(1))
    assert counts(tmp_path) == [1, 0, 1]


def test_logs_are_found(tmp_path: Path, opened: Callable[..., Store]) -> None:
    with opened() as store:
        store.append(1, b"1", log(3, "c", trace_id=TRACE, severity_number=17))
        store.append(1, b"2", log(1, "a", trace_id=TRACE))
        store.append(1, b"3", log(2, "b", service_name="db"))
    with open_reader(tmp_path) as reader:

        def bodies(**options: Any) -> str:
            found = reader.logs(**options)
            assert found.schema.equals(logs.SCHEMA)
            return "".join(found["body"].to_pylist())

        assert bodies() == "abc"
        assert bodies(trace_id=TRACE) == bodies(trace_id=TRACE.hex().upper()) == "ac"
        assert bodies(trace_id=bytes(16)) == ""
        assert bodies(start=2 * 10**9) == "bc"
        assert bodies(end=2 * 10**9) == "a"
        assert bodies(services=["db", "none"]) == "b"
        assert bodies(services=[]) == ""
        assert bodies(min_severity=13) == bodies(min_severity=17) == "c"
        assert bodies(min_severity=18) == ""
        assert bodies(limit=2) == "bc"
        with pytest.raises(UsageError, match="32 hex digits"):
            reader.logs(trace_id="abc")


def test_metrics_are_found(tmp_path: Path, opened: Callable[..., Store]) -> None:
    with opened() as store:
        store.append(2, b"1", point(2, "cpu", service_instance_id="i"))
        store.append(2, b"2", point(1, "cpu", service_instance_id="i"))
        store.append(2, b"3", point(1, "memory", service_name="db"))
    with open_reader(tmp_path) as reader:

        def found(**options: Any) -> list[tuple[str, int]]:
            table = reader.metrics(**options)
            assert table.schema.equals(metrics.SCHEMA)
            times = table["time_unix_nano"].to_pylist()
            return list(zip(table["name"].to_pylist(), [t // 10**9 for t in times], strict=True))

        assert found() == [("cpu", 1), ("cpu", 2), ("memory", 1)]
        assert found(names=["cpu"], start=2 * 10**9) == [("cpu", 2)]
        assert found(end=2 * 10**9) == [("cpu", 1), ("memory", 1)]
        assert found(services=["db"]) == [("memory", 1)]
        assert found(names=["none"]) == []


def test_text_of_a_query_is_bound_and_not_read_as_sql(tmp_path: Path) -> None:
    table = log(1, "x")
    for hostile in ("'; DROP TABLE source; --", "shop' OR '1'='1"):
        assert lookup.logs(table, services=[hostile]).num_rows == 0
        assert lookup.metrics(point(1), names=[hostile]).num_rows == 0


def test_inventory_and_what_was_left_out_survive_a_restart(
    tmp_path: Path, opened: Callable[..., Store]
) -> None:
    with opened() as store:
        store.append(0, b"1", span(1))
        said = {"service_version": "1", "telemetry_sdk_language": "go"}
        store.append(1, b"1", pa.concat_tables([log(2, **said), log(7, **said)]))
        store.tally.add("spans", "rejected", "missing_end_time", 2, "first")
        store.tally.add("logs", "duplicate", "", 0)
    with opened() as store:
        store.tally.add("spans", "rejected", "missing_end_time", 3, "second " + "x" * 9999)
    with open_reader(tmp_path) as reader:
        inventory = reader.inventory()
    assert [(s.signal, s.rows, s.first_ns, s.last_ns) for s in inventory.stored] == [
        ("spans", 1, 10**9, 10**9), ("logs", 2, 2 * 10**9, 7 * 10**9), ("metrics", 0, None, None),
    ]  # fmt: skip
    (service,) = inventory.services
    assert (service.name, service.languages, service.versions) == ("shop", ("go",), ("1",))
    assert (service.spans, service.logs, service.metrics) == (1, 2, 0)
    (entry,) = inventory.left_out
    assert (entry.signal, entry.outcome, entry.reason, entry.count) == (
        "spans", "rejected", "missing_end_time", 5,
    )  # fmt: skip
    assert entry.first_ns < entry.last_ns
    assert entry.example.startswith("second")
    assert len(entry.example) == 500


def test_the_tally_is_bounded(tmp_path: Path, opened: Callable[..., Store]) -> None:
    with opened() as store:
        for number in range(2000):
            store.tally.add("spans", "rejected", f"reason_{number}", 1)
    with open_reader(tmp_path) as reader:
        entries = reader.left_out()
    assert len(entries) == 501
    assert sum(entry.count for entry in entries) == 2000


def test_a_damaged_tally_is_named_and_set_aside(
    tmp_path: Path, opened: Callable[..., Store]
) -> None:
    with opened():
        pass
    (tmp_path / "left-out.json").write_text('[{"signal": 1}]')
    with open_reader(tmp_path) as reader, pytest.raises(InputError, match=r"left-out\.json"):
        reader.left_out()
    problems: list[str] = []
    with opened(on_problem=problems.append), open_reader(tmp_path) as reader:
        assert reader.left_out() == ()
    assert "set aside" in problems[0]
    assert (tmp_path / "left-out.damaged").exists()


def test_inventory_of_files() -> None:
    contents = Contents()
    rejected = Rejections()
    rejected.add("missing_time", "a.json: log record", "no time", 2)
    contents.add(LOGS, Decoded(log(1), rejected))
    contents.add(SPANS, Decoded(spans.empty(), Rejections()))
    contents.unreadable.add("invalid_line", "a.json:7", "invalid JSON")
    inventory = inventory_of(contents, "a.json")
    assert [stored.rows for stored in inventory.stored] == [0, 1, 0]
    assert [(e.signal, e.outcome, e.reason, e.count) for e in inventory.left_out] == [
        ("logs", "rejected", "missing_time", 2),
        ("unknown", "unreadable", "invalid_line", 1),
    ]
