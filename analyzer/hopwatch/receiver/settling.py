"""Which traces are complete enough to be counted: those that have been quiet for a while.

    root  |--------------------------|
    span     |----|    |--|          .  settle  .
    ---------------+------+----------+----------+--> arrival
                                                ^ counted, once; what comes later is late

A trace of which no root has come yet is waited for longer: the root of a slow request comes last.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import Final

import pyarrow as pa
import pyarrow.compute as pc

ROOTLESS_S: Final = 60.0
"""For so long after its last span a trace without a root is waited for."""
_REMEMBERED: Final = 1_000_000
"""Trace ids that are kept to know late spans by."""


@dataclass(slots=True)
class _Seen:
    last: float  # when its last span arrived
    rooted: bool


class Settling:
    """Spans that wait until their traces have settled. Times are seconds of any clock that never
    goes back; at most about `max_rows` rows wait, beyond that the settling is cut short."""

    def __init__(self, settle_s: float, max_rows: int) -> None:
        self._settle_s = settle_s
        self._max_rows = max_rows
        self._fresh: list[pa.Table] = []
        self._waiting: list[tuple[float, pa.Table]] = []  # arrival, oldest first
        self._seen: dict[bytes, _Seen] = {}
        self._counted: deque[pa.Array] = deque()
        self.late_spans = 0
        self.hurried_traces = 0

    @property
    def waiting_spans(self) -> int:
        return sum(len(table) for _, table in self._waiting) + sum(map(len, self._fresh))

    def add(self, table: pa.Table) -> None:
        """Takes spans that have just arrived."""
        self._fresh.append(table)

    def settled(self, now: float) -> pa.Table | None:
        """All spans of the traces that have settled by `now`, which are forgotten here but for
        their ids; None if there are none."""
        self._take_fresh(now)
        found = [self._due(now, self._settle_s, max(ROOTLESS_S, self._settle_s))]
        for rooted_s in (self._settle_s, 0.0):  # in a hurry, first those without a root
            if self.waiting_spans > self._max_rows:
                hurried = self._due(now, rooted_s, rooted_s)
                self.hurried_traces += len(hurried["trace_id"].unique()) if hurried else 0
                found.append(hurried)
        tables = [table for table in found if table is not None]
        return pa.concat_tables(tables) if tables else None

    def _take_fresh(self, now: float) -> None:
        if not self._fresh:
            return
        table, self._fresh = pa.concat_tables(self._fresh), []
        if self._counted:
            counted = pa.chunked_array(self._counted, pa.binary(16)).combine_chunks()
            late = pc.is_in(table["trace_id"], value_set=counted)
            self.late_spans += pc.sum(late).as_py()
            table = table.filter(pc.invert(late))
        if not len(table):
            return
        rooted = set(table.filter(pc.is_null(table["parent_span_id"]))["trace_id"].to_pylist())
        for trace in table["trace_id"].unique().to_pylist():
            seen = self._seen.setdefault(trace, _Seen(now, rooted=False))
            seen.last = now
            seen.rooted |= trace in rooted
        self._waiting.append((now, table))

    def _due(self, now: float, settle_s: float, rootless_s: float) -> pa.Table | None:
        """Takes out the traces that have been quiet for so long."""
        old = [table for arrival, table in self._waiting if arrival <= now - settle_s]
        if not old:
            return None
        # Of a trace that is quiet since then no later part waits.
        spans = pa.concat_tables(old)
        due = [
            trace
            for trace in spans["trace_id"].unique().to_pylist()
            if (seen := self._seen[trace]).last <= now - (settle_s if seen.rooted else rootless_s)
        ]
        if not due:
            return None
        ids = pa.array(due, pa.binary(16))
        chosen = pc.is_in(spans["trace_id"], value_set=ids)
        rest = spans.filter(pc.invert(chosen))
        first = self._waiting[0][0]
        young = self._waiting[len(old) :]
        self._waiting = [(first, rest), *young] if len(rest) else young
        for trace in due:
            del self._seen[trace]
        self._remember(ids)
        return spans.filter(chosen)

    def _remember(self, ids: pa.Array) -> None:
        self._counted.append(ids)
        while sum(map(len, self._counted)) > _REMEMBERED:
            self._counted.popleft()
