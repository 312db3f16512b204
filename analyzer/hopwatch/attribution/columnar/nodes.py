"""Rows -> nodes: every span once, under its parent, in exactly one unit.

The rules are those of `forest`, which is their readable form. Nodes are ordered by (trace,
start, span id); the half of a shared id that is the server follows its client.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from hopwatch.attribution.columnar.contents import KINDS
from hopwatch.attribution.columnar.jit import compiled
from hopwatch.attribution.columnar.rows import Integers, Rows
from hopwatch.attribution.forest import RowContent

REQUEST: Final = 0
DETACHED: Final = 1
FRAGMENT: Final = 2

REPAIRS: Final = (
    "duplicate", "conflicting_copies", "shared_id", "negative_duration", "missing_parent",
    "cycle", "detached",
)  # fmt: skip
"""What is counted per trace, by column of `Nodes.repairs`."""
_SERVER, _CONSUMER = KINDS["SERVER"], KINDS["CONSUMER"]


@dataclass(frozen=True, slots=True)
class Nodes:
    """The forest as arrays: one entry a span after repair, or one a unit, or one a trace.

    row: of the span table. parent: node, -1 for a unit's root. children: nodes; those of node i
    are children[child_bounds[i]:child_bounds[i + 1]], by (start, id). units: the roots, in
    order. members: nodes by unit, parents before their children, from member_bounds.
    """

    row: Integers
    trace: Integers
    start: Integers
    end: Integers
    parent: Integers
    child_bounds: Integers
    children: Integers
    units: Integers
    unit_kind: Integers
    members: Integers
    member_bounds: Integers
    repairs: npt.NDArray[np.int64]


def build(rows: Rows, table: pa.Table) -> Nodes:
    """The forest of all rows; `table`: where they are from, read where copies differ."""
    traces = len(rows.trace_ids)
    by_trace, bounds = _group(rows.trace, traces)
    same = _first_with_id(by_trace, bounds, rows.span_id)
    start, end = rows.start, rows.end
    repairs = np.zeros((traces, len(REPAIRS)), np.int64)
    dropped = np.zeros(len(start), np.bool_)
    is_half = np.zeros(len(start), np.bool_)
    client_of = np.full(len(start), -1, np.int64)
    copies = np.flatnonzero(same != np.arange(len(same)))
    if len(copies):
        start, end = start.copy(), end.copy()
        collapse = _Collapse(rows, table, repairs, start, end, dropped)
        collapse.all(copies, same)
        for half, its_client in collapse.halves:
            is_half[half] = True
            client_of[half] = its_client
    order, bounds = _order(by_trace, bounds, start, rows.span_id, is_half, dropped)
    place = np.full(len(start), -1, np.int64)
    place[order] = np.arange(len(order))
    client = client_of[order]
    client = np.where(client >= 0, place[client], -1)
    kind = rows.contents.kind[rows.contents.of[order]]
    start, end = start[order], end[order]
    # The server's half of a shared id hangs below the client's.
    parent_id = np.where(is_half, rows.span_id, rows.parent_id)
    has_parent = rows.has_parent | is_half
    parent, unit_kind = _link(
        bounds, rows.span_id[order], parent_id[order], has_parent[order], client,
        rows.process[order], kind, start, end, repairs,
    )  # fmt: skip
    child_bounds, children = _children(parent)
    units = np.flatnonzero(parent < 0)
    members, member_bounds = _members(units, child_bounds, children)
    return Nodes(
        row=order, trace=rows.trace[order], start=start, end=end, parent=parent,
        child_bounds=child_bounds, children=children, units=units, unit_kind=unit_kind[units],
        members=members, member_bounds=member_bounds, repairs=repairs,
    )  # fmt: skip


class _Collapse:
    """Collapses the copies of spans, in place. They are few, and Python will do."""

    def __init__(
        self, rows: Rows, table: pa.Table, repairs: npt.NDArray[np.int64],
        start: Integers, end: Integers, dropped: npt.NDArray[np.bool_],
    ) -> None:  # fmt: skip
        self._rows, self._table, self._repairs = rows, table, repairs
        self._start, self._end, self._dropped = start, end, dropped
        self.halves: list[tuple[int, int]] = []  # (server, client) of shared ids

    def all(self, copies: Integers, same: Integers) -> None:
        """`same`: the first row with each row's id; `copies`: the rows that are not it."""
        groups: dict[int, list[int]] = {}
        for row, first in zip(copies.tolist(), same[copies].tolist(), strict=True):
            groups.setdefault(first, [first]).append(row)
        content = RowContent(self._table)
        content.load([row for group in groups.values() for row in group])
        kinds = self._rows.contents.kind[self._rows.contents.of]
        for group in groups.values():
            servers = [row for row in group if kinds[row] == _SERVER]
            others = [row for row in group if kinds[row] != _SERVER]
            if servers and any(kinds[row] == KINDS["CLIENT"] for row in others):
                self._count(group[0], "shared_id", 1)
                client = self._collapse(others, content)
                self.halves.append((self._collapse(servers, content), client))
            else:
                self._collapse(group, content)

    def _collapse(self, copies: list[int], content: RowContent) -> int:
        if len(copies) == 1:
            return copies[0]
        distinct = {content.of(row): row for row in sorted(copies, reverse=True)}
        kept = distinct[min(distinct)]
        self._count(kept, "duplicate", len(copies) - len(distinct))
        self._count(kept, "conflicting_copies", len(distinct) - 1)
        self._start[kept] = self._rows.start[copies].min()
        self._end[kept] = self._rows.end[copies].max()
        self._dropped[copies] = True
        self._dropped[kept] = False
        return kept

    def _count(self, row: int, repair: str, times: int) -> None:
        self._repairs[self._rows.trace[row], REPAIRS.index(repair)] += times


@compiled
def _group(group: Any, groups: int) -> Any:
    """The rows ordered by group, else as they were, and where each group begins."""
    bounds = np.zeros(groups + 1, np.int64)
    for row in range(len(group)):
        bounds[group[row] + 1] += 1
    bounds = np.cumsum(bounds)
    free = bounds[:-1].copy()
    order = np.empty(len(group), np.int64)
    for row in range(len(group)):
        order[free[group[row]]] = row
        free[group[row]] += 1
    return order, bounds


@compiled
def _table_size(entries: int) -> int:
    size = 4
    while size < 2 * entries:
        size *= 2
    return size


@compiled
def _slot(table: Any, mask: Any, ids: Any, wanted: Any) -> Any:
    """Where `wanted` stands in a hash table of places in `ids`, or would."""
    mixed = np.uint64(wanted) * np.uint64(0x9E3779B97F4A7C15)
    slot = (mixed ^ (mixed >> np.uint64(32))) & mask
    while table[slot] >= 0 and ids[table[slot]] != wanted:
        slot = (slot + np.uint64(1)) & mask
    return slot


@compiled
def _first_with_id(order: Any, bounds: Any, ids: Any) -> Any:
    """For each row the first row of its trace with its id."""
    first = np.empty(len(order), np.int64)
    table = np.empty(4, np.int64)
    for trace in range(len(bounds) - 1):
        low, high = bounds[trace], bounds[trace + 1]
        size = _table_size(high - low)
        if size > len(table):
            table = np.empty(size, np.int64)
        table[:size] = -1
        for i in range(low, high):
            row = order[i]
            slot = _slot(table, np.uint64(size - 1), ids, ids[row])
            if table[slot] < 0:
                table[slot] = row
            first[row] = table[slot]
    return first


@compiled
def _before(i: Any, j: Any, start: Any, ids: Any, half: Any) -> bool:
    if start[i] != start[j]:
        return bool(start[i] < start[j])
    if ids[i] != ids[j]:
        return bool(ids[i] < ids[j])
    return bool(half[i] < half[j])


@compiled
def _order(by_trace: Any, bounds: Any, start: Any, ids: Any, half: Any, dropped: Any) -> Any:
    """The rows that are kept by (trace, start, id), and where each trace begins."""
    order = np.empty(len(by_trace), np.int64)
    spare = np.empty(len(by_trace), np.int64)
    kept = np.zeros(len(bounds), np.int64)
    high = 0
    for trace in range(len(bounds) - 1):
        low = high
        for i in range(bounds[trace], bounds[trace + 1]):
            if not dropped[by_trace[i]]:
                order[high] = by_trace[i]
                high += 1
        kept[trace + 1] = high
        # Runs of 8 by insertion, then merged: they are often in order already.
        for first in range(low, high, 8):
            for i in range(first + 1, min(first + 8, high)):
                row, j = order[i], i
                while j > first and _before(row, order[j - 1], start, ids, half):
                    order[j] = order[j - 1]
                    j -= 1
                order[j] = row
        width = 8
        while width < high - low:
            for first in range(low, high, 2 * width):
                middle, last = min(first + width, high), min(first + 2 * width, high)
                left, right = first, middle
                for i in range(first, last):
                    if left < middle and (
                        right >= last or not _before(order[right], order[left], start, ids, half)
                    ):
                        spare[i] = order[left]
                        left += 1
                    else:
                        spare[i] = order[right]
                        right += 1
            order[low:high] = spare[low:high]
            width *= 2
    return order[:high].copy(), kept


@compiled
def _link(
    bounds: Any, ids: Any, parent_ids: Any, has_parent: Any, client: Any, process: Any, kind: Any,
    start: Any, end: Any, repairs: Any,
) -> Any:  # fmt: skip
    """Parents and, for the roots, kinds of unit; cuts cycles, mends negative durations."""
    nodes = len(ids)
    parent = np.full(nodes, -1, np.int64)
    unit_kind = np.full(nodes, REQUEST, np.int64)
    server = np.full(nodes, -1, np.int64)
    for node in range(nodes):
        if client[node] >= 0:
            server[client[node]] = node
    table = np.empty(4, np.int64)
    state = np.zeros(nodes, np.int8)
    for trace in range(len(bounds) - 1):
        low, high = bounds[trace], bounds[trace + 1]
        size = _table_size(high - low)
        mask = np.uint64(size - 1)
        if size > len(table):
            table = np.empty(size, np.int64)
        table[:size] = -1
        for node in range(low, high):
            if client[node] < 0:
                table[_slot(table, mask, ids, ids[node])] = node
        for node in range(low, high):
            if not has_parent[node]:
                if kind[node] == _CONSUMER:
                    unit_kind[node] = DETACHED
                continue
            above = table[_slot(table, mask, ids, parent_ids[node])]
            if above >= 0 and server[above] >= 0 and server[above] != node:
                shared = server[above]
                # Calls made while serving carry the shared id too: they are the server's,
                # but for what the client's own process recorded.
                if process[node] != process[above] or process[node] == process[shared]:
                    above = shared
            if above < 0:
                unit_kind[node] = FRAGMENT
                repairs[trace, 4] += 1
            elif kind[node] == _CONSUMER:
                unit_kind[node] = DETACHED
                repairs[trace, 6] += 1
            else:
                parent[node] = above
        repairs[trace, 5] += _cut_cycles(low, high, parent, state, start, ids, client, unit_kind)
        for node in range(low, high):
            if end[node] < start[node]:
                end[node] = start[node]
                repairs[trace, 3] += 1
    return parent, unit_kind


@compiled
def _cut_cycles(
    low: int, high: int, parent: Any, state: Any, start: Any, ids: Any, client: Any,
    unit_kind: Any,
) -> int:  # fmt: skip
    cut = 0
    for first in range(low, high):
        node, least = first, -1
        while node >= 0 and state[node] == 0:
            state[node] = 1
            node = parent[node]
        if node >= 0 and state[node] == 1:
            least, other = node, parent[node]
            while other != node:
                earlier = start[other] < start[least]
                if start[other] == start[least]:
                    earlier = ids[other] < ids[least] or (
                        ids[other] == ids[least] and client[other] < 0
                    )
                if earlier:
                    least = other
                other = parent[other]
        node = first
        while node >= 0 and state[node] == 1:
            state[node] = 2
            node = parent[node]
        if least >= 0:
            parent[least] = -1
            unit_kind[least] = FRAGMENT
            cut += 1
    return cut


@compiled
def _children(parent: Any) -> Any:
    """The nodes by parent, else in order, and where each parent's begin."""
    bounds = np.zeros(len(parent) + 1, np.int64)
    for node in range(len(parent)):
        if parent[node] >= 0:
            bounds[parent[node] + 1] += 1
    bounds = np.cumsum(bounds)
    free = bounds[:-1].copy()
    children = np.empty(bounds[-1], np.int64)
    for node in range(len(parent)):
        above = parent[node]
        if above >= 0:
            children[free[above]] = node
            free[above] += 1
    return bounds, children


@compiled
def _members(units: Any, child_bounds: Any, children: Any) -> Any:
    """Each unit's nodes, parents before their children, and where each unit begins."""
    members = np.empty(len(child_bounds) - 1, np.int64)
    bounds = np.zeros(len(units) + 1, np.int64)
    filled = 0
    for unit in range(len(units)):
        members[filled] = units[unit]
        done = filled
        filled += 1
        while done < filled:
            node = members[done]
            done += 1
            for i in range(child_bounds[node], child_bounds[node + 1]):
                members[filled] = children[i]
                filled += 1
        bounds[unit + 1] = filled
    return members, bounds


@compiled
def callers(members: Any, parent: Any, remote: Any, hop: Any) -> Any:
    """By node the hop that called its service, -1 where none did."""
    called_by = np.full(len(parent), -1, np.int64)
    for node in members:  # parents first
        above = parent[node]
        if above >= 0:
            called_by[node] = hop[above] if remote[node] else called_by[above]
    return called_by
