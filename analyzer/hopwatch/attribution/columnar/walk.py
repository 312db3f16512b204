"""The forest, block by block through the kernel: what each span is blamed for, in which cell."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from hopwatch.attribution.cells import Cell
from hopwatch.attribution.columnar.addition import unit_sums
from hopwatch.attribution.columnar.blame import Blame
from hopwatch.attribution.columnar.jit import compiled
from hopwatch.attribution.columnar.nodes import FRAGMENT, Nodes
from hopwatch.attribution.columnar.offsets import Calls
from hopwatch.attribution.columnar.records import (
    NODE,
    RARE,
    SPENT,
    Records,
    hand_over,
    lay_out,
)  # fmt: skip
from hopwatch.attribution.columnar.rows import Integers, Rows
from hopwatch.attribution.columnar.texts import NONE, Codes
from hopwatch.attribution.critical_path import DEFAULT_TAU_NS
from hopwatch.attribution.units import Options

Mask = npt.NDArray[np.bool_]

_EXTENT: Final = np.dtype([("low", np.int64), ("high", np.int64)])


@dataclass(frozen=True, slots=True)
class Walked:
    """What was found. Per node: `spent` and, of some, `rare` (see `records`), its `cell` of
    `cells`, which are in the ledger's order, whether it has `entered` its hop, and its `flags`
    (see `blame`). late: the nodes that are to be set apart (see `late`). Per unit, theirs too:
    `sums`, see `addition.unit_sums`."""

    spent: Records
    rare: Records
    cells: list[Cell]
    cell: Codes
    entered: Mask
    flags: npt.NDArray[np.int8]
    late: Integers
    sums: Integers


def walk(nodes: Nodes, rows: Rows, calls: Calls, known: Records, options: Options) -> Walked:
    """Blames every span of the forest. known: what is known of θ, by call."""
    taus = rows.granularity if options.tau_ns is None else 0 * rows.granularity
    least_tau = DEFAULT_TAU_NS if options.tau_ns is None else options.tau_ns
    contents = rows.contents
    kernel = Blame(taus, least_tau, int(contents.request.max(initial=-1)) + 1)
    numbering = contents.cell_numbering()
    spent = np.empty(len(nodes.row), SPENT)
    cell = np.empty(len(nodes.row), np.int32)
    entered = np.empty(len(nodes.row), np.bool_)
    flags = np.empty(len(nodes.row), np.int8)
    longest = int(np.diff(nodes.blocks[:, 0]).max(initial=0))
    records, rare = np.zeros(longest, NODE), np.empty(longest, RARE)
    rares: list[Records] = [rare[:0]]
    lates, sums = [np.empty(0, np.int64)], [np.empty((0, 6), np.int64)]
    some = 0
    for (first, first_unit), (last, last_unit) in pairwise(nodes.blocks.tolist()):
        block = _Block(nodes, rows, calls, slice(first, last), slice(first_unit, last_unit))
        found = records[: last - first]
        bounds, missing = block.lay_out(found)
        known_here = known[block.calls]
        kernel.block(first, found, block.members, block.children, known_here, bounds, missing)
        filled = hand_over(found, spent[first:last], rare, some)
        rares.append(rare[:filled].copy())
        some += filled
        late = found["late"]
        roots = block.roots | late
        lates.append(first + np.flatnonzero(late))
        sums.append(unit_sums(found, np.flatnonzero(roots)))
        cell[first:last] = block.cells(numbering.add, late)
        entered[first:last] = block.remote | roots
        flags[first:last] = found["flags"]
    cells, rank = numbering.ranks()
    cell = rank[cell] if len(rank) else cell
    is_self = np.array([found.kind == "self" for found in cells], np.bool_)
    entered |= ~is_self[cell]
    return Walked(
        spent, np.concatenate(rares), cells, cell, entered, flags, np.concatenate(lates),
        np.concatenate(sums),
    )  # fmt: skip


class _Block:
    """Some whole traces; places count from the block's first node."""

    def __init__(
        self, nodes: Nodes, rows: Rows, calls: Calls, nodes_of: slice, units_of: slice
    ) -> None:
        self._nodes, self._rows = nodes, rows
        self._of = nodes_of
        first, last = nodes_of.start, nodes_of.stop
        self._child_bounds = nodes.child_bounds[first : last + 1]
        self.children = nodes.children[self._child_bounds[0] : self._child_bounds[-1]] - first
        self.members = nodes.members[nodes_of] - first
        self.member_bounds = nodes.member_bounds[units_of.start : units_of.stop + 1] - first
        self._units = nodes.units[units_of] - first
        self._unit_kind = nodes.unit_kind[units_of]
        self._parent = nodes.parent[nodes_of]
        low, high = np.searchsorted(calls.child, [first, last])
        self.calls = slice(low, high)
        self._call = np.full(last - first, NONE, np.int32)
        self._call[calls.child[low:high] - first] = np.arange(high - low)
        self.remote = self._call >= 0
        self.roots = self._parent < 0

    def lay_out(self, records: Records) -> tuple[Integers, Records]:
        """Fills in what is given; says where fragments lie: the bounds of each incomplete
        trace's disjoint intervals, and these."""
        nodes, rows, of = self._nodes, self._rows, self._of
        root = np.empty(len(records), np.int64)
        root[self.members] = np.repeat(self._units, np.diff(self.member_bounds))
        bounds, extents, missing, in_fragment = self._missing(root)
        contents = rows.contents
        lay_out(
            records, nodes.start[of], nodes.end[of], in_fragment, self._child_bounds,
            self._call, missing, nodes.row[of], rows.span_id, rows.process, contents.request,
            contents.of, contents.kind, contents.failed, contents.resent,
        )  # fmt: skip
        return bounds, extents

    def _missing(self, root: Integers) -> tuple[Integers, Records, Integers, Mask]:
        """Where fragments lie (see `lay_out`), by node the place of its trace there, and which
        nodes are of a fragment."""
        fragments = self._units[self._unit_kind == FRAGMENT]
        missing = np.full(len(root), NONE, np.int64)
        extents = np.empty(len(fragments), _EXTENT)
        in_fragment = np.zeros(len(root), np.bool_)
        if not len(fragments):
            return np.zeros(1, np.int64), extents, missing, in_fragment
        trace = self._nodes.trace[self._of]
        starts, ends = (
            column[self._of][fragments] for column in (self._nodes.start, self._nodes.end)
        )
        incomplete, which = np.unique(trace[fragments], return_inverse=True)
        bounds, filled = _unions(which, starts, ends, extents, len(incomplete))
        place = np.searchsorted(incomplete, trace)
        there = incomplete[np.minimum(place, len(incomplete) - 1)] == trace
        in_fragment[fragments] = True
        in_fragment = in_fragment[root]
        # Nothing hides in what is a fragment itself.
        hides = there & ~in_fragment
        missing[hides] = place[hides]
        return bounds, extents[:filled], missing, in_fragment

    def cells(self, number: Callable[[Codes, Codes, Codes], Codes], late: Mask) -> Codes:
        """The number of each node's cell."""
        contents = self._rows.contents
        content = contents.of[self._nodes.row[self._of]]
        hop = contents.hop[content].astype(np.int32)
        length = self._nodes.end[self._of] - self._nodes.start[self._of]
        caller, callee = _neighbours(
            self.members, self._parent, self._of.start, self.remote, late, hop, length
        )
        has_children = np.diff(self._child_bounds) > 0
        variant = np.where(callee != NONE, 2, has_children.astype(np.int64))
        return number(contents.base[content, variant].astype(np.int32), caller, callee)


@compiled
def _unions(trace: Any, start: Any, end: Any, extents: Any, traces: Any) -> Any:
    """Extents by trace and start -> disjoint ones; where each trace's begin, and how many."""
    bounds = np.zeros(traces + 1, np.int64)
    filled = 0
    for i in range(len(trace)):
        low = bounds[trace[i]]
        if filled > low and start[i] <= extents[filled - 1].high:
            extents[filled - 1].high = max(extents[filled - 1].high, end[i])
        elif start[i] < end[i]:
            extents[filled].low, extents[filled].high = start[i], end[i]
            filled += 1
        for later in range(trace[i] + 1, traces + 1 if i + 1 == len(trace) else trace[i + 1] + 1):
            bounds[later] = filled
    return bounds, filled


@compiled
def _neighbours(
    members: Any, parent: Any, first: Any, remote: Any, late: Any, hop: Any, length: Any
) -> Any:
    """By node the hop that called its service, and the one of its longest child in another
    process; -1 where there is none. Nobody calls the root of a unit."""
    caller = np.full(len(parent), -1, np.int32)
    callee = np.full(len(parent), -1, np.int32)
    for node in members:  # parents first
        if parent[node] >= 0 and not late[node]:
            above = parent[node] - first
            if remote[node]:
                caller[node] = hop[above]
            else:
                caller[node] = caller[above]
    longest = np.full(len(parent), -1, np.int64)
    for node in range(len(parent)):  # of equally long children the first
        if remote[node] and length[node] > longest[parent[node] - first]:
            longest[parent[node] - first] = length[node]
            callee[parent[node] - first] = hop[node]
    return caller, callee
