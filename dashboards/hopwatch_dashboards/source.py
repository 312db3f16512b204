"""Where the dashboard's data comes from: a store that may still be growing, or files.

Both answer the same questions with the same tables. What is dear to compute from them is
cached by (source, version, question), see `snapshot.py`.
"""

from __future__ import annotations

import json
import os
from collections.abc import Collection, Sequence
from functools import cached_property
from pathlib import Path
from typing import Final, Protocol

import pyarrow as pa
import pyarrow.compute as pc

from hopwatch.backends import Query, named, read_contents
from hopwatch.comparison import baselines
from hopwatch.errors import InputError, UsageError
from hopwatch.formats import Contents
from hopwatch.signals import LOGS, METRICS, SPANS
from hopwatch.spans import trace_id_prefix
from hopwatch.store import Extent, default_path, lookup, open_reader
from hopwatch.store.inventory import Inventory

PATHS_VARIABLE: Final = "HOPWATCH_DASHBOARD_PATHS"
"""Environment variable: files, folders and backends to show instead of the store, a JSON list."""
AGAINST_VARIABLE: Final = "HOPWATCH_DASHBOARD_AGAINST"
"""Environment variable: what to compare that with, from before a change, as such a list."""
LIMIT_VARIABLE: Final = "HOPWATCH_DASHBOARD_LIMIT"
"""Environment variable: traces at most from a backend."""


class Source(Protocol):
    """Spans, logs and metrics to look at. Times are Unix ns, windows [start, end)."""

    @property
    def label(self) -> str:
        """Where the data is from, in words."""

    @property
    def key(self) -> str:
        """What names this source in cache keys."""

    @property
    def live(self) -> bool:
        """Whether more may come in."""

    def version(self) -> str:
        """Differs whenever other data can be read."""

    def extent(self) -> Extent:
        """How many spans there are, and from when to when."""

    def window(
        self, start_ns: int, end_ns: int, columns: Collection[str] | None = None
    ) -> pa.Table:
        """All spans of the traces that begin in the window (`hopwatch.spans.SCHEMA`, or only
        these columns of it)."""

    def trace(self, prefix: str) -> pa.Table:
        """All spans of the one trace whose id in hex begins so. Raises UsageError, InputError."""

    def neighbours(
        self, start_ns: int, end_ns: int, services: Collection[str], limit: int
    ) -> pa.Table:
        """All spans of at most `limit` traces that begin in the window and in which one of the
        services takes part: what tells how the clocks of a trace lie."""

    def logs(self, trace_id: bytes) -> pa.Table:
        """The trace's log records by time (`hopwatch.logs.SCHEMA`)."""

    def metrics(self, names: Collection[str], start_ns: int, end_ns: int, service: str) -> pa.Table:
        """A service's data points, each series together (`hopwatch.metrics.SCHEMA`)."""

    def inventory(self) -> Inventory:
        """What there is, by signal and by service, and what was left out."""

    def searchable(self) -> pa.Table | list[str]:
        """What `hopwatch.store.search` looks through."""


class StoreSource:
    """The store that `hopwatch serve` writes. Each call opens a reader of its own, for pages
    run in threads."""

    live = True

    def __init__(self, path: Path) -> None:
        self.path = path
        self.label = f"store {path}"
        self.key = f"store:{path.resolve()}"

    def version(self) -> str:
        with open_reader(self.path) as reader:
            return reader.version()

    def extent(self) -> Extent:
        with open_reader(self.path) as reader:
            return reader.extent()

    def window(
        self, start_ns: int, end_ns: int, columns: Collection[str] | None = None
    ) -> pa.Table:
        with open_reader(self.path) as reader:
            return reader.window(start_ns, end_ns, columns=columns)

    def trace(self, prefix: str) -> pa.Table:
        with open_reader(self.path) as reader:
            return reader.trace(prefix)

    def neighbours(
        self, start_ns: int, end_ns: int, services: Collection[str], limit: int
    ) -> pa.Table:
        with open_reader(self.path) as reader:
            return reader.window(start_ns, end_ns, services=services, limit=limit)

    def logs(self, trace_id: bytes) -> pa.Table:
        with open_reader(self.path) as reader:
            return reader.logs(trace_id=trace_id)

    def metrics(self, names: Collection[str], start_ns: int, end_ns: int, service: str) -> pa.Table:
        with open_reader(self.path) as reader:
            return reader.metrics(names=names, start=start_ns, end=end_ns, services=[service])

    def inventory(self) -> Inventory:
        with open_reader(self.path) as reader:
            return reader.inventory()

    def searchable(self) -> list[str]:
        with open_reader(self.path) as reader:
            return reader.files()


class FileSource:
    """Files and folders of traces, or what running backends answer: read once."""

    live = False

    def __init__(self, paths: Sequence[str]) -> None:
        self._paths = tuple(paths)
        more = f" and {len(paths) - 3} more" if len(paths) > 3 else ""
        self.label = ", ".join(map(named, paths[:3])) + more
        self.key = "files:" + "\0".join(os.path.abspath(path) for path in paths)

    def version(self) -> str:
        return "1"

    def extent(self) -> Extent:
        table = self._table
        if not table.num_rows:
            return Extent(rows=0, segments=0, min_start_ns=None, max_start_ns=None)
        first_last = pc.min_max(table["start_time_unix_nano"])
        return Extent(
            rows=table.num_rows,
            segments=len(self._paths),
            min_start_ns=first_last["min"].as_py(),
            max_start_ns=first_last["max"].as_py(),
        )

    def window(
        self, start_ns: int, end_ns: int, columns: Collection[str] | None = None
    ) -> pa.Table:
        found = self._begun_in(start_ns, end_ns)
        return found if columns is None else found.select(list(columns))

    def _begun_in(self, start_ns: int, end_ns: int) -> pa.Table:
        table = self._table
        start = table["start_time_unix_nano"]
        inside = pc.and_(pc.greater_equal(start, start_ns), pc.less(start, end_ns))
        if pc.all(inside).as_py():
            return table
        parentless = pc.is_null(table["parent_span_id"])
        rooted = pc.unique(table.filter(parentless)["trace_id"])
        begins = pc.and_(inside, pc.or_(parentless, pc.invert(pc.is_in(table["trace_id"], rooted))))
        chosen = pc.unique(table.filter(begins)["trace_id"])
        return table.filter(pc.is_in(table["trace_id"], chosen))

    def trace(self, prefix: str) -> pa.Table:
        wanted = trace_id_prefix(prefix)
        ids: Collection[bytes] = pc.unique(self._table["trace_id"]).to_pylist()
        found = [trace_id for trace_id in ids if trace_id.hex().startswith(wanted)]
        if not found:
            raise InputError(f"no trace in {self.label} has an id that begins {wanted}")
        if len(found) > 1:
            raise UsageError(f"{len(found)} traces have an id that begins {wanted}")
        return self._table.filter(
            pc.equal(self._table["trace_id"], pa.scalar(found[0], pa.binary(16)))
        )

    def neighbours(
        self, start_ns: int, end_ns: int, services: Collection[str], limit: int
    ) -> pa.Table:
        inside = self.window(start_ns, end_ns)
        serving = inside.filter(pc.is_in(inside["service_name"], pa.array(services, pa.string())))
        chosen = pc.unique(serving["trace_id"])[:limit]
        return inside.filter(pc.is_in(inside["trace_id"], chosen))

    def logs(self, trace_id: bytes) -> pa.Table:
        return lookup.logs(self._contents.of(LOGS).table, trace_id=trace_id)

    def metrics(self, names: Collection[str], start_ns: int, end_ns: int, service: str) -> pa.Table:
        points = self._contents.of(METRICS).table
        return lookup.metrics(points, names=names, start=start_ns, end=end_ns, services=[service])

    def inventory(self) -> Inventory:
        return lookup.inventory_of(self._contents, self.label)

    def searchable(self) -> pa.Table:
        return self._table

    @cached_property
    def _table(self) -> pa.Table:
        return self._contents.of(SPANS).table

    @cached_property
    def _contents(self) -> Contents:
        most = os.environ.get(LIMIT_VARIABLE)
        return read_contents(self._paths, Query(most=int(most) if most else None))


def from_environment() -> Source:
    """The files that `hopwatch dashboard` was given, else the store."""
    paths = json.loads(os.environ.get(PATHS_VARIABLE) or "[]")
    return FileSource(paths) if paths else StoreSource(default_path())


def against_from_environment() -> Source | Path | None:
    """What `hopwatch dashboard --against` was given: spans, or a baseline's file."""
    paths = json.loads(os.environ.get(AGAINST_VARIABLE) or "[]")
    if len(paths) == 1 and baselines.is_baseline(paths[0]):
        return Path(paths[0])
    return FileSource(paths) if paths else None
