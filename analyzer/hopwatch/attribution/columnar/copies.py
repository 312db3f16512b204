"""Several rows with one id in one trace -> one span, or the two halves of a shared id.

The rules are those of `forest._nodes_by_id`. Almost all copies are identical, which their marks
tell; only where they differ is their content looked at.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from hopwatch.attribution.columnar.contents import KINDS
from hopwatch.attribution.columnar.jit import compiled
from hopwatch.attribution.columnar.rows import Integers
from hopwatch.attribution.forest import COLUMNS, RowContent
from hopwatch.attribution.source import Source, rows_of

_SERVER, _CLIENT = KINDS["SERVER"], KINDS["CLIENT"]
_DUPLICATE, _CONFLICTING, _SHARED_ID = range(3)
"""Columns of the repairs that are counted here, by trace."""


@dataclass(slots=True)
class Spans:
    """Rows of whole traces, trace by trace. row: in the span table. trace: among these."""

    row: Integers
    trace: Integers
    id: Integers
    parent_id: Integers
    has_parent: npt.NDArray[np.bool_]
    start: Integers
    end: Integers
    kind: Integers
    process: Integers
    mark: Integers
    follows: npt.NDArray[np.bool_]


class Content:
    """The canonical content of some rows, which differ from their copies."""

    def __init__(self, source: Source, rows: list[int]) -> None:
        self._place = {row: place for place, row in enumerate(sorted(rows))}
        if rows:
            self._content = RowContent(rows_of(source, COLUMNS, list(self._place)))
            self._content.load(list(self._place.values()))

    def of(self, row: int) -> str:
        """The content of a row, as text that sorts."""
        return self._content.of(self._place[row])


class Copies:
    """Collapses the copies among some spans. dropped: those that are another's copy. client:
    of the server's half of a shared id the client's, else -1. differing: groups of copies
    that are not all the same, which wait for their content."""

    def __init__(self, spans: Spans, bounds: Integers, repairs: npt.NDArray[np.int64]) -> None:
        self._spans = spans
        self._repairs = repairs
        self.dropped = np.zeros(len(spans.id), np.bool_)
        self.client = np.full(len(spans.id), -1, np.int64)
        self.differing: list[list[int]] = []
        same = _first_with_id(bounds, spans.id)
        later = np.flatnonzero(same != np.arange(len(same)))
        if len(later):
            self._drop_identical(same, later)

    def _drop_identical(self, same: Integers, later: Integers) -> None:
        spans = self._spans
        first = same[later]
        identical = np.ones(len(later), np.bool_)
        for column in (spans.mark, spans.start, spans.end, spans.parent_id):
            identical &= column[later] == column[first]
        differs = np.zeros(len(same), np.bool_)
        differs[first[~identical]] = True
        plain = later[~differs[first]]
        self.dropped[plain] = True
        np.add.at(self._repairs[:, _DUPLICATE], spans.trace[plain], 1)
        groups: dict[int, list[int]] = {}
        for this in later[differs[first]].tolist():
            groups.setdefault(int(same[this]), [int(same[this])]).append(this)
        self.differing = list(groups.values())

    def settle(self, content: Content) -> None:
        """Collapses the copies that differ; their earliest start and latest end are kept."""
        kinds = self._spans.kind
        for group in self.differing:
            servers = [this for this in group if kinds[this] == _SERVER]
            others = [this for this in group if kinds[this] != _SERVER]
            if servers and any(kinds[this] == _CLIENT for this in others):
                self._repairs[self._spans.trace[group[0]], _SHARED_ID] += 1
                client = self._collapse(others, content)
                self.client[self._collapse(servers, content)] = client
            else:
                self._collapse(group, content)
        self.differing = []

    def _collapse(self, copies: list[int], content: Content) -> int:
        if len(copies) == 1:
            return copies[0]
        spans = self._spans
        row = spans.row
        distinct = {
            content.of(row[this]): this
            for this in sorted(copies, key=row.__getitem__, reverse=True)
        }
        kept = distinct[min(distinct)]
        self._repairs[spans.trace[kept], _DUPLICATE] += len(copies) - len(distinct)
        self._repairs[spans.trace[kept], _CONFLICTING] += len(distinct) - 1
        spans.start[kept], spans.end[kept] = spans.start[copies].min(), spans.end[copies].max()
        self.dropped[copies] = True
        self.dropped[kept] = False
        return kept


@compiled
def table_size(entries: int) -> int:
    """The size of a hash table for so many entries."""
    size = 4
    while size < 2 * entries:
        size *= 2
    return size


@compiled
def slot_of(table: Any, mask: Any, ids: Any, wanted: Any) -> Any:
    """Where `wanted` stands in a hash table of places in `ids`, or would."""
    mixed = np.uint64(wanted) * np.uint64(0x9E3779B97F4A7C15)
    slot = (mixed ^ (mixed >> np.uint64(32))) & mask
    while table[slot] >= 0 and ids[table[slot]] != wanted:
        slot = (slot + np.uint64(1)) & mask
    return slot


@compiled
def _first_with_id(bounds: Any, ids: Any) -> Any:
    """For each span the first of its trace with its id."""
    first = np.empty(len(ids), np.int64)
    table = np.empty(4, np.int64)
    for trace in range(len(bounds) - 1):
        low, high = bounds[trace], bounds[trace + 1]
        size = table_size(high - low)
        if size > len(table):
            table = np.empty(size, np.int64)
        table[:size] = -1
        for i in range(low, high):
            slot = slot_of(table, np.uint64(size - 1), ids, ids[i])
            if table[slot] < 0:
                table[slot] = i
            first[i] = table[slot]
    return first
