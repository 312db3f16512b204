"""A window of some columns says of them what the whole window says."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pytest

from benchmarks.many_spans import EPOCH_NS, tables, write_store
from hopwatch.attribution import COLUMNS, Attribution, Selection
from hopwatch.store import open_reader

SECOND_NS = 1_000_000_000


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("store")
    write_store(path, tables(4_000, seconds=60))
    return path


@pytest.mark.parametrize("seconds", [60, 20, 0])
def test_projection_and_whole_window_agree(store: Path, seconds: int) -> None:
    window = (EPOCH_NS - SECOND_NS, EPOCH_NS + seconds * SECOND_NS)
    with open_reader(store) as reader:
        whole = reader.window(*window)
        some = reader.window(*window, columns=COLUMNS)
    assert some.column_names == list(COLUMNS)
    assert some.num_rows == whole.num_rows
    assert (whole.num_rows > 0) == (seconds > 0)
    for selection in (None, Selection(attributes={"customer.id": "c7"}), Selection(service="none")):
        made, wanted = (Attribution(table).ledger(selection) for table in (some, whole))
        assert made.quality == wanted.quality
        assert made.cells.equals(wanted.cells)
        assert made.requests.equals(wanted.requests)


def test_maps_keep_their_dictionaries(store: Path) -> None:
    with open_reader(store) as reader:
        maps = reader.window(0, 2**62, columns=["trace_id", "span_attributes"])
    assert pa.types.is_dictionary(maps["span_attributes"].type.item_type)
