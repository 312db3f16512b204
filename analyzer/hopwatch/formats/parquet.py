"""Parquet files that hold one of hopwatch's tables: its own segments, or any with their columns;
and `otel_traces` as ClickHouse exports it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import pyarrow as pa
import pyarrow.parquet as pq

from hopwatch.errors import InputError
from hopwatch.formats import clickhouse
from hopwatch.formats.decoded import Contents, Decoded, Rejections
from hopwatch.signals import SIGNALS, SPANS, Signal

NAME: Final = "Parquet with the columns of hopwatch or of otel_traces (ClickHouse)"

_MAGIC: Final = b"PAR1"
_PART_ROWS: Final = 1 << 17


def recognises(data: bytes) -> bool:
    """Whether `data` is a Parquet file."""
    return data.startswith(_MAGIC)


def decode_file(data: bytes, source: str) -> Contents:
    """The rows of a Parquet file. Other columns than those of the table are ignored.

    Raises InputError if columns are missing or of other types.
    """
    with _readable(source):
        return _decoded(pq.read_table(pa.BufferReader(data)), source)


def decode_parts(path: Path) -> Iterator[Contents]:
    """As `decode_file`, some row groups of a file at a time."""
    # Opened here, for a name need be no text that Arrow takes.
    with path.open("rb") as opened, _readable(str(path)), pq.ParquetFile(opened) as file:
        groups: list[int] = []
        rows = 0
        for group in range(file.num_row_groups):
            groups.append(group)
            rows += file.metadata.row_group(group).num_rows
            if rows >= _PART_ROWS or group == file.num_row_groups - 1:
                yield _decoded(file.read_row_groups(groups), str(path))
                groups, rows = [], 0


@contextmanager
def _readable(source: str) -> Iterator[None]:
    try:
        yield
    except (pa.ArrowException, OSError) as error:
        raise InputError(f"{source}: Parquet that cannot be read: {error}") from error


def _decoded(table: pa.Table, source: str) -> Contents:
    contents = Contents()
    if clickhouse.is_of_columns(table.schema.names):
        contents.add(SPANS, clickhouse.decode_table(table, source))
        return contents
    signal = _signal_of(table, source)
    names = signal.schema.names
    contents.add(signal, Decoded(table.select(names).cast(signal.schema), Rejections()))
    return contents


def _signal_of(table: pa.Table, source: str) -> Signal:
    missing = {
        signal: [name for name in signal.schema.names if name not in table.schema.names]
        for signal in SIGNALS
    }
    nearest = min(SIGNALS, key=lambda signal: len(missing[signal]) / len(signal.schema))
    if missing[nearest]:
        raise InputError(
            f"{source}: a Parquet file without the {nearest.item} table's columns"
            f" {missing[nearest]}; hopwatch reads Parquet that it wrote itself and"
            " otel_traces of ClickHouse"
        )
    return nearest
