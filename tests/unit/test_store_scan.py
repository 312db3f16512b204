"""Spans read part by part say what they say as one table."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from benchmarks.many_spans import EPOCH_NS, table, tables, write_store
from hopwatch.attribution import COLUMNS, Attribution, Selection
from hopwatch.attribution.source import whole
from hopwatch.errors import InputError
from hopwatch.store import Scan, open_reader, scan_files

SECOND_NS = 1_000_000_000
ALL = (-(2**63), 2**63 - 1)


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("store")
    write_store(path, tables(60_000, seconds=60))
    return path


@pytest.mark.parametrize("seconds", [60, 20, 0])
def test_a_scan_has_the_spans_of_the_window(store: Path, seconds: int) -> None:
    window = (EPOCH_NS - SECOND_NS, EPOCH_NS + seconds * SECOND_NS)
    with open_reader(store) as reader:
        scanned = whole(reader.scan(*window), COLUMNS)
        wanted = reader.window(*window)
    ids = [("trace_id", "ascending"), ("span_id", "ascending")]
    assert scanned.column_names == list(COLUMNS)
    assert scanned.select(["trace_id", "span_id"]).sort_by(ids) == wanted.select(
        ["trace_id", "span_id"]
    ).sort_by(ids)
    assert (wanted.num_rows > 0) == (seconds > 0)


def test_parts_come_in_one_order_and_of_the_columns_asked_for(store: Path) -> None:
    with open_reader(store) as reader:
        some = reader.scan(EPOCH_NS, EPOCH_NS + 20 * SECOND_NS)
    assert some.most_rows >= whole(some, ["span_id"]).num_rows
    both = whole(some, ["span_id", "name"])
    assert both["span_id"] == whole(some, ["span_id"])["span_id"]
    assert both["span_id"] == whole(some, ["trace_id", "span_id"])["span_id"]


def test_a_scan_and_a_table_are_attributed_alike(store: Path) -> None:
    with open_reader(store) as reader:
        by_scan = Attribution(reader.scan(*ALL))
        by_table = Attribution(reader.window(*ALL))
    assert by_scan._engine is not None
    by_table._engine = None
    for select in (None, Selection(attributes={"customer.id": "c7"}), Selection(outcome="error")):
        made, wanted = (one.ledger(select) for one in (by_scan, by_table))
        assert (made.cells, made.requests) == (wanted.cells, wanted.requests)
        assert made.quality == wanted.quality
        made_rows, wanted_rows = (one.request_table(select) for one in (by_scan, by_table))
        assert made_rows.to_pylist() == wanted_rows.to_pylist()
    assert by_scan.stacks().cells == by_table.stacks().cells
    assert by_scan.clock_table() == by_table.clock_table()


def test_a_segment_that_is_gone_is_named(tmp_path: Path) -> None:
    file = tmp_path / "0000000001.parquet"
    pq.write_table(table(100), file)
    scan = scan_files([file])
    assert scan is not None
    file.unlink()
    with pytest.raises(InputError, match=r"0000000001\.parquet: .*ask again"):
        whole(scan, COLUMNS)


def test_files_that_hopwatch_wrote_are_scanned_and_no_others(tmp_path: Path) -> None:
    ours, other, text = (tmp_path / name for name in ("ours", "other", "text"))
    spans = table(1_000)
    pq.write_table(spans, ours)
    pq.write_table(spans.drop_columns(["links"]), other)
    text.write_text("{}")
    found = scan_files([ours])
    assert isinstance(found, Scan)
    assert found.most_rows == whole(found, COLUMNS).num_rows == spans.num_rows
    assert scan_files([ours, other]) is None
    assert scan_files([text, ours]) is None
    assert scan_files([tmp_path / "none"]) is None
    assert scan_files([]) is None


def test_text_that_differs_in_most_rows_stays_as_it_is(tmp_path: Path) -> None:
    """Dictionaries are joined only where that is worth it; the text is the same."""
    file = tmp_path / "spans.parquet"
    spans = table(3_000)
    names = pa.array([f"name {i}" for i in range(spans.num_rows)]).dictionary_encode()
    spans = spans.set_column(
        spans.schema.get_field_index("name"), spans.schema.field("name"), names
    )
    pq.write_table(spans, file, row_group_size=500)
    scan = scan_files([file])
    assert scan is not None
    found = whole(scan, COLUMNS)
    assert found["name"].to_pylist() == spans["name"].to_pylist()
    assert found["kind"].to_pylist() == spans["kind"].to_pylist()


def test_a_broken_file_is_named(tmp_path: Path) -> None:
    file = tmp_path / "broken.parquet"
    pq.write_table(table(2_000), file)
    data = bytearray(file.read_bytes())
    data[100 : len(data) // 2] = bytes(len(data) // 2 - 100)
    file.write_bytes(data)
    scan = scan_files([file])
    assert scan is not None  # the footer is whole
    with pytest.raises(InputError, match=r"broken\.parquet: Parquet that cannot be read"):
        whole(scan, COLUMNS)
