"""Spans of a store part by part, for those who have more than fit into memory."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from hopwatch.errors import InputError
from hopwatch.signals import SPANS

_GROUPS: Final = 8
"""Row groups that are read at once."""


class Scan:
    """Some columns of the spans of segments, or of files like them, some row groups at a time.
    most_rows: there are not more.

    Attribute maps keep the dictionaries that Parquet has: hardly any text is made, which is
    what makes reading them dear.
    """

    def __init__(
        self, files: Sequence[str], most_rows: int, traces: pa.FixedSizeBinaryArray | None = None
    ) -> None:
        """`traces`: only the rows of these, sorted; None: all rows."""
        self.most_rows = most_rows
        self._files = files
        self._traces = traces

    def parts(self, columns: Sequence[str]) -> Iterator[pa.Table]:
        """The columns of some row groups at a time: the same rows in the same order every time.

        Raises InputError if a file is not there any more, or broken.
        """
        # The next is read while one is worked on.
        with ThreadPoolExecutor(1) as reading:
            groups = self._groups(columns)
            ahead = reading.submit(next, groups, None)
            while (part := ahead.result()) is not None:
                ahead = reading.submit(next, groups, None)
                yield part

    def _groups(self, columns: Sequence[str]) -> Iterator[pa.Table]:
        coded = [
            f"{name}.key_value.{part}"
            for name in columns
            if pa.types.is_map(SPANS.schema.field(name).type)
            for part in ("key", "value")
        ]
        names = list(dict.fromkeys([*columns, *([] if self._traces is None else ["trace_id"])]))
        try:
            for path in self._files:
                with pq.ParquetFile(path, read_dictionary=coded, memory_map=True) as file:
                    for first in range(0, file.num_row_groups, _GROUPS):
                        groups = range(first, min(first + _GROUPS, file.num_row_groups))
                        # Arrow cannot read dictionaries inside maps of several groups at once.
                        part = pa.concat_tables(
                            file.read_row_group(group, columns=names) for group in groups
                        )
                        yield _unified(self._chosen(part).select(list(columns)))
        except FileNotFoundError as error:
            raise InputError(
                f"{path}: the store was merged or cleaned while it was read;"
                " ask again, or for a shorter window"
            ) from error
        except (pa.ArrowException, OSError) as error:
            raise InputError(f"{path}: Parquet that cannot be read: {error}") from error

    def _chosen(self, part: pa.Table) -> pa.Table:
        if self._traces is None:
            return part
        # Rows are sorted by trace: few of the traces can be among them.
        ids, wanted = _sortable(part["trace_id"].combine_chunks()), _sortable(self._traces)
        low, high = np.searchsorted(wanted, ids[0]), np.searchsorted(wanted, ids[-1], "right")
        among = pc.is_in(part["trace_id"], value_set=self._traces[low:high])
        return part if pc.all(among).as_py() else part.filter(among)


def _unified(part: pa.Table) -> pa.Table:
    """Columns of few different texts with one dictionary for all of their chunks, so that each
    text is looked at once."""
    columns = []
    for column in part.columns:
        texts = sum(map(_dictionary_size, column.chunks))
        columns.append(column.unify_dictionaries() if 8 * texts < part.num_rows else column)
    return pa.Table.from_arrays(columns, schema=part.schema)


def _dictionary_size(array: pa.Array) -> int:
    if isinstance(array, pa.MapArray):
        array = array.items
    return len(array.dictionary) if isinstance(array, pa.DictionaryArray) else 0


def _sortable(ids: pa.FixedSizeBinaryArray) -> npt.NDArray[np.bytes_]:
    """Trace ids as bytes that compare as they do."""
    data = np.frombuffer(ids.buffers()[1], "S16")
    return data[ids.offset : ids.offset + len(ids)]


def scan_files(paths: Iterable[Path]) -> Scan | None:
    """The spans of Parquet files as hopwatch writes them; None if a file is anything else."""
    files, rows = [], 0
    for path in paths:
        try:
            with pq.ParquetFile(path, memory_map=True) as file:
                schema, count = file.schema_arrow, file.metadata.num_rows
        except (pa.ArrowException, OSError):
            return None
        if not all(field in schema for field in SPANS.schema):
            return None
        files.append(str(path))
        rows += count
    return Scan(files, rows) if files else None


def concat(parts: Iterable[pa.Table], columns: Sequence[str]) -> pa.Table:
    """All parts as one table; an empty one of the columns where there are none."""
    found = list(parts)
    empty = SPANS.schema.empty_table().select(list(columns))
    return pa.concat_tables(found) if found else empty
