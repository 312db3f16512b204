"""Spans for a subcommand: from files and running backends, or from the store."""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Final

import pyarrow as pa
import pyarrow.compute as pc

from hopwatch import spans
from hopwatch.attribution.clocks import WINDOW_NS
from hopwatch.attribution.source import as_source, whole
from hopwatch.backends import Query, header, is_url, named, read_contents, target
from hopwatch.cli.options import Window
from hopwatch.errors import InputError, UsageError
from hopwatch.formats import Contents
from hopwatch.formats.detect import files_in
from hopwatch.reports.numbers import count
from hopwatch.reports.text import plain
from hopwatch.signals import LOGS, METRICS, SPANS

if TYPE_CHECKING:
    from hopwatch.attribution.source import Source
    from hopwatch.store import Extent, Scan

_EARLIEST: Final = -(2**63)
_LATEST: Final = 2**63 - 1
_NEIGHBOURS: Final = 1000


@dataclass(frozen=True, slots=True)
class Loaded:
    """Spans, where they are from in words, and what was left out of them."""

    spans: pa.Table | Source
    source: str
    left_out: dict[str, int]
    notes: tuple[str, ...]
    logs: pa.Table | None = None
    """Log records, where they came with the spans; else they are in the store."""

    def warn(self) -> None:
        """Says on standard error what else would go unsaid."""
        for note in self.notes:
            print(f"hopwatch: {plain(note)}", file=sys.stderr)


def load(args: argparse.Namespace, window: Window) -> Loaded:
    """All spans of the files named and those of backends in the window, or whole traces of the
    store's window; of these the columns that attribution needs."""
    if args.paths:
        if (scan := _segments(args.paths)) is not None:
            _require_no_store(args)
            return Loaded(scan, said(args.paths), {}, ())
        query = query_of(args, window)
        return _loaded(args.paths, contents_of(args, query), _asked(args.paths, query))
    from hopwatch import store

    with store.open_reader(args.store) as reader:
        extent = reader.extent()
        found = reader.scan(
            _EARLIEST if window.start is None else window.start,
            _LATEST if window.end is None else window.end,
        )
    return Loaded(found, str(reader.path), {}, () if found.most_rows else (_holds(extent),))


def load_around(args: argparse.Namespace, prefix: str) -> tuple[Loaded, bytes]:
    """The one trace whose id begins with `prefix` (hex), with others of its time and services,
    for one trace alone does not tell how clocks lie; and its id."""
    wanted = spans.trace_id_prefix(prefix)
    if args.paths:
        query = query_of(args, Window())
        loaded = _loaded(args.paths, _contents_around(args, query, wanted))
        return loaded, _only_id(loaded, wanted)
    from hopwatch import store

    with store.open_reader(args.store) as reader:
        trace = reader.trace(wanted)
        start = pc.min(trace["start_time_unix_nano"]).as_py() // WINDOW_NS * WINDOW_NS
        services = {name for name in pc.unique(trace["service_name"]).to_pylist() if name}
        others = reader.window(start, start + WINDOW_NS, services=services, limit=_NEIGHBOURS)
    trace_id: bytes = trace["trace_id"][0].as_py()
    apart = others.filter(pc.not_equal(others["trace_id"], pa.scalar(trace_id, pa.binary(16))))
    return Loaded(SPANS.concat([trace, apart]), str(reader.path), {}, ()), trace_id


def load_logs(args: argparse.Namespace, loaded: Loaded, trace_id: bytes) -> pa.Table:
    """The log records of a trace that `load_around` has loaded, by time."""
    from hopwatch import store

    if loaded.logs is not None:
        return store.lookup.logs(loaded.logs, trace_id=trace_id)
    with store.open_reader(args.store) as reader:
        return reader.logs(trace_id=trace_id)


def query_of(args: argparse.Namespace, window: Window) -> Query:
    """What backends are asked for: those in which --service takes part, if there is that option,
    with --header and --limit."""
    headers = tuple(header(text) for text in args.header)
    return Query(window, getattr(args, "service", None), args.limit, headers)


def contents_of(args: argparse.Namespace, query: Query) -> Contents:
    """All that the files named hold, and backends answer. Raises UsageError where a store is
    named too."""
    _require_no_store(args)
    with _watched() as progress:
        return read_contents(args.paths, query, progress)


def said(paths: Sequence[str]) -> str:
    """Files and backends in words."""
    more = f" and {len(paths) - 3} more" if len(paths) > 3 else ""
    return ", ".join(map(named, paths[:3])) + more


def _contents_around(args: argparse.Namespace, query: Query, wanted: str) -> Contents:
    """All that the files named hold; of backends the one trace, with others of its time."""
    _require_no_store(args)
    contents = Contents()
    with _watched() as progress:
        for path in args.paths:
            if is_url(path):
                from hopwatch.backends.pulling import pull_trace

                contents.update(pull_trace(path, query, wanted))
            else:
                contents.update(read_contents([path], progress=progress))
    return contents


def _require_no_store(args: argparse.Namespace) -> None:
    if args.store is not None:
        raise UsageError("give files or backends to read, or --store, not both")


def _segments(paths: Sequence[str]) -> Scan | None:
    """The spans of files, to be read part by part, if hopwatch wrote all of them as Parquet."""
    from hopwatch.store import scan_files

    if any(map(is_url, paths)):
        return None
    return scan_files(
        file for path in map(Path, paths) for file in (files_in(path) if path.is_dir() else [path])
    )


@contextmanager
def _watched() -> Iterator[Callable[[str], None] | None]:
    """Shows what is being read where a person watches."""
    from rich.text import Text

    from hopwatch.cli.console import stderr

    console = stderr()
    if not console.is_terminal:
        yield None
        return
    with console.status(Text("Reading")) as status:
        yield lambda words: status.update(Text(f"Reading: {plain(words)}"))


def _asked(paths: Sequence[str], query: Query) -> list[str]:
    """A note on the time that backends were asked for, where nobody chose one."""
    now_ns = time.time_ns()
    open_ = any(
        is_url(path) and target(path, query, now_ns).query.window.start is None for path in paths
    )
    return ["The backend was asked for one hour; --last and --since choose."] if open_ else []


def _loaded(paths: Sequence[str], contents: Contents, asked: Sequence[str] = ()) -> Loaded:
    table, rejected = contents.of(SPANS)
    rejected.update(contents.unreadable)
    summary = rejected.summary()
    notes = [*asked, *([f"Of the input, {summary}"] if summary else [])]
    others = {signal: contents.of(signal) for signal in (LOGS, METRICS)}
    counted = [
        count(found.table.num_rows, signal.item)
        + (f" ({found.rejected.total:,} invalid)" if found.rejected.total else "")
        for signal, found in others.items()
        if found.table.num_rows or found.rejected.total
    ]
    if counted:
        notes.append(f"Beside the spans: {' and '.join(counted)}.")
    return Loaded(
        spans=table,
        source=said(paths),
        left_out=dict(rejected.counts),
        notes=tuple(notes),
        logs=others[LOGS].table,
    )


def _only_id(loaded: Loaded, prefix: str) -> bytes:
    ids: list[bytes] = pc.unique(
        whole(as_source(loaded.spans), ["trace_id"])["trace_id"]
    ).to_pylist()
    found = sorted(
        trace_id
        for trace_id in ids
        if trace_id.hex().startswith(prefix) or trace_id.hex() == prefix.zfill(32)
    )
    if not found:
        left_out = f" ({loaded.notes[0]})" if loaded.notes else ""
        raise InputError(f"no trace in {loaded.source} has an id that begins {prefix}{left_out}")
    if len(found) > 1:
        some = ", ".join(trace_id.hex() for trace_id in found[:3])
        raise UsageError(
            f"{len(found)} traces have an id that begins {prefix}: {some}, ...; give more digits"
        )
    return found[0]


def _holds(extent: Extent) -> str:
    if extent.min_start_ns is None or extent.max_start_ns is None:
        return "The store is empty: send OTLP to `hopwatch serve`, or name files to read."
    first, last = (
        datetime.fromtimestamp(ns / 1e9).astimezone().isoformat(" ", "seconds")
        for ns in (extent.min_start_ns, extent.max_start_ns)
    )
    return f"The store holds {extent.rows:,} spans, from {first} to {last}."
