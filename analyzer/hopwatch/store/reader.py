"""Reading a store: DuckDB in memory over the Parquet files that the manifest names.

Any number of processes may read while one writes. Every call looks at the manifest anew.
"""

from __future__ import annotations

import os
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import duckdb
import pyarrow as pa

from hopwatch import spans
from hopwatch.errors import InputError, UsageError
from hopwatch.store import manifest, segments
from hopwatch.store.manifest import Manifest

DEFAULT_PATH: Final = ".hopwatch"
_MAX_SHOWN: Final = 5

# A trace belongs to a window by its parentless spans; one that has none, by any span.
_CHOOSE: Final = """
CREATE OR REPLACE TEMP TABLE chosen AS
WITH touched AS (
    SELECT DISTINCT trace_id FROM read_parquet($touched)
    WHERE start_time_unix_nano >= $start AND start_time_unix_nano < $end
), seen AS (
    SELECT trace_id, filename, start_time_unix_nano, service_name,
        parent_span_id IS NULL AS parentless,
        start_time_unix_nano >= $start AND start_time_unix_nano < $end AS inside
    FROM read_parquet($all, filename = true) SEMI JOIN touched USING (trace_id)
)
SELECT trace_id, list(DISTINCT filename) AS files
FROM seen
GROUP BY trace_id
HAVING (bool_or(parentless AND inside) OR (bool_or(inside) AND NOT bool_or(parentless)))
    AND ($services IS NULL OR bool_or(list_contains($services, service_name)))
ORDER BY max(start_time_unix_nano) FILTER (inside) DESC, trace_id
LIMIT $limit
"""
# Beyond the sort of the segments, so that equal starts and duplicate ids have one order too.
_FETCH: Final = """
SELECT {columns} FROM read_parquet($files)
WHERE trace_id IN (SELECT trace_id FROM chosen)
ORDER BY trace_id, start_time_unix_nano, span_id, duration_nano, name, service_name,
    span_attributes::VARCHAR
"""
_BY_PREFIX: Final = """
CREATE OR REPLACE TEMP TABLE chosen AS
SELECT trace_id, list(DISTINCT filename) AS files FROM read_parquet($all, filename = true)
WHERE trace_id BETWEEN unhex($low) AND unhex($high)
GROUP BY trace_id
"""


@dataclass(frozen=True, slots=True)
class Extent:
    """What a store holds. Times are span starts in ns, None in an empty store."""

    rows: int
    segments: int
    min_start_ns: int | None
    max_start_ns: int | None


def default_path() -> Path:
    """Where the store is unless told otherwise: $HOPWATCH_STORE, else ./.hopwatch."""
    return Path(os.environ.get("HOPWATCH_STORE") or DEFAULT_PATH)


def is_store(path: str | os.PathLike[str]) -> bool:
    """Whether there is a trace store at this path."""
    return manifest.exists(Path(path))


def open_reader(path: str | os.PathLike[str] | None = None) -> Reader:
    """A reader of the store at `path` (default: `default_path()`).

    Raises InputError if there is no store, or one of another version.
    """
    return Reader(Path(path) if path is not None else default_path())


class Reader:
    """Answers questions about a store. Tables are in `spans.SCHEMA`, whole traces, sorted by
    (trace id, start, span id). For one thread; use it as a context manager."""

    def __init__(self, path: Path) -> None:
        manifest.load(path)
        self.path = path
        self._connection = duckdb.connect()

    def __enter__(self) -> Reader:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Give back what the queries held."""
        self._connection.close()

    def extent(self) -> Extent:
        """How many spans there are, and from when to when."""
        found = self._manifest().segments
        return Extent(
            rows=sum(segment.rows for segment in found),
            segments=len(found),
            min_start_ns=min((segment.min_start_ns for segment in found), default=None),
            max_start_ns=max((segment.max_start_ns for segment in found), default=None),
        )

    def window(
        self,
        start_ns: int,
        end_ns: int,
        *,
        services: Collection[str] | None = None,
        limit: int | None = None,
    ) -> pa.Table:
        """All spans of the traces that begin in [start_ns, end_ns).

        A trace begins where a span without a parent does; if it has none, because it is not
        complete, where any of its spans does. `services`: only traces in which one of them
        takes part. `limit`: at most so many traces, the latest.
        """
        everything = self._manifest().segments
        touched = [
            segment
            for segment in everything
            if segment.min_start_ns < end_ns and segment.max_start_ns >= start_ns
        ]
        if not touched:
            return spans.empty()
        self._connection.execute(
            _CHOOSE,
            {
                "touched": segments.paths(self.path, touched),
                "all": segments.paths(self.path, everything),
                "start": start_ns,
                "end": end_ns,
                "services": None if services is None else sorted(services),
                "limit": limit,
            },
        )
        return self._fetch_chosen()

    def trace(self, trace_id_prefix: str) -> pa.Table:
        """All spans of the one trace whose id, in hex, begins so.

        Raises UsageError for what is no hex or fits several traces, InputError if it fits none.
        """
        prefix = trace_id_prefix.strip().lower()
        if not 1 <= len(prefix) <= 32 or prefix.strip("0123456789abcdef"):
            raise UsageError(f"{trace_id_prefix!r} is no trace id: 1 to 32 hex digits are expected")
        low, high = prefix.ljust(32, "0"), prefix.ljust(32, "f")
        possible = [
            segment
            for segment in self._manifest().segments
            if segment.min_trace_id <= high and segment.max_trace_id >= low
        ]
        if possible:
            files = segments.paths(self.path, possible)
            self._connection.execute(_BY_PREFIX, {"all": files, "low": low, "high": high})
            self._check_single(prefix)
            found = self._fetch_chosen()
            if found.num_rows:
                return found
        raise InputError(
            f"{self.path}: no trace id begins with {prefix}; the store holds"
            f" {self.extent().rows} spans, and new ones can be read about a second after"
            " they came in"
        )

    def files(self) -> list[str]:
        """The Parquet files of spans, as they are now; for `search`."""
        return segments.paths(self.path, self._manifest().segments)

    def sql(self, query: str) -> pa.Table:
        """The result of a DuckDB query over the view `spans`. Raises UsageError."""
        files = segments.paths(self.path, self._manifest().segments)
        try:
            with duckdb.connect() as connection:
                if files:
                    connection.read_parquet(files).create_view("spans")
                else:
                    connection.register("spans", spans.empty())
                return connection.sql(query).to_arrow_table()
        except duckdb.Error as error:
            raise UsageError(f"the query failed: {error}") from error

    def _manifest(self) -> Manifest:
        return manifest.load(self.path)

    def _check_single(self, prefix: str) -> None:
        rows: list[tuple[Any]] = self._connection.execute(
            "SELECT lower(hex(trace_id)) FROM chosen ORDER BY 1 LIMIT ?", [_MAX_SHOWN + 1]
        ).fetchall()
        if len(rows) > 1:
            shown = ", ".join(trace_id for (trace_id,) in rows[:_MAX_SHOWN])
            more = ", ..." if len(rows) > _MAX_SHOWN else ""
            raise UsageError(f"several trace ids begin with {prefix}: {shown}{more}")

    def _fetch_chosen(self) -> pa.Table:
        rows = self._connection.execute(
            "SELECT DISTINCT unnest(files) AS file FROM chosen ORDER BY file"
        ).fetchall()
        if not rows:
            return spans.empty()
        query = _FETCH.format(columns=", ".join(spans.SCHEMA.names))
        result = self._connection.sql(query, params={"files": [file for (file,) in rows]})
        return result.to_arrow_table().cast(spans.SCHEMA)
