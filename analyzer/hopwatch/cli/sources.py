"""Spans for a subcommand: from files, or from the store."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Final

import pyarrow as pa
import pyarrow.compute as pc

from hopwatch import spans
from hopwatch.attribution.clocks import WINDOW_NS
from hopwatch.attribution.source import as_source, whole
from hopwatch.cli.options import Window
from hopwatch.errors import InputError, UsageError
from hopwatch.reports.numbers import count
from hopwatch.reports.text import plain
from hopwatch.signals import LOGS, METRICS, SPANS

if TYPE_CHECKING:
    from hopwatch.attribution.source import Source
    from hopwatch.formats import Contents
    from hopwatch.store import Extent

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
    """All spans of the files named, or whole traces of the store's window; of these the columns
    that attribution needs."""
    if args.paths:
        return _from_files(args)
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
        loaded = _from_files(args)
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


def contents_of(args: argparse.Namespace) -> Contents:
    """All that the files named hold. Raises UsageError where a store is named too."""
    if args.store is not None:
        raise UsageError("give files to read, or --store, not both")
    from rich.text import Text

    from hopwatch.cli.console import stderr
    from hopwatch.formats import read_contents

    console = stderr()
    if not console.is_terminal:
        return read_contents(args.paths)
    with console.status(Text("Reading")) as status:
        return read_contents(
            args.paths,
            lambda number, total, path: status.update(
                Text(f"Reading file {number + 1:,} of {total:,}: {plain(path.name)}")
            ),
        )


def said(paths: Sequence[str]) -> str:
    """Files in words."""
    more = f" and {len(paths) - 3} more" if len(paths) > 3 else ""
    return ", ".join(paths[:3]) + more


def _from_files(args: argparse.Namespace) -> Loaded:
    contents = contents_of(args)
    table, rejected = contents.of(SPANS)
    rejected.update(contents.unreadable)
    summary = rejected.summary()
    notes = [f"Of the input, {summary}"] if summary else []
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
        source=said(args.paths),
        left_out=dict(rejected.counts),
        notes=tuple(notes),
        logs=others[LOGS].table,
    )


def _only_id(loaded: Loaded, prefix: str) -> bytes:
    ids: list[bytes] = pc.unique(
        whole(as_source(loaded.spans), ["trace_id"])["trace_id"]
    ).to_pylist()
    found = sorted(trace_id for trace_id in ids if trace_id.hex().startswith(prefix))
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
