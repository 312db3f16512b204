"""A store keeps what it acknowledged, once, whatever stops it in between."""

import errno
import os
import shutil
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pyarrow as pa
import pytest

from hopwatch import spans
from hopwatch.errors import HopwatchError, InputError, UsageError
from hopwatch.store import (
    LogFailedError,
    Retention,
    Store,
    UnavailableError,
    manifest,
    open_reader,
    segments,
    upkeep,
    writer,
)
from hopwatch.store.manifest import Manifest


def table(number: int, *, service: str = "shop", parent: bytes | None = None) -> pa.Table:
    """One span of trace `number`, which starts at `number` seconds."""
    return spans.table_from_columns(
        {
            "trace_id": [number.to_bytes(16)],
            "span_id": [number.to_bytes(8)],
            "parent_span_id": [parent],
            "name": ["op"],
            "start_time_unix_nano": [number * 10**9],
            "duration_nano": [5],
            "service_name": [service],
            "span_attributes": [[("k", "v")]],
            "events": [[]],
        }
    )


def payload(number: int) -> bytes:
    return str(number).encode()


def decode(kind: int, data: bytes) -> pa.Table:
    if not data.isdigit():
        raise InputError(f"no number: {data!r}")
    return table(int(data))


def add(store: Store, *numbers: int) -> None:
    for number in numbers:
        assert store.append(0, payload(number), table(number))


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "store"


@pytest.fixture
def problems() -> list[str]:
    return []


@pytest.fixture
def opened(path: Path, problems: list[str]) -> Callable[..., Store]:
    def open_store(**options: object) -> Store:
        defaults = {"retention": Retention(max_bytes=10**9), "on_problem": problems.append}
        return Store(path, decode=decode, **(defaults | options))

    return open_store


def numbers_in(path: Path) -> list[int]:
    with open_reader(path) as reader:
        found = reader.sql("SELECT trace_id FROM spans ORDER BY 1")
        return [int.from_bytes(trace_id) for trace_id in found["trace_id"].to_pylist()]


@contextmanager
def crashed(path: Path) -> Iterator[Path]:
    """What is on the disk right now, as a copy that another process may open."""
    copy = path.with_name("copy")
    shutil.copytree(path, copy)
    yield copy
    shutil.rmtree(copy)


def test_visible_within_three_seconds(path: Path, opened: Callable[..., Store]) -> None:
    with opened() as store:
        add(store, 1, 2, 3)
        deadline = time.monotonic() + 3
        while numbers_in(path) != [1, 2, 3]:
            assert time.monotonic() < deadline
            time.sleep(0.05)


def test_closing_leaves_all_in_segments(path: Path, opened: Callable[..., Store]) -> None:
    with opened() as store:
        add(store, 1, 2)
    assert numbers_in(path) == [1, 2]
    assert list((path / "log").iterdir()) == []
    with opened() as store:
        assert store.recovery.batches == 0
        add(store, 3)
    assert numbers_in(path) == [1, 2, 3]


def test_acknowledged_survives_a_crash_before_the_flush(
    path: Path, opened: Callable[..., Store], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writer, "_FLUSH_EVERY_S", 3600.0)
    with opened() as store:
        add(store, 1, 2)
        with crashed(path) as copy:
            assert numbers_in(copy) == []
            with Store(copy, decode=decode, retention=Retention(), on_problem=print) as again:
                assert (again.recovery.batches, again.recovery.rows) == (2, 2)
            assert numbers_in(copy) == [1, 2]


@pytest.mark.parametrize(
    ("module", "step"), [(manifest, "save"), (writer.log, "drop_until"), (segments, "write")]
)
def test_crash_between_the_steps_of_a_flush(
    path: Path,
    opened: Callable[..., Store],
    monkeypatch: pytest.MonkeyPatch,
    module: object,
    step: str,
) -> None:
    """A flush is cut off right before one of its steps; reopening neither loses nor doubles."""
    monkeypatch.setattr(writer, "_FLUSH_EVERY_S", 0.05)
    with opened() as store:
        add(store, 1)
        cut_off = threading.Event()

        def fail(*_: object, **__: object) -> None:
            cut_off.set()
            raise OSError(errno.EIO, "cut off")

        with monkeypatch.context() as patch:
            patch.setattr(module, step, fail)
            add(store, 2)
            assert cut_off.wait(5)
            with crashed(path) as copy:
                patch.undo()
                with Store(copy, decode=decode, retention=Retention(), on_problem=print):
                    pass
                assert numbers_in(copy) == [1, 2]
    assert numbers_in(path) == [1, 2]


def test_same_payload_is_a_duplicate(path: Path, opened: Callable[..., Store]) -> None:
    with opened() as store:
        assert store.append(0, b"1", table(1))
        assert not store.append(0, b"1", table(1))
        assert store.append(1, b"1", table(1))
    assert numbers_in(path) == [1, 1]


def test_what_is_sent_again_after_a_crash_is_a_duplicate(
    path: Path, opened: Callable[..., Store], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its sender may have lost the answer; log records and data points have no id to be known
    again by."""
    monkeypatch.setattr(writer, "_FLUSH_EVERY_S", 0.05)
    with opened() as store:
        add(store, 1)
        while numbers_in(path) != [1]:
            time.sleep(0.01)
        with monkeypatch.context() as patch:
            patch.setattr(Store, "_flush_pending", lambda _: None)
            add(store, 2)
            with crashed(path) as copy:
                with Store(copy, decode=decode, retention=Retention(), on_problem=print) as again:
                    assert again.recovery.batches == 1
                    for number in (1, 2):
                        assert not again.append(0, payload(number), table(number))
                    assert again.append(0, payload(3), table(3))
                    patch.undo()
                assert numbers_in(copy) == [1, 2, 3]


def test_many_threads(path: Path, opened: Callable[..., Store]) -> None:
    with opened() as store:
        workers = [
            threading.Thread(target=add, args=(store, *range(first, first + 25)))
            for first in range(0, 200, 25)
        ]
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join()
    assert numbers_in(path) == list(range(200))


def test_second_writer(path: Path, opened: Callable[..., Store]) -> None:
    with opened(), pytest.raises(InputError, match=f"process {os.getpid()}"):
        opened()


def test_store_where_a_file_is(path: Path, opened: Callable[..., Store]) -> None:
    path.write_text("")
    with pytest.raises(InputError, match="cannot hold a trace store"):
        opened()


def test_overload_is_refused_and_nothing_of_it_kept(
    path: Path, opened: Callable[..., Store], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writer, "_MAX_HELD_BYTES", 1)
    monkeypatch.setattr(writer, "_FLUSH_EVERY_S", 3600.0)
    with opened() as store:
        add(store, 1)  # the first is taken whatever its size
        with pytest.raises(UnavailableError, match="waiting to be written"):
            store.append(0, payload(2), table(2))
    assert numbers_in(path) == [1]


def test_full_disk_then_room(
    path: Path,
    opened: Callable[..., Store],
    monkeypatch: pytest.MonkeyPatch,
    problems: list[str],
) -> None:
    def full(*_: object) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")

    with opened() as store:
        with monkeypatch.context() as patch:
            patch.setattr(os, "pwrite", full)
            with pytest.raises(UnavailableError, match="No space left"):
                store.append(0, payload(1), table(1))
        assert store.append(0, payload(1), table(1))
    assert numbers_in(path) == [1]
    assert len(problems) == 1


def test_failed_sync_stops_the_store(
    path: Path,
    opened: Callable[..., Store],
    monkeypatch: pytest.MonkeyPatch,
    problems: list[str],
) -> None:
    def fail(_: int) -> None:
        raise OSError(errno.EIO, "Input/output error")

    with opened() as store:
        with monkeypatch.context() as patch:
            patch.setattr(os, "fdatasync", fail)
            with pytest.raises(LogFailedError):
                store.append(0, payload(1), table(1))
        assert store.failed.wait(5)
        with pytest.raises(LogFailedError, match="restart"):
            store.append(0, payload(2), table(2))
    assert "nothing more can be stored" in problems[0]


def test_damaged_log(path: Path, opened: Callable[..., Store]) -> None:
    with opened():
        pass
    log = writer.LogWriter(path / "log", 1)
    log.append([(0, b"1"), (0, b"2"), (0, b"undecodable"), (0, b"4")])
    log.close()
    (file,) = (path / "log").iterdir()
    data = bytearray(file.read_bytes())
    data[25] ^= 1  # in the second frame
    file.write_bytes(bytes(data) + b"HWf torn")
    with opened() as store:
        assert store.recovery.batches == 2
        damages = store.recovery.damages
    assert numbers_in(path) == [1, 4]
    assert all(
        word in line for word, line in zip(("damaged", "batch 3", "cut off"), damages, strict=True)
    )
    kept = sorted(kept.name for kept in (path / "log" / "damaged").iterdir())
    assert kept == [f"{file.stem}-22", "batch-3"]


def test_merging_keeps_every_row_and_readers_keep_their_files(
    path: Path, opened: Callable[..., Store], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writer, "_FLUSH_EVERY_S", 0.01)
    monkeypatch.setattr(writer, "_KEEP_EVERY_S", 0.01)
    with opened() as store:
        for number in range(30):
            add(store, number)
            time.sleep(0.02)
        deadline = time.monotonic() + 10
        while all(segment.level == 0 for segment in manifest.load(path).segments):
            assert time.monotonic() < deadline
            time.sleep(0.02)
    found = manifest.load(path)
    assert len(found.segments) < 20
    assert all((path / "segments" / retired.file).exists() for retired in found.retired)
    assert numbers_in(path) == list(range(30))


def test_retention_and_grace(
    path: Path, opened: Callable[..., Store], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writer, "_KEEP_EVERY_S", 0.01)
    with opened() as store:
        add(store, 1)
    with opened(retention=Retention(max_age_ns=1)) as store:
        deadline = time.monotonic() + 10
        while manifest.load(path).segments:
            assert time.monotonic() < deadline
            time.sleep(0.02)
        assert len(list((path / "segments").iterdir())) == 1
        monkeypatch.setattr(upkeep, "GRACE_NS", 0)
        while list((path / "segments").iterdir()):
            assert time.monotonic() < deadline
            time.sleep(0.02)
    assert manifest.load(path) == Manifest(flushed_batch=1)
    assert numbers_in(path) == []


def test_whole_traces_of_a_window(path: Path, opened: Callable[..., Store]) -> None:
    trace = bytes(15)

    def span(trace_id: int, span_id: int, parent: int | None, second: int, service: str = "shop"):
        found = table(second, service=service, parent=parent and parent.to_bytes(8))
        columns = found.to_pydict() | {
            "trace_id": [trace + bytes([trace_id])],
            "span_id": [span_id.to_bytes(8)],
        }
        return spans.table_from_columns(columns)

    rows = [
        span(1, 1, None, 10),
        span(1, 2, 1, 21, "db"),  # begins inside, its trace before
        span(2, 1, None, 20),
        span(2, 2, 1, 35),  # begins behind, its trace inside
        span(3, 7, 6, 25),  # incomplete: no span without a parent
        span(3, 8, 7, 5),
        span(4, 1, None, 30),
    ]
    with opened() as store:
        for number, row in enumerate(rows):
            store.append(0, payload(number), row)

    with open_reader(path) as reader:

        def ids(**options: object) -> list[tuple[int, int]]:
            found = reader.window(20 * 10**9, 30 * 10**9, **options)
            assert found.schema.equals(spans.SCHEMA)
            return [
                (trace_id[-1], int.from_bytes(span_id))
                for trace_id, span_id in zip(
                    found["trace_id"].to_pylist(), found["span_id"].to_pylist(), strict=True
                )
            ]

        assert ids() == [(2, 1), (2, 2), (3, 8), (3, 7)]
        assert ids(limit=1) == [(3, 8), (3, 7)]
        assert ids(services=["db"]) == []
        assert ids(services=["shop", "none"]) == [(2, 1), (2, 2), (3, 8), (3, 7)]
        assert reader.window(0, 10**9).num_rows == 0
        extent = reader.extent()
        assert (extent.rows, extent.min_start_ns, extent.max_start_ns) == (7, 5 * 10**9, 35 * 10**9)


def test_trace_by_prefix(path: Path, opened: Callable[..., Store]) -> None:
    with opened() as store:
        add(store, 0x1234, 0x1235, 0xF000)
    with open_reader(path) as reader:
        assert reader.trace("0" * 28 + "1234").num_rows == 1
        assert reader.trace("0" * 28 + "F").num_rows == 1
        with pytest.raises(UsageError, match="several trace ids begin with 0: 0"):
            reader.trace("0")
        with pytest.raises(InputError, match="no trace id begins with f; the store holds 3 spans"):
            reader.trace("f")
        for wrong in ("", "xyz", "0" * 33):
            with pytest.raises(UsageError, match="is no trace id"):
                reader.trace(wrong)


def test_empty_store_and_no_store(path: Path, opened: Callable[..., Store]) -> None:
    with pytest.raises(InputError, match="there is no trace store here"):
        open_reader(path)
    with opened(), open_reader(path) as reader:
        assert reader.window(0, 2**63 - 1).num_rows == 0
        assert reader.extent().rows == 0
        assert reader.sql("SELECT count(*) AS n FROM spans").to_pylist() == [{"n": 0}]
        with pytest.raises(HopwatchError, match="no trace id"):
            reader.trace("0")
        with pytest.raises(UsageError, match="the query failed"):
            reader.sql("SELECT nothing FROM spans")


def test_attributes_are_read_by_key(path: Path, opened: Callable[..., Store]) -> None:
    with opened() as store:
        add(store, 1)
    with open_reader(path) as reader:
        found = reader.sql(
            "SELECT span_attributes['k'] AS v FROM spans WHERE service_name = 'shop'"
        )
        assert found.to_pylist() == [{"v": "v"}]
