"""Bring traces, logs and metrics from files, folders and running backends into a store.

  hopwatch import traces/ more.jsonl.gz
  hopwatch import jaeger+http://127.0.0.1:16686 --last 1h --send http://127.0.0.1:4319

A store has one writer. While `hopwatch serve` writes it, give --send and its address: what it is
sent it has stored when it answers, and so has any other receiver of OTLP/HTTP. Without --send the
store of --store is written here, and made if it is not there.

Importing the same spans again changes no result: a span counts once, however often it is stored.
Log records and data points are counted again. Ctrl-C keeps what was stored until then.

Exit codes: 0 something was read, 2 nothing was, or wrong usage or input.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Final, Protocol

from hopwatch.cli.options import (
    FILES_AND_BACKENDS,
    add_backend_arguments,
    add_window_arguments,
    time_window,
)
from hopwatch.errors import InputError

if TYPE_CHECKING:
    import pyarrow as pa

    from hopwatch.backends import Query
    from hopwatch.backends.sending import Receiver
    from hopwatch.formats import Contents, Rejections
    from hopwatch.signals import Signal
    from hopwatch.store import Store

NAME: Final = "import"
HELP: Final = "bring what files and running backends hold into a store"

_NOTHING: Final = 2
_SEGMENT_ROWS: Final = 1 << 16


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("paths", nargs="+", metavar="PATH", help=FILES_AND_BACKENDS)
    where = parser.add_mutually_exclusive_group()
    where.add_argument(
        "--store",
        type=Path,
        metavar="DIR",
        help="the store to write (default: $HOPWATCH_STORE, else .hopwatch)",
    )
    where.add_argument(
        "--send", metavar="URL", help="to a receiver of OTLP/HTTP, such as http://127.0.0.1:4319"
    )
    add_backend_arguments(parser, None)
    choose = parser.add_argument_group("which traces of running backends (default: the last hour)")
    add_window_arguments(choose)
    choose.add_argument("--service", metavar="NAME", help="that pass through this service")


def run(args: argparse.Namespace) -> int:
    from hopwatch.cli.sources import query_of

    query = query_of(args, time_window(args))
    sources = [(path, _files(path)) for path in args.paths]
    done = _Done()
    try:
        with _target(args) as target, _watched(done) as say:
            try:
                for path, files in sources:
                    for contents in _contents(path, files, query, say):
                        _take(contents, target, done)
                        say("")
            except (InputError, KeyboardInterrupt):
                target.finish(done)
                raise
            target.finish(done)
    finally:
        done.print()
    return 0 if done.read else _NOTHING


@dataclass(slots=True)
class _Done:
    """How many rows were read of each signal, what became of them, what was left out."""

    counts: dict[str, dict[Signal, int]] = field(
        default_factory=lambda: {"read": {}, "stored": {}, "rejected": {}}
    )
    left_out: Rejections | None = None
    began: float = field(default_factory=time.monotonic)

    @property
    def read(self) -> int:
        """Valid rows of all signals."""
        return sum(self.counts["read"].values())

    def add(self, what: str, signal: Signal, number: int) -> None:
        """Count rows."""
        self.counts[what][signal] = self.counts[what].get(signal, 0) + number

    def leave_out(self, rejected: Rejections) -> None:
        """Count what is not stored."""
        if self.left_out is None:
            from hopwatch.formats import Rejections

            self.left_out = Rejections()
        self.left_out.update(rejected)

    def rate(self) -> str:
        """Rows so far, and how fast they come."""
        seconds = max(time.monotonic() - self.began, 1e-9)
        return f"{self.read:,} rows, {self.read / seconds:,.0f} a second"

    def print(self) -> None:
        """read = stored + left out, by signal and by reason, with the first examples."""
        from hopwatch.reports.numbers import count
        from hopwatch.reports.text import plain
        from hopwatch.signals import SIGNALS

        for signal in SIGNALS:
            read, stored, rejected = (
                self.counts[what].get(signal, 0) for what in ("read", "stored", "rejected")
            )
            if read + rejected:
                said = f"{count(read + rejected, signal.item)} read, {stored:,} stored"
                if read + rejected > stored:
                    said += f", {read + rejected - stored:,} not"
                print(said)
        if self.left_out is None or not self.left_out.total:
            return
        print("Left out:")
        for reason, number in self.left_out.counts.most_common():
            print(f"  {number:,} {reason}: {plain(self.left_out.example(reason))}")


class _Target(Protocol):
    """Where rows go."""

    def put(self, signal: Signal, table: pa.Table, done: _Done) -> None:
        """Take rows; they may be written later."""

    def finish(self, done: _Done) -> None:
        """Write what is not written yet."""


class _ToStore:
    """Into a store that this process writes, some ten thousand rows a segment."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._waiting: dict[Signal, list[pa.Table]] = {}

    def put(self, signal: Signal, table: pa.Table, done: _Done) -> None:
        waiting = self._waiting.setdefault(signal, [])
        waiting.append(table)
        if sum(part.num_rows for part in waiting) >= _SEGMENT_ROWS:
            self._write(signal, done)

    def finish(self, done: _Done) -> None:
        for signal in list(self._waiting):
            self._write(signal, done)

    def _write(self, signal: Signal, done: _Done) -> None:
        from hopwatch.store import UnavailableError

        table = signal.concat(self._waiting.pop(signal))
        try:
            self._store.put(table)
        except UnavailableError as error:
            raise InputError(str(error)) from error
        done.add("stored", signal, table.num_rows)


class _ToReceiver:
    """Through a receiver of OTLP/HTTP."""

    def __init__(self, receiver: Receiver) -> None:
        self._receiver = receiver

    def put(self, signal: Signal, table: pa.Table, done: _Done) -> None:
        for kept in self._receiver.put(signal, table):
            done.add("stored", signal, kept)

    def finish(self, done: _Done) -> None:
        rejected, self._receiver.rejected = self._receiver.rejected, type(self._receiver.rejected)()
        done.leave_out(rejected)


@contextmanager
def _target(args: argparse.Namespace) -> Iterator[_Target]:
    if args.send is not None:
        from hopwatch.backends.sending import Receiver

        receiver = Receiver(args.send)
        try:
            yield _ToReceiver(receiver)
        finally:
            receiver.close()
        return

    import sys

    from hopwatch.receiver.bodies import decode_logged
    from hopwatch.store import Retention, Store, default_path

    with Store(
        args.store or default_path(),
        decode=decode_logged,
        retention=Retention(),  # what is old goes when `hopwatch serve` says so
        on_problem=lambda problem: print(f"hopwatch import: {problem}", file=sys.stderr),
    ) as store:
        yield _ToStore(store)


def _files(path: str) -> list[Path]:
    """The files of a path; none for a backend."""
    from hopwatch.backends import is_url
    from hopwatch.formats.parts import files_of

    return [] if is_url(path) else files_of([path])


def _contents(
    path: str, files: Sequence[Path], query: Query, say: Callable[[str], None]
) -> Iterator[Contents]:
    """What a path names, in parts that fit into memory. A file that cannot be read is counted."""
    from hopwatch.formats import Contents
    from hopwatch.formats.parts import read_parts

    if not files:
        from hopwatch.backends.pulling import pull

        yield from pull(path, query, say)
    for number, file in enumerate(files, start=1):
        say(f"file {number:,} of {len(files):,}: {file.name}")
        try:
            yield from read_parts(file)
        except InputError as error:
            contents = Contents()
            detail = str(error).removeprefix(f"{file}: ")
            contents.unreadable.add("unreadable_file", str(file), detail)
            yield contents


def _take(contents: Contents, target: _Target, done: _Done) -> None:
    done.leave_out(contents.unreadable)
    for signal, parts in contents.parts.items():
        for table, rejected in parts:
            done.add("rejected", signal, rejected.total)
            done.leave_out(rejected)
            if table.num_rows:
                done.add("read", signal, table.num_rows)
                target.put(signal, table, done)


@contextmanager
def _watched(done: _Done) -> Iterator[Callable[[str], None]]:
    """Takes what is being read, in words, and shows it where a person watches."""
    from rich.text import Text

    from hopwatch.cli.console import stderr
    from hopwatch.reports.text import plain

    console = stderr()
    if not console.is_terminal:
        yield lambda _: None
        return
    last = ""
    with console.status(Text("Importing")) as status:

        def say(words: str) -> None:
            nonlocal last
            last = words or last
            status.update(Text(plain(f"Importing: {last} ({done.rate()})")))

        yield say
