"""What is received, passed on to the `worker`: beside the requests that bring it, never in them.

put -> queue (bounded; what does not fit is counted and left out) -> [thread] -> worker
                                                snapshot <----------'
"""

from __future__ import annotations

import logging
import subprocess
import sys
import threading
from multiprocessing.connection import Connection, Pipe
from typing import Final

import pyarrow as pa

from hopwatch.attribution import COLUMNS
from hopwatch.receiver.totals import Snapshot

_MOST_QUEUED_BYTES: Final = 64 << 20
_EVERY_S: Final = 0.5
_RESTART_S: Final = 5.0

_logger = logging.getLogger(__name__)


class Feed:
    """A worker process and the way to it. Use it as a context manager.

    `settle_s`: how long a trace must have been quiet to be counted.
    """

    def __init__(self, settle_s: float) -> None:
        self._settle_s = settle_s
        self._state = threading.Lock()  # guards the next three
        self._queue: list[pa.Table] = []
        self._queued_bytes = 0
        self._left_out = 0
        self._stop = threading.Event()
        self._snapshot: Snapshot | None = None
        self._restarts = -1
        self._process: subprocess.Popen[bytes] | None = None
        self._thread = threading.Thread(target=self._run, name="ledger-feed")

    def __enter__(self) -> Feed:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        if self._process is not None:
            self._process.kill()  # it has nothing to lose, and who waits for it wakes up
        self._thread.join()

    def put(self, spans: pa.Table) -> None:
        """Queue spans that were stored. Returns at once."""
        wanted = spans.select(COLUMNS)
        with self._state:
            if self._queued_bytes + wanted.nbytes > _MOST_QUEUED_BYTES:
                self._left_out += len(spans)
                return
            self._queue.append(wanted)
            self._queued_bytes += wanted.nbytes

    @property
    def snapshot(self) -> Snapshot | None:
        """What was counted up to some seconds ago; None before anything was."""
        return self._snapshot

    @property
    def left_out_spans(self) -> int:
        """Spans that the worker could not take in time."""
        return self._left_out

    @property
    def restarts(self) -> int:
        """How often the worker had to be started again; its counts begin anew then."""
        return max(0, self._restarts)

    def _run(self) -> None:
        while not self._stop.is_set():
            self._restarts += 1
            try:
                self._serve()
            except Exception as error:  # whatever it is, storing goes on
                if not self._stop.is_set():
                    _logger.error("what counts for /metrics ended, and is started again: %r", error)
                    self._stop.wait(_RESTART_S)

    def _serve(self) -> None:
        """Feeds one worker until the feed is stopped. Raises EOFError or OSError if that ends."""
        ours, theirs = Pipe()
        with ours:
            with theirs:
                command = [sys.executable, "-m", "hopwatch.receiver.worker"]
                self._process = subprocess.Popen(
                    [*command, str(theirs.fileno()), str(self._settle_s)],
                    pass_fds=[theirs.fileno()],
                    stdin=subprocess.DEVNULL,
                    start_new_session=True,
                )
            try:
                while not self._stop.wait(_EVERY_S):
                    self._exchange(ours)
            finally:
                self._process.kill()
                self._process.wait()

    def _exchange(self, connection: Connection) -> None:
        with self._state:
            tables, self._queue, self._queued_bytes = self._queue, [], 0
        connection.send_bytes(_encoded(tables) if tables else b"")
        while not connection.poll(_EVERY_S):
            if self._stop.is_set():
                return
        snapshot: Snapshot | None = connection.recv()
        if snapshot is not None:
            self._snapshot = snapshot


def _encoded(tables: list[pa.Table]) -> pa.Buffer:
    table = pa.concat_tables(tables).unify_dictionaries()
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table.combine_chunks())
    return sink.getvalue()
