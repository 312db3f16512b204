"""Segments: Parquet files of span rows, sorted by trace, complete before they have their name."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Final

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from hopwatch import spans
from hopwatch.store import durable
from hopwatch.store.manifest import SEGMENTS, Segment

_ROW_GROUP: Final = 32_768
_ORDER: Final = [
    ("trace_id", "ascending"),
    ("start_time_unix_nano", "ascending"),
    ("span_id", "ascending"),
]


def write(
    store: Path,
    number: int,
    tables: Iterable[pa.Table],
    *,
    level: int,
    batches: tuple[int, int],
    received_ns: int,
) -> Segment:
    """Write the rows of `tables` as segment `number`. It is durable, but part of the store
    only once the manifest names it."""
    table = spans.concat(list(tables))
    table = table.take(pc.sort_indices(table, sort_keys=_ORDER))
    path = store / SEGMENTS / f"{number:010d}.parquet"
    temporary = path.with_suffix(".tmp")
    pq.write_table(table, temporary, compression="zstd", row_group_size=_ROW_GROUP)
    durable.sync_file(temporary)
    temporary.replace(path)
    durable.sync_directory(path.parent)
    starts = pc.min_max(table["start_time_unix_nano"]).as_py()
    traces = table["trace_id"]
    return Segment(
        file=path.name,
        rows=table.num_rows,
        file_bytes=path.stat().st_size,
        memory_bytes=table.nbytes,
        min_start_ns=starts["min"],
        max_start_ns=starts["max"],
        min_trace_id=traces[0].as_py().hex(),
        max_trace_id=traces[-1].as_py().hex(),
        bucket=0,
        bucket_count=1,
        level=level,
        first_batch=batches[0],
        last_batch=batches[1],
        received_ns=received_ns,
    )


def read(store: Path, segment: Segment) -> pa.Table:
    """The rows of a segment, in its order."""
    return pq.read_table(store / SEGMENTS / segment.file, memory_map=True)


def paths(store: Path, segments: Iterable[Segment]) -> list[str]:
    """The files of segments."""
    return [str(store / SEGMENTS / segment.file) for segment in segments]


def delete(store: Path, file: str) -> None:
    """Delete a segment's file; it does not matter if it is gone already."""
    (store / SEGMENTS / file).unlink(missing_ok=True)


def delete_strangers(store: Path, known: set[str]) -> None:
    """Delete what a crash left behind: files that no manifest came to name."""
    for path in (store / SEGMENTS).iterdir():
        if path.name not in known and path.suffix in (".parquet", ".tmp"):
            path.unlink()
