"""The process that attributes what `hopwatch serve` receives, for its metrics.

`python -m hopwatch.receiver.worker FD SETTLE_S`: reads from the connection at file descriptor FD
spans (Arrow IPC, with the columns of attribution; or nothing), and answers each message by a
`Snapshot` where something has settled, else by None. Ends when the other side does.
"""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import time
import traceback
from collections import deque
from multiprocessing.connection import Connection
from typing import Final

import pyarrow as pa

from hopwatch.attribution import Options, Selection
from hopwatch.receiver.settling import Settling
from hopwatch.receiver.totals import Snapshot, Totals

_MOST_WAITING: Final = 250_000
"""Spans that wait for their traces to settle."""
_POPULATION: Final = 20_000
"""Spans counted before that still say how clocks lie."""
_EVERY_S: Final = 5.0
"""How often what has settled is attributed, at most: few large tables cost less than many."""
_NICENESS: Final = 10


class Worker:
    """Settles, attributes and counts spans."""

    def __init__(self, settle_s: float) -> None:
        self._settling = Settling(settle_s, _MOST_WAITING)
        self._every_s = min(_EVERY_S, settle_s / 2)
        self._next = 0.0
        self._recent: deque[pa.Table] = deque()
        self._totals = Totals()
        self._failed_spans = 0

    def take(self, spans: pa.Table | None, now: float) -> Snapshot | None:
        """Adds spans, and counts what has settled from time to time."""
        if spans is not None:
            self._settling.add(spans)
        if now < self._next:
            return None
        self._next = now + self._every_s
        settled = self._settling.settled(now)
        if settled is not None:
            try:
                self._count(settled)
            except Exception:
                traceback.print_exc()
                self._failed_spans += len(settled)
        return Snapshot(
            self._totals,
            self._settling.waiting_spans,
            self._settling.late_spans,
            self._settling.hurried_traces,
            self._failed_spans,
        )

    def _count(self, settled: pa.Table) -> None:
        from hopwatch.attribution.columnar import Engine

        traces = settled["trace_id"].unique().to_pylist()
        table = pa.concat_tables([*self._recent, settled]).unify_dictionaries()
        engine = Engine(table, Options())
        select = Selection(traces=frozenset(traces))
        ledger, requests = engine.ledger(select), engine.request_table(select)
        self._totals.add(ledger, requests)
        self._totals.traces += len(traces)
        self._totals.traces_without_request += len(traces) - ledger.quality.get("traces", 0)
        self._recent.append(settled.slice(max(0, len(settled) - _POPULATION)))
        while sum(map(len, self._recent)) > _POPULATION:
            self._recent.popleft()


def main() -> None:
    """See the module's docstring."""
    for number in (signal.SIGINT, signal.SIGTERM):  # it ends with the other side, not before
        signal.signal(number, signal.SIG_IGN)
    with contextlib.suppress(OSError):
        os.nice(_NICENESS)
    connection, worker = Connection(int(sys.argv[1])), Worker(float(sys.argv[2]))
    with contextlib.suppress(EOFError, ConnectionError):
        while True:
            data = connection.recv_bytes()
            spans = pa.ipc.open_stream(data).read_all() if data else None
            connection.send(worker.take(spans, time.monotonic()))


if __name__ == "__main__":
    main()
