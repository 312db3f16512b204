"""Reading a store: DuckDB in memory over the Parquet files that the manifest names.

Any number of processes may read while one writes. Every call looks at the manifest anew.
"""

from __future__ import annotations

import os
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import duckdb
import pyarrow as pa

from hopwatch import spans
from hopwatch.errors import InputError, UsageError
from hopwatch.signals import LOGS, METRICS, SIGNALS, SPANS, Signal
from hopwatch.store import lookup, manifest, scan, segments, tally
from hopwatch.store.inventory import Inventory, LeftOut, Stored
from hopwatch.store.lookup import Source
from hopwatch.store.manifest import Manifest, Segment
from hopwatch.store.scan import Scan

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
    """What a store holds of one signal. Times are in ns (of spans: their starts), None where
    there is nothing."""

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
    """Answers questions about a store. Spans come as whole traces, sorted by (trace id, start,
    span id). For one thread; use it as a context manager."""

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

    def version(self, signal: Signal | None = None) -> str:
        """Changes whenever other data (of one signal) can be read; costs a look at the manifest."""
        found = self._manifest()
        chosen = found.segments if signal is None else found.of(signal)
        last = max((segment.last_batch for segment in chosen), default=0)
        # Merging changes files, not data: the rows and the last batch in them stay the same.
        return f"{last}-{sum(segment.rows for segment in chosen)}"

    def extent(self, signal: Signal = SPANS) -> Extent:
        """How many spans (or rows of another signal) there are, and from when to when."""
        found = self._manifest().of(signal)
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
        columns: Collection[str] | None = None,
    ) -> pa.Table:
        """All spans of the traces that begin in [start_ns, end_ns).

        A trace begins where a span without a parent does; if it has none, because it is not
        complete, where any of its spans does. `services`: only traces in which one of them
        takes part. `limit`: at most so many traces, the latest. `columns`: only these, sorted
        only within a segment, and attribute maps of dictionary-encoded text: much faster.
        """
        everything = self._manifest().of(SPANS)
        if not self._choose(everything, start_ns, end_ns, services, limit):
            return spans.empty().select(spans.SCHEMA.names if columns is None else list(columns))
        if columns is None:
            return self._fetch_chosen()
        return scan.concat(self._scan_chosen(everything).parts(list(columns)), list(columns))

    def scan(self, start_ns: int, end_ns: int) -> Scan:
        """The same spans as `window`, to be read part by part, in the order of segments."""
        everything = self._manifest().of(SPANS)
        if all(
            start_ns <= segment.min_start_ns and segment.max_start_ns < end_ns
            for segment in everything
        ):
            return Scan(segments.paths(self.path, everything), _row_count(everything))
        if not self._choose(everything, start_ns, end_ns):
            return Scan([], 0)
        return self._scan_chosen(everything)

    def _choose(
        self,
        everything: Sequence[Segment],
        start_ns: int,
        end_ns: int,
        services: Collection[str] | None = None,
        limit: int | None = None,
    ) -> bool:
        """Has the traces of `window` chosen, if there can be any."""
        touched = _touched(everything, start_ns, end_ns)
        if not touched:
            return False
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
        return True

    def trace(self, trace_id_prefix: str) -> pa.Table:
        """All spans of the one trace whose id, in hex, begins so.

        Raises UsageError for what is no hex or fits several traces, InputError if it fits none.
        """
        prefix = spans.trace_id_prefix(trace_id_prefix)
        low, high = prefix.ljust(32, "0"), prefix.ljust(32, "f")
        possible = [
            segment
            for segment in self._manifest().of(SPANS)
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

    def logs(
        self,
        *,
        trace_id: bytes | str | None = None,
        start: int | None = None,
        end: int | None = None,
        services: Collection[str] | None = None,
        min_severity: int | None = None,
        limit: int | None = None,
    ) -> pa.Table:
        """Log records; see `lookup.logs`."""
        return lookup.logs(
            self._source(LOGS, start, end),
            trace_id=trace_id,
            start=start,
            end=end,
            services=services,
            min_severity=min_severity,
            limit=limit,
        )

    def metrics(
        self,
        *,
        names: Collection[str] | None = None,
        start: int | None = None,
        end: int | None = None,
        services: Collection[str] | None = None,
    ) -> pa.Table:
        """Data points; see `lookup.metrics`."""
        source = self._source(METRICS, start, end)
        return lookup.metrics(source, names=names, start=start, end=end, services=services)

    def files(self, signal: Signal = SPANS) -> list[str]:
        """The Parquet files of spans (or another signal), as they are now; for `search`."""
        return segments.paths(self.path, self._manifest().of(signal))

    def left_out(self) -> tuple[LeftOut, ...]:
        """What the writer was sent and did not store, as of about a second ago."""
        return tally.load(self.path)

    def inventory(self) -> Inventory:
        """What is stored, by signal and by service, and what is not."""
        found = self._manifest()
        return Inventory(
            source=f"store {self.path}",
            stored=tuple(
                Stored(
                    signal.name,
                    sum(segment.rows for segment in found.of(signal)),
                    sum(segment.file_bytes for segment in found.of(signal)),
                    min((segment.min_start_ns for segment in found.of(signal)), default=None),
                    max((segment.max_start_ns for segment in found.of(signal)), default=None),
                )
                for signal in SIGNALS
            ),
            services=lookup.services(
                {signal: self._rows(found.of(signal), signal) for signal in SIGNALS}
            ),
            left_out=self.left_out(),
        )

    def sql(self, query: str) -> pa.Table:
        """The result of a DuckDB query over the views `spans`, `logs` and `metrics`. Raises
        UsageError."""
        try:
            found = self._manifest()
            with duckdb.connect() as connection:
                for signal in SIGNALS:
                    source = self._rows(found.of(signal), signal)
                    lookup.create_view(connection, signal.name, source)
                return connection.sql(query).to_arrow_table()
        except duckdb.Error as error:
            raise UsageError(f"the query failed: {error}") from error

    def _source(self, signal: Signal, start: int | None, end: int | None) -> Source:
        """The files that can have rows of [start, end), None being open."""
        low, high = -(2**63) if start is None else start, 2**63 if end is None else end
        return self._rows(_touched(self._manifest().of(signal), low, high), signal)

    def _rows(self, of: Sequence[Segment], signal: Signal) -> Source:
        """The files of some segments; an empty table where there are none."""
        return segments.paths(self.path, of) or signal.schema.empty_table()

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

    def _chosen_files(self) -> list[str]:
        rows: list[tuple[str]] = self._connection.execute(
            "SELECT DISTINCT unnest(files) AS file FROM chosen ORDER BY file"
        ).fetchall()
        return [file for (file,) in rows]

    def _fetch_chosen(self) -> pa.Table:
        files = self._chosen_files()
        if not files:
            return spans.empty()
        query = _FETCH.format(columns=", ".join(spans.SCHEMA.names))
        result = self._connection.sql(query, params={"files": files})
        return result.to_arrow_table().cast(spans.SCHEMA)

    def _scan_chosen(self, everything: Sequence[Segment]) -> Scan:
        files = self._chosen_files()
        query = "SELECT trace_id FROM chosen ORDER BY trace_id"
        chosen = self._connection.sql(query).to_arrow_table()["trace_id"]
        named = {Path(file).name for file in files}
        most = _row_count([segment for segment in everything if segment.file in named])
        return Scan(files, most, chosen.cast(pa.binary(16)).combine_chunks())


def _row_count(of: Sequence[Segment]) -> int:
    return sum(segment.rows for segment in of)


def _touched(of: Sequence[Segment], start_ns: int, end_ns: int) -> list[Segment]:
    """The segments that can have rows of [start_ns, end_ns)."""
    return [
        segment
        for segment in of
        if segment.min_start_ns < end_ns and segment.max_start_ns >= start_ns
    ]
