"""Writing a store: the one process that does so holds a `Store`.

append -> [committer: log, one sync for all who wait] -> answered
             '-> pending -> [flusher: segments -> manifest -> log dropped], every second
[keeper: merges small segments, drops old ones, deletes after a grace period]
"""

from __future__ import annotations

import itertools
import os
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Final

import pyarrow as pa

from hopwatch import signals
from hopwatch.errors import InputError
from hopwatch.signals import Signal
from hopwatch.store import durable, log, manifest, recovery, segments, tally, upkeep
from hopwatch.store.log import LogFailedError, LogWriter, UnavailableError
from hopwatch.store.manifest import Manifest, Segment
from hopwatch.store.recovery import Decode, Recovery
from hopwatch.store.tally import Tally
from hopwatch.store.upkeep import Retention

LOG: Final = "log"

_FLUSH_EVERY_S: Final = 1.0
_KEEP_EVERY_S: Final = 1.0
_FLUSH_BYTES: Final = 32 << 20
"""At the start, a segment is written whenever the log has given this much."""
_MAX_HELD_BYTES: Final = 128 << 20
"""Rows in memory that are not in a segment yet; beyond this, batches are refused."""
_REMEMBER_S: Final = 300.0
_REMEMBER_BATCHES: Final = 100_000


@dataclass(slots=True)
class _Receipt:
    """What is remembered of a batch after it is stored, to know it again."""

    arrived: float = field(default_factory=time.monotonic)
    answered: bool = False
    error: UnavailableError | None = None


@dataclass(frozen=True, slots=True)
class _Batch:
    kind: int
    payload: bytes
    table: pa.Table
    held_bytes: int
    receipt: _Receipt


class Store:
    """The writing end of a trace store. Threads may share it. Use it as a context manager.

    `decode` turns logged batches back into tables at the start. `on_problem` is told, in a
    line, what went wrong behind the scenes; after `failed` is set nothing is taken any more.
    `tally` counts what the caller did not store; it is kept in the store too.
    """

    def __init__(
        self,
        path: Path,
        *,
        decode: Decode,
        retention: Retention,
        on_problem: Callable[[str], None],
    ) -> None:
        self.path = path
        self.failed = threading.Event()
        self._retention = retention
        self._on_problem = on_problem
        self._state = threading.Condition()  # guards the next five
        self._waiting: list[_Batch] = []
        self._pending: list[tuple[int, pa.Table, int]] = []  # batch id, rows, held bytes
        self._held_bytes = 0
        self._recent: OrderedDict[bytes, _Receipt] = OrderedDict()
        self._closing = False
        self._lock_descriptor = _prepare(path)
        self._manifest_lock = threading.Lock()
        self._manifest = manifest.load(path)
        self._numbers = itertools.count(_last_number(self._manifest) + 1)
        self.recovery = self._recover(decode)
        self.tally = self._open_tally()
        self._log = LogWriter(path / LOG, self._manifest.flushed_batch + 1)
        self._stop = threading.Event()
        self._committer = self._thread(self._commit)
        self._housekeeping = [self._thread(self._flush), self._thread(self._keep)]

    def __enter__(self) -> Store:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def append(self, kind: int, payload: bytes, table: pa.Table) -> bool:
        """Keep a batch: `payload` in the log, `table`, its rows in a signal's schema, in a
        segment soon after.

        Returns when it is safe on the disk: True, or False if the same payload came in during
        the last minutes already. Raises UnavailableError if it cannot be kept now.
        """
        digest = log.digest(kind, payload)
        with self._state:
            receipt = self._recent.get(digest)
            known = receipt is not None
            if receipt is None:
                receipt = self._admit(kind, payload, table)
                self._recent[digest] = receipt
            self._state.wait_for(lambda: receipt.answered)
            if receipt.error is not None:
                if self._recent.get(digest) is receipt:
                    del self._recent[digest]
                raise receipt.error
        return not known

    def put(self, table: pa.Table) -> None:
        """Keep rows in a signal's schema for which nobody waits: in a segment at once, without
        the log. They are safe on the disk when this returns. Raises UnavailableError."""
        with self._state:
            if self._closing or self.failed.is_set():
                raise UnavailableError(f"{self.path}: the store takes nothing any more")
        batch = self._manifest.flushed_batch
        try:
            made = self._write_segment(
                signals.of(table), [table], 0, (batch, batch), time.time_ns()
            )
            self._change(lambda current: current.with_flushed([made], current.flushed_batch))
        except OSError as error:
            raise UnavailableError(f"{self.path}: cannot be written: {error}") from error

    def close(self) -> None:
        """Take no more, write everything into segments, and let another process write."""
        with self._state:
            if self._closing:
                return
            self._closing = True
            self._state.notify_all()
        self._stop.set()
        for thread in (self._committer, *self._housekeeping):
            thread.join()
        self._log.close()
        try:
            self._flush_pending()
            log.drop_all(self.path / LOG)
            self.tally.save()
        except OSError as error:
            self._on_problem(f"{self.path}: {error}; what is in the log is read at the next start")
        os.close(self._lock_descriptor)

    def _open_tally(self) -> Tally:
        try:
            return Tally(self.path)
        except InputError as error:
            tally.set_aside(self.path)
            self._on_problem(f"{error}; it is set aside, and counting begins anew")
            return Tally(self.path)

    def _admit(self, kind: int, payload: bytes, table: pa.Table) -> _Receipt:
        if self.failed.is_set():
            raise LogFailedError(f"{self.path}: the store has failed; restart hopwatch serve")
        if self._closing:
            raise UnavailableError("hopwatch serve is stopping")
        held_bytes = int(table.nbytes) + len(payload)
        if self._held_bytes and self._held_bytes + held_bytes > _MAX_HELD_BYTES:
            raise UnavailableError("too much is waiting to be written")
        self._held_bytes += held_bytes
        receipt = _Receipt()
        self._waiting.append(_Batch(kind, payload, table, held_bytes, receipt))
        self._state.notify_all()
        return receipt

    def _thread(self, work: Callable[[], None]) -> threading.Thread:
        thread = threading.Thread(target=self._guard, args=(work,), name=work.__name__)
        thread.start()
        return thread

    def _guard(self, work: Callable[[], None]) -> None:
        """Run a thread's work; if it ends by an error the store has failed, loudly."""
        try:
            work()
        except Exception as error:
            with self._state:
                self.failed.set()
                waiting, self._waiting = self._waiting, []
            self._answer(waiting, LogFailedError(str(error)))
            self._on_problem(f"{self.path}: nothing more can be stored: {error}")

    # The committer: one sync for all batches that came in during the one before.

    def _commit(self) -> None:
        while True:
            with self._state:
                self._state.wait_for(lambda: self._waiting or self._closing)
                batches, self._waiting = self._waiting, []
            if not batches:
                return
            try:
                first = self._log.append([(batch.kind, batch.payload) for batch in batches])
            except Exception as error:
                self._refuse(batches, error)
            else:
                with self._state:
                    self._pending.extend(
                        (number, batch.table, batch.held_bytes)
                        for number, batch in enumerate(batches, start=first)
                    )
                    self._forget_old()
                self._answer(batches, None)

    def _refuse(self, batches: Sequence[_Batch], error: Exception) -> None:
        """Answer for batches that are not in the log. Raises what no retry can help against."""
        lasting = not isinstance(error, UnavailableError) or isinstance(error, LogFailedError)
        with self._state:
            self._held_bytes -= sum(batch.held_bytes for batch in batches)
        self._answer(
            batches, LogFailedError(str(error)) if lasting else UnavailableError(str(error))
        )
        if lasting:
            raise error
        self._on_problem(f"{self.path}: {error}")

    def _answer(self, batches: Sequence[_Batch], error: UnavailableError | None) -> None:
        with self._state:
            for batch in batches:
                batch.receipt.error = error
                batch.receipt.answered = True
            self._state.notify_all()

    def _forget_old(self) -> None:
        oldest = time.monotonic() - _REMEMBER_S
        while self._recent:
            receipt = next(iter(self._recent.values()))
            if receipt.arrived >= oldest and len(self._recent) <= _REMEMBER_BATCHES:
                return
            self._recent.popitem(last=False)

    # The flusher

    def _flush(self) -> None:
        while not self._stop.wait(_FLUSH_EVERY_S):
            self._trying(self._flush_pending)

    def _flush_pending(self) -> None:
        with self._state:
            pending = list(self._pending)
        if not pending:
            return
        self._write_segments([(number, table) for number, table, _ in pending])
        with self._state:
            del self._pending[: len(pending)]
            self._held_bytes -= sum(held_bytes for _, _, held_bytes in pending)
        log.drop_until(self.path / LOG, self._manifest.flushed_batch)

    def _write_segments(self, batches: Sequence[tuple[int, pa.Table]]) -> None:
        """Write log batches as a segment for each of their signals."""
        tables: dict[Signal, list[pa.Table]] = {}
        for _, table in batches:
            tables.setdefault(signals.of(table), []).append(table)
        first, last = batches[0][0], batches[-1][0]
        made: list[Segment] = []
        try:
            for signal, parts in tables.items():
                made.append(self._write_segment(signal, parts, 0, (first, last), time.time_ns()))
            self._change(lambda current: current.with_flushed(made, last))
        except OSError:
            for segment in made:  # it is tried again: nothing may pile up on a full disk
                segments.delete(self.path, segment.file)
            raise

    def _write_segment(
        self,
        signal: Signal,
        tables: Iterable[pa.Table],
        level: int,
        batches: tuple[int, int],
        received_ns: int,
    ) -> Segment:
        return segments.write(
            self.path,
            next(self._numbers),
            signal,
            tables,
            level=level,
            batches=batches,
            received_ns=received_ns,
        )

    def _change(self, change: Callable[[Manifest], Manifest]) -> None:
        with self._manifest_lock:
            changed = change(self._manifest)
            manifest.save(self.path, changed)
            self._manifest = changed

    def _trying(self, work: Callable[[], None]) -> None:
        """Do work that is tried again in a second if the disk does not let it through now."""
        try:
            work()
        except OSError as error:
            self._on_problem(f"{self.path}: {error}; it is tried again")

    def _recover(self, decode: Decode) -> Recovery:
        """Bring what the log still holds into segments, a bounded amount at a time."""
        report = Recovery()
        segments.delete_strangers(self.path, _files(self._manifest))
        batches: list[tuple[int, pa.Table]] = []
        held = 0
        flushed = self._manifest.flushed_batch
        for frame, table in recovery.unflushed(self.path / LOG, flushed, decode, report):
            batches.append((frame.batch, table))
            held += table.nbytes
            if held > _FLUSH_BYTES:
                self._write_segments(batches)
                batches, held = [], 0
        if batches:
            self._write_segments(batches)
        self._recent.update((digest, _Receipt(answered=True)) for digest in report.digests)
        log.drop_all(self.path / LOG)
        return report

    # The keeper

    def _keep(self) -> None:
        while not self._stop.wait(_KEEP_EVERY_S):
            self._trying(self._merge)
            self._trying(self._drop)
            self._trying(self.tally.save)

    def _merge(self) -> None:
        while not self._stop.is_set() and (old := upkeep.to_merge(self._manifest)):
            merged = self._write_segment(
                signals.named(old[0].signal),
                (segments.read(self.path, segment) for segment in old),
                old[0].level + 1,
                (old[0].first_batch, old[-1].last_batch),
                max(segment.received_ns for segment in old),
            )
            self._change(
                partial(Manifest.with_merged, merged=old, into=merged, now_ns=time.time_ns())
            )

    def _drop(self) -> None:
        now_ns = time.time_ns()
        gone = upkeep.to_drop(self._manifest, self._retention, now_ns)
        deletable = upkeep.to_delete(self._manifest, now_ns)
        for retired in deletable:
            segments.delete(self.path, retired.file)
        if gone or deletable:
            self._change(lambda current: current.without(gone, now_ns).forgetting(deletable))


def _files(of: Manifest) -> set[str]:
    return {segment.file for segment in of.segments} | {old.file for old in of.retired}


def _last_number(of: Manifest) -> int:
    return max((int(file.partition(".")[0]) for file in _files(of)), default=0)


def _prepare(path: Path) -> int:
    """Make the store's folders where they are missing, and take its lock."""
    try:
        for folder in (path, path / LOG, path / manifest.SEGMENTS):
            folder.mkdir(parents=True, exist_ok=True)
        descriptor = durable.lock(path)
        if not manifest.exists(path):
            manifest.save(path, Manifest())
    except OSError as error:
        raise InputError(
            f"{path}: cannot hold a trace store: {error}; choose another --store"
        ) from error
    return descriptor
