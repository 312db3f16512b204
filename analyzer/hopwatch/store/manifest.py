"""The manifest: which files are the store.

One JSON file, replaced atomically at each change. A file that it does not name does not
belong to the store. It also says up to which batch the log's content stands in segments, in
the same atomic step that adds the segment, so that a crash neither loses nor doubles a span.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Final

from hopwatch import spans
from hopwatch.errors import InputError
from hopwatch.signals import SPANS, Signal
from hopwatch.store import durable

FILE: Final = "manifest.json"
FORMAT: Final = "hopwatch.store"
VERSION: Final = 2
_READABLE: Final = (1, VERSION)
"""Version 1 had spans only."""
SEGMENTS: Final = "segments"


@dataclass(frozen=True, slots=True)
class Segment:
    """A Parquet file of the store: rows of one signal, in its order. Bounds are inclusive."""

    file: str  # relative to the segments folder
    rows: int
    file_bytes: int
    memory_bytes: int  # as an Arrow table
    min_start_ns: int  # of the signal's time column
    max_start_ns: int
    min_trace_id: str  # hex; of spans only
    max_trace_id: str
    bucket: int  # of `bucket_count` buckets by trace-id hash
    bucket_count: int
    level: int  # how often its rows have been merged
    first_batch: int  # the log batches that its rows came in
    last_batch: int
    received_ns: int  # wall clock at which its newest rows were flushed
    signal: str = SPANS.name


@dataclass(frozen=True, slots=True)
class Retired:
    """A file that has left the store but may still be read by a running query."""

    file: str
    since_ns: int


@dataclass(frozen=True, slots=True)
class Manifest:
    """What is in the store. Immutable: each change makes a new one, saved as a whole."""

    segments: tuple[Segment, ...] = ()
    retired: tuple[Retired, ...] = ()
    flushed_batch: int = 0  # every log batch up to this one is in a segment, or has aged out

    def of(self, signal: Signal) -> tuple[Segment, ...]:
        """The segments of one signal, oldest first."""
        return tuple(segment for segment in self.segments if segment.signal == signal.name)

    def with_flushed(self, made: Sequence[Segment], last_batch: int) -> Manifest:
        """This manifest with the segments made of all log batches up to `last_batch`."""
        return replace(self, segments=(*self.segments, *made), flushed_batch=last_batch)

    def with_merged(self, merged: Sequence[Segment], into: Segment, now_ns: int) -> Manifest:
        """This manifest with `into`, in place of the segments that it was made of."""
        position = self.segments.index(merged[0])
        rest = self.without(merged, now_ns)
        segments = (*rest.segments[:position], into, *rest.segments[position:])
        return replace(rest, segments=segments)

    def without(self, gone: Sequence[Segment], now_ns: int) -> Manifest:
        """This manifest with some segments retired."""
        return replace(
            self,
            segments=tuple(segment for segment in self.segments if segment not in gone),
            retired=(*self.retired, *(Retired(segment.file, now_ns) for segment in gone)),
        )

    def forgetting(self, deleted: Sequence[Retired]) -> Manifest:
        """This manifest without some retired files, which are deleted."""
        return replace(self, retired=tuple(r for r in self.retired if r not in deleted))


def exists(store: Path) -> bool:
    """Whether there is a store at this path."""
    return (store / FILE).is_file()


def load(store: Path) -> Manifest:
    """The manifest of the store at `store`. Raises InputError if there is none to read."""
    path = store / FILE
    try:
        document = json.loads(path.read_bytes())
    except FileNotFoundError:
        raise InputError(
            f"{store}: there is no trace store here; `hopwatch serve --store {store}` makes"
            " one, and HOPWATCH_STORE or --store names another place"
        ) from None
    except (OSError, ValueError) as error:
        raise InputError(f"{path}: the store's manifest cannot be read: {error}") from error
    return _parse(document, path)


def _parse(document: Any, path: Path) -> Manifest:
    if not isinstance(document, dict) or document.get("format") != FORMAT:
        raise InputError(f"{path}: this is not the manifest of a hopwatch store")
    version, table = document.get("version"), document.get("span_table_version")
    if version not in _READABLE or table != spans.SCHEMA_VERSION:
        raise InputError(
            f"{path}: the store has format {(version, table)}, this hopwatch reads"
            f" {(VERSION, spans.SCHEMA_VERSION)}; use the hopwatch version that wrote it"
        )
    try:
        return Manifest(
            segments=tuple(Segment(**segment) for segment in document["segments"]),
            retired=tuple(Retired(**retired) for retired in document["retired"]),
            flushed_batch=document["flushed_batch"],
        )
    except (KeyError, TypeError) as error:
        raise InputError(f"{path}: the store's manifest is damaged: {error}") from error


def save(store: Path, manifest: Manifest) -> None:
    """Make `manifest` the store's, durably and at once."""
    document = {
        "format": FORMAT,
        "version": VERSION,
        "span_table_version": spans.SCHEMA_VERSION,
        **asdict(manifest),
    }
    durable.replace(store / FILE, json.dumps(document, indent=1).encode())
