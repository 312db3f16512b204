"""Rows -> nodes: every span once, under its parent, in exactly one unit.

The rules are those of `forest`, which is their readable form. Nodes are ordered by (trace,
start, span id); the half of a shared id that is the server follows its client.

Traces are worked on in blocks, whose arrays stay in the processor's cache.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from hopwatch.attribution.columnar.contents import KINDS
from hopwatch.attribution.columnar.copies import Content, Copies, Spans, slot_of, table_size
from hopwatch.attribution.columnar.jit import compiled
from hopwatch.attribution.columnar.rows import Integers, Received, Rows
from hopwatch.attribution.source import Source
from hopwatch.errors import InputError

REQUEST: Final = 0
DETACHED: Final = 1
FRAGMENT: Final = 2

REPAIRS: Final = (
    "duplicate", "conflicting_copies", "shared_id", "negative_duration", "missing_parent",
    "cycle", "detached",
)  # fmt: skip
"""What is counted per trace, by column of `Nodes.repairs`; the first three by `copies`."""
_BLOCK: Final = 1 << 16
"""Rows that are worked on at once, where traces are no longer."""


@dataclass(frozen=True, slots=True)
class Nodes:
    """The forest as arrays: one entry a span after repair, or one a unit, or one a trace.

    row: of the span table. parent: node, -1 for a unit's root. children: nodes; those of node i
    are children[child_bounds[i]:child_bounds[i + 1]], by (start, id). units: the roots, in
    order. members: nodes by unit, parents before their children, from member_bounds. blocks:
    the first node and the first unit of each block of whole traces, and the end of all. late:
    the nodes that were set apart, and begun_by: those that they were children of.
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
    blocks: npt.NDArray[np.int64]
    late: Integers
    begun_by: Integers


_LONG: Final = {
    **dict.fromkeys(("row", "trace", "parent", "child_bounds", "children", "members"), np.int32),
    **dict.fromkeys(("start", "end"), np.int64),
}
"""Columns that are as long as there are spans. Places have 32 bits, for memory is scarce."""


def build(rows: Rows, received: Received, source: Source) -> Nodes:
    """The forest of all rows; `source`: where they are from, read again where copies differ.

    Raises InputError for more spans than 32 bits can number.
    """
    count = len(received.start)
    if count >= 2**31:
        raise InputError(f"{count:,} spans are more than 2^31: choose fewer")
    # New memory is slow, so blocks write where their rows would be, were they in the order of
    # traces; the gaps that copies leave are closed at the end.
    long: dict[str, Integers] = {name: np.empty(count + 1, _LONG[name]) for name in _LONG}
    blocks = []
    begin = 0
    for first, last in _traces_at_once(rows):
        blocks.append(_Block(rows, received, first, last, begin, long))
        begin += blocks[-1].rows
    content = Content(source, [row for block in blocks for row in block.differing()])
    for block in blocks:
        block.settle(content)
    return _joined(blocks, long)


def _joined(blocks: list[_Block], long: dict[str, Integers]) -> Nodes:
    """The columns of all blocks, of which the `long` ones are changed in place."""
    nodes = np.cumsum([0, *(block.nodes for block in blocks)])
    children = np.cumsum([0, *(block.children for block in blocks)])
    since = {"parent": nodes, "members": nodes, "children": nodes, "child_bounds": children}
    for name, column in long.items():
        for position, block in enumerate(blocks):
            size, to = (block.children, children) if name == "children" else (block.nodes, nodes)
            values = column[block.begin : block.begin + size]
            if name in since:
                values = np.where(values >= 0, values + since[name][position], values)
            column[to[position] : to[position] + size] = values
    long["child_bounds"][nodes[-1]] = children[-1]
    ends = {"child_bounds": nodes[-1] + 1, "children": children[-1]}
    none = np.empty(0, np.int64)
    units = np.cumsum([0, *(len(block.units) for block in blocks)])
    return Nodes(
        **{name: column[: ends.get(name, nodes[-1])] for name, column in long.items()},
        units=np.concatenate([none, *(b.units + n for b, n in zip(blocks, nodes, strict=False))]),
        unit_kind=np.concatenate([none, *(block.unit_kind for block in blocks)]),
        member_bounds=np.concatenate(
            [*(b.member_bounds + n for b, n in zip(blocks, nodes, strict=False)), nodes[-1:]]
        ),
        repairs=np.concatenate(
            [np.empty((0, len(REPAIRS)), np.int64), *(block.repairs for block in blocks)]
        ),
        blocks=np.stack([nodes, units], axis=1),
        late=none,
        begun_by=none,
    )


def _traces_at_once(rows: Rows) -> Iterator[tuple[int, int]]:
    """First and last trace of each block."""
    ends = rows.trace_bounds
    lengths = np.diff(rows.run_begins)[rows.by_trace]
    before = np.concatenate([np.zeros(1, np.int64), lengths.cumsum()])[ends]
    first = 0
    while first < len(ends) - 1:
        last = int(np.searchsorted(before, before[first] + _BLOCK, "right")) - 1
        last = max(last, first + 1)
        yield first, last
        first = last


class _Block:
    """Some traces. What is long is written to the columns `long` from place `begin` on, the rest
    kept here; places count from this block's first. All is there once the copies are settled,
    which may need the content of rows."""

    units: Integers
    unit_kind: Integers
    member_bounds: Integers

    def __init__(
        self, rows: Rows, received: Received, first: int, last: int, begin: int,
        long: dict[str, Integers],
    ) -> None:  # fmt: skip
        row, self._bounds = rows.of_traces(first, last)
        self.begin = begin
        self.rows = len(row)
        self.nodes, self.children = 0, 0
        self._first = first
        self._long = long
        self.repairs = np.zeros((last - first, len(REPAIRS)), np.int64)
        self._spans = Spans(
            row=row,
            trace=np.repeat(np.arange(last - first), np.diff(self._bounds)),
            id=rows.span_id[row],
            parent_id=received.parent_id[row],
            has_parent=rows.has_parent[row],
            start=received.start[row],
            end=received.end[row],
            kind=rows.contents.kind[rows.contents.of[row]],
            process=rows.process[row],
            mark=received.mark[row],
            follows=rows.follows[row],
        )
        self._copies: Copies | None = Copies(self._spans, self._bounds, self.repairs)
        if not self._copies.differing:
            self._link(self._copies)

    def differing(self) -> list[int]:
        """The rows whose content has to be known."""
        if self._copies is None:
            return []
        row = self._spans.row
        return [int(row[this]) for group in self._copies.differing for this in group]

    def settle(self, content: Content) -> None:
        """Does what had to wait for the content of rows."""
        if self._copies is not None:
            self._copies.settle(content)
            self._link(self._copies)

    def _link(self, copies: Copies) -> None:
        spans = self._spans
        is_half = copies.client >= 0
        order, bounds = _order(self._bounds, spans.start, spans.id, is_half, copies.dropped)
        client = copies.client[order]
        if is_half.any():
            place = np.full(len(spans.row), -1, np.int64)
            place[order] = np.arange(len(order))
            client = np.where(client >= 0, place[client], -1)
        # The server's half of a shared id hangs below the client's.
        parent_id = np.where(is_half, spans.id, spans.parent_id)
        has_parent = spans.has_parent | is_half
        start, end = spans.start[order], spans.end[order]
        # What begins asynchronous work, with a parent or without.
        apart = (spans.kind == KINDS["CONSUMER"]) | (spans.follows & ~has_parent)
        parent, unit_kind = _link(
            bounds, spans.id[order], parent_id[order], has_parent[order],
            client, spans.process[order], apart[order], start, end, self.repairs,
        )  # fmt: skip
        child_bounds, children = _children(parent)
        self.units = np.flatnonzero(parent < 0)
        self.unit_kind = unit_kind[self.units]
        members, member_bounds = _members(self.units, child_bounds, children)
        self.member_bounds = member_bounds[:-1]
        self.nodes, self.children = len(order), len(children)
        for name, values in {
            "row": spans.row[order],
            "trace": spans.trace[order] + self._first,
            "start": start,
            "end": end,
            "parent": parent,
            "child_bounds": child_bounds[:-1],
            "children": children,
            "members": members,
        }.items():
            self._long[name][self.begin : self.begin + len(values)] = values
        del self._spans, self._bounds
        self._copies = None


@compiled
def _before(i: Any, j: Any, start: Any, ids: Any, half: Any) -> bool:
    if start[i] != start[j]:
        return bool(start[i] < start[j])
    if ids[i] != ids[j]:
        return bool(ids[i] < ids[j])
    return bool(half[i] < half[j])


@compiled
def _order(bounds: Any, start: Any, ids: Any, half: Any, dropped: Any) -> Any:
    """The spans that are kept by (trace, start, id), and where each trace begins."""
    order = np.empty(len(start), np.int64)
    spare = np.empty(len(start), np.int64)
    kept = np.zeros(len(bounds), np.int64)
    high = 0
    for trace in range(len(bounds) - 1):
        low, sorted_so_far = high, True
        for i in range(bounds[trace], bounds[trace + 1]):
            if not dropped[i]:
                if high > low and _before(i, order[high - 1], start, ids, half):
                    sorted_so_far = False
                order[high] = i
                high += 1
        kept[trace + 1] = high
        if not sorted_so_far:
            _sort(order[low:high], spare, start, ids, half)
    return order[:high].copy(), kept


@compiled
def _sort(order: Any, spare: Any, start: Any, ids: Any, half: Any) -> None:
    """Runs of 8 by insertion, then merged."""
    count = len(order)
    for first in range(0, count, 8):
        for i in range(first + 1, min(first + 8, count)):
            this, j = order[i], i
            while j > first and _before(this, order[j - 1], start, ids, half):
                order[j] = order[j - 1]
                j -= 1
            order[j] = this
    width = 8
    while width < count:
        for first in range(0, count, 2 * width):
            middle, last = min(first + width, count), min(first + 2 * width, count)
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
        order[:] = spare[:count]
        width *= 2


@compiled
def _link(
    bounds: Any, ids: Any, parent_ids: Any, has_parent: Any, client: Any, process: Any, apart: Any,
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
        size = table_size(high - low)
        mask = np.uint64(size - 1)
        if size > len(table):
            table = np.empty(size, np.int64)
        table[:size] = -1
        for node in range(low, high):
            if client[node] < 0:
                table[slot_of(table, mask, ids, ids[node])] = node
        for node in range(low, high):
            if not has_parent[node]:
                if apart[node]:
                    unit_kind[node] = DETACHED
                continue
            above = table[slot_of(table, mask, ids, parent_ids[node])]
            if above >= 0 and server[above] >= 0 and server[above] != node:
                shared = server[above]
                # Calls made while serving carry the shared id too: they are the server's,
                # but for what the client's own process recorded.
                if process[node] != process[above] or process[node] == process[shared]:
                    above = shared
            if above < 0:
                unit_kind[node] = DETACHED if apart[node] else FRAGMENT
                repairs[trace, 4] += 1
            elif apart[node]:
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
