"""Where the spans to attribute come from: a table in memory, or parts of one that need not be
there at once."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Protocol, runtime_checkable

import pyarrow as pa

from hopwatch.spans import empty


@runtime_checkable
class Source(Protocol):
    """Spans that are read part by part, as often as need be."""

    @property
    def most_rows(self) -> int:
        """There are not more."""
        ...

    def parts(self, columns: Sequence[str]) -> Iterator[pa.Table]:
        """Some columns of all spans, in parts: the same rows in the same order every time.
        Attribute maps may hold dictionary-encoded text."""
        ...


class InMemory:
    """A span table as a source."""

    def __init__(self, table: pa.Table) -> None:
        self._table = table

    @property
    def most_rows(self) -> int:
        rows: int = self._table.num_rows
        return rows

    def parts(self, columns: Sequence[str]) -> Iterator[pa.Table]:
        yield self._table.select(columns)


def as_source(spans: pa.Table | Source) -> Source:
    """A table or a source as a source."""
    return InMemory(spans) if isinstance(spans, pa.Table) else spans


def whole(source: Source, columns: Sequence[str]) -> pa.Table:
    """Some columns of all spans as one table."""
    parts = list(source.parts(columns))
    return pa.concat_tables(parts) if parts else empty().select(list(columns))


def rows_of(source: Source, columns: Sequence[str], rows: Sequence[int]) -> pa.Table:
    """Some columns of some rows, counted from 0, in the order of `rows`, which rise."""
    wanted = pa.array(rows, pa.int64()).to_numpy()
    found = []
    first = 0
    for part in source.parts(columns):
        here = wanted[(wanted >= first) & (wanted < first + part.num_rows)] - first
        found.append(part.take(pa.array(here)))
        first += part.num_rows
    return pa.concat_tables(found)
