"""Segments: Parquet files of one signal's rows, sorted, complete before they have their name."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Final

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from hopwatch.signals import SPANS, Signal
from hopwatch.store import durable
from hopwatch.store.manifest import SEGMENTS, Segment

_ROW_GROUP: Final = 32_768


def write(
    store: Path,
    number: int,
    signal: Signal,
    tables: Iterable[pa.Table],
    *,
    level: int,
    batches: tuple[int, int],
    received_ns: int,
) -> Segment:
    """Write the rows of `tables` as segment `number`. It is durable, but part of the store
    only once the manifest names it."""
    table = _sorted(signal.concat(list(tables)), signal)
    path = store / SEGMENTS / f"{number:010d}.parquet"
    temporary = path.with_suffix(".tmp")
    pq.write_table(table, temporary, compression="zstd", row_group_size=_ROW_GROUP)
    durable.sync_file(temporary)
    temporary.replace(path)
    durable.sync_directory(path.parent)
    times = pc.min_max(table[signal.time]).as_py()
    traces = [table["trace_id"][i].as_py().hex() for i in (0, -1)] if signal is SPANS else ["", ""]
    return Segment(
        file=path.name,
        rows=table.num_rows,
        file_bytes=path.stat().st_size,
        memory_bytes=table.nbytes,
        min_start_ns=times["min"],
        max_start_ns=times["max"],
        min_trace_id=traces[0],
        max_trace_id=traces[1],
        bucket=0,
        bucket_count=1,
        level=level,
        first_batch=batches[0],
        last_batch=batches[1],
        received_ns=received_ns,
        signal=signal.name,
    )


def _sorted(table: pa.Table, signal: Signal) -> pa.Table:
    keys = table.select(signal.order)
    plain = [
        pa.field(field.name, pa.string()) if pa.types.is_dictionary(field.type) else field
        for field in keys.schema
    ]
    by = [(name, "ascending") for name in signal.order]
    return table.take(pc.sort_indices(keys.cast(pa.schema(plain)), sort_keys=by))


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
