"""Spans for a subcommand: from files, or from the store."""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Final

import pyarrow as pa
import pyarrow.compute as pc

from hopwatch.cli.options import Window
from hopwatch.errors import InputError, UsageError

if TYPE_CHECKING:
    from hopwatch.store import Extent

_EARLIEST: Final = -(2**63)
_LATEST: Final = 2**63 - 1


@dataclass(frozen=True, slots=True)
class Loaded:
    """Spans, where they are from in words, and what was left out of them."""

    table: pa.Table
    source: str
    left_out: dict[str, int]
    notes: tuple[str, ...]


def load(args: argparse.Namespace, window: Window) -> Loaded:
    """All spans of the files named, or whole traces of the store's window."""
    if args.paths:
        _no_store(args)
        from hopwatch.formats import read_files

        table, rejected = read_files(args.paths)
        summary = rejected.summary()
        return Loaded(
            table=table,
            source=", ".join(args.paths),
            left_out=dict(rejected.counts),
            notes=(f"Of the input, {summary}",) if summary else (),
        )
    from hopwatch import store

    with store.open_reader(args.store) as reader:
        extent = reader.extent()
        table = reader.window(
            _EARLIEST if window.start is None else window.start,
            _LATEST if window.end is None else window.end,
        )
    return Loaded(table, str(reader.path), {}, () if table.num_rows else (_holds(extent),))


def _holds(extent: Extent) -> str:
    if extent.min_start_ns is None or extent.max_start_ns is None:
        return "The store is empty: send OTLP to `hopwatch serve`, or name files to read."
    first, last = (
        datetime.fromtimestamp(ns / 1e9).astimezone().isoformat(" ", "seconds")
        for ns in (extent.min_start_ns, extent.max_start_ns)
    )
    return f"The store holds {extent.rows:,} spans, from {first} to {last}."


def load_trace(args: argparse.Namespace, prefix: str) -> pa.Table:
    """The spans of the one trace whose id begins with `prefix` (hex)."""
    wanted = prefix.strip().lower()
    if not wanted or len(wanted) > 32 or set(wanted) - set("0123456789abcdef"):
        raise UsageError(
            f"{prefix!r} is no trace id: up to 32 hex digits, such as 4bf92f3577b34da6"
        )
    if not args.paths:
        from hopwatch import store

        with store.open_reader(args.store) as reader:
            return reader.trace(wanted)
    _no_store(args)
    from hopwatch.formats import read_files

    table, rejected = read_files(args.paths)
    found = {t for t in pc.unique(table["trace_id"]).to_pylist() if t.hex().startswith(wanted)}
    if not found:
        left_out = f" ({rejected.summary()})" if rejected.total else ""
        raise InputError(
            f"no trace in {', '.join(args.paths)} has an id that begins {wanted}{left_out}"
        )
    if len(found) > 1:
        some = ", ".join(sorted(t.hex() for t in found)[:3])
        raise UsageError(
            f"{len(found)} traces have an id that begins {wanted}: {some}, ...; give more digits"
        )
    return table.filter(pc.equal(table["trace_id"], pa.scalar(found.pop(), pa.binary(16))))


def _no_store(args: argparse.Namespace) -> None:
    if args.store is not None:
        raise UsageError("give files to read, or --store, not both")
