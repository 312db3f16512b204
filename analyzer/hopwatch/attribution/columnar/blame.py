"""The walk over all units: what every span is blamed for. The readable form is `units`, with
`critical_path`, `clocks.child_offset` and `retries`; the names here are theirs.

One pass over the nodes, parents before their children. At each parent its children are moved
into its clock, its attempts found, its own extent walked; if it is on its root's path, the
window it is blamed for, too, and the windows of the chosen are handed down. What turns out to be
late is the root of a unit of its own.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np

from hopwatch.attribution.columnar.contents import KINDS
from hopwatch.attribution.columnar.extents import first_after, overlap, union
from hopwatch.attribution.columnar.jit import compiled
from hopwatch.attribution.columnar.records import Records
from hopwatch.attribution.columnar.rows import Integers
from hopwatch.attribution.units import LONGEST_NS

OUTLIVES: Final = 1
CLOCK_CONFLICT: Final = 2
NO_CLIENT_SPAN: Final = 4
RETRY: Final = 8

_PROCESS: Final = np.dtype(
    [
        ("tau", np.int64),
        ("seen", np.int64),  # the parent whose children the rest is of
        *(
            (name, np.int64)
            for name in (
                "group",
                "fit_low",
                "fit_high",
                "least_a",
                "least_start",
                "theta",
                "conflicts_below",
            )
        ),
        ("all_serve", np.bool_),
        ("apart", np.bool_),
    ]
)
_ROOM: Final = np.dtype(
    [
        (name, np.int64)
        for name in (
            "order", "spare", "chosen", "chosen_low", "chosen_high", "segment_low",
            "segment_high", "pause_low", "pause_high", "low", "high",
        )
    ]
)  # fmt: skip
"""Room for one parent's children and the intervals they make."""
_FAR: Final = np.iinfo(np.int64).max
_SERVER, _CLIENT = KINDS["SERVER"], KINDS["CLIENT"]


class Blame:
    """The walk over blocks of units. processes: of all, with their τ. requests: how many
    different ones there are."""

    def __init__(self, taus: Integers, least_tau: int, requests: int) -> None:
        self._least_tau = least_tau
        self._processes = np.zeros(len(taus), _PROCESS)
        self._processes["tau"] = taus
        self._processes["seen"] = -1
        self._asked = np.full((requests, 2), -1, np.int64)
        self._room = np.zeros(0, _ROOM)

    def block(
        self, first: int, nodes: Records, members: Integers, children: Integers, known: Records,
        missing_bounds: Integers, missing: Records,
    ) -> None:  # fmt: skip
        """Fills in what every node of a block is blamed for.

        first: the block's first node of all; all places are within the block. members: all
        nodes, parents before their children. children: nodes, each parent's from its
        `first_child` to before its `last_child`. known: by call. missing: `low` and `high` of
        where fragments lie, by trace disjoint and in order.
        """
        widest = int((nodes["last_child"] - nodes["first_child"]).max(initial=0))
        hidden = int(np.diff(missing_bounds).max(initial=0))
        if len(self._room) < widest + hidden + 1:
            self._room = np.zeros(widest + hidden + 1, _ROOM)
        _blame(
            first, nodes, members, children, known, self._processes, self._least_tau,
            missing_bounds, missing, self._room, self._asked,
        )  # fmt: skip


@compiled
def _blame(
    first: Any, nodes: Any, members: Any, children: Any, known: Any, processes: Any,
    least_tau: Any, missing_bounds: Any, missing: Any, room: Any, asked: Any,
) -> None:  # fmt: skip
    for i in members:
        node = nodes[i]
        if node.root == i:
            node.window_low, node.window_high = node.start, node.end
        tau, pauses = least_tau, 0
        if node.first_child < node.last_child:
            for j in range(node.first_child, node.last_child):
                tau = max(tau, processes[nodes[children[j]].process].tau)
            _place(i, first, nodes, children, known, processes, room)
            _hand_down(i, nodes, children)
            pauses = _find_retries(i, first, tau, nodes, children, room, asked)
        _walk_node(i, tau, pauses, nodes, children, missing_bounds, missing, room)


@compiled
def _place(
    i: Any, first: Any, nodes: Any, children: Any, known: Any, processes: Any, room: Any
) -> None:
    """The children in the parent's clock: one θ per process that they run in."""
    parent = nodes[i]
    groups = 0
    for j in range(parent.first_child, parent.last_child):
        child = nodes[children[j]]
        if child.call < 0:
            continue
        process = processes[child.process]
        a, b = child.start - parent.start, child.end - parent.end
        if process.seen != first + i:
            process.seen, process.group = first + i, groups
            groups += 1
            process.fit_low, process.fit_high = -_FAR, _FAR
            process.least_a, process.least_start = a, child.start
            process.all_serve = True
        if b <= a:
            process.fit_low = max(process.fit_low, b)
            process.fit_high = min(process.fit_high, a)
        process.least_a = min(process.least_a, a)
        process.least_start = min(process.least_start, child.start)
        if child.kind != _SERVER:
            process.all_serve = False
    settled = 0  # groups whose θ is found; they come in the order of their first child
    for j in range(parent.first_child, parent.last_child):
        child = nodes[children[j]]
        theta = 0
        if child.call >= 0:
            process = processes[child.process]
            if process.group == settled:
                _child_offset(parent, process, known[child.call])
                settled += 1
            theta = process.theta
            if child.end - theta > parent.end:
                child.flags |= OUTLIVES
            a, b = child.start - parent.start, child.end - parent.end
            if process.apart or b <= a < process.conflicts_below:
                child.flags |= CLOCK_CONFLICT
        child.placed_start, child.placed_end = child.start - theta, child.end - theta
    if groups and parent.kind != _CLIENT:
        _flag_parallel(i, groups, nodes, children, processes, room)


@compiled
def _child_offset(parent: Any, process: Any, offset: Any) -> None:
    """θ of the children in a process, and which of them contradict what is known of it."""
    process.apart, process.conflicts_below = False, -_FAR
    if process.fit_high < _FAR and process.fit_low <= process.fit_high:
        theta = max(process.fit_low, min(offset.theta, process.fit_high))
        if not offset.known or abs(theta - offset.theta) <= offset.kappa:
            process.theta = theta
            return
    theta = min(offset.theta, process.least_a)
    process.apart = (
        not offset.known
        and parent.kind == _CLIENT
        and process.all_serve
        and theta + parent.end <= process.least_start
    )
    process.theta = process.least_a if process.apart else theta
    process.conflicts_below = offset.theta - offset.kappa


@compiled
def _hand_down(i: Any, nodes: Any, children: Any) -> None:
    """To the children the unit's root, and how far their clocks are ahead of it; marks those
    that are late, which begin units."""
    parent = nodes[i]
    root = nodes[parent.root]
    for j in range(parent.first_child, parent.last_child):
        child = nodes[children[j]]
        start, end = child.placed_start - parent.shift, child.placed_end - parent.shift
        child.late = not parent.fragment and start >= root.end and end > root.end
        if not child.late:
            child.root = parent.root
            child.shift = parent.shift + child.start - child.placed_start


@compiled
def _flag_parallel(
    i: Any, groups: Any, nodes: Any, children: Any, processes: Any, room: Any
) -> None:
    """Calls that run in parallel without client spans depend on the clocks: flags them."""
    parent = nodes[i]
    count = parent.last_child - parent.first_child
    for j in range(count):
        room[j].order = children[parent.first_child + j]
        child = nodes[room[j].order]
        child.key, child.second_key = child.placed_start, child.placed_end
        # Equal extents in the order of placing: own process first, then process by process.
        group = 0 if child.call < 0 else 1 + processes[child.process].group
        child.third_key = group * count + j
    _sort(nodes, room, count)
    last = nodes[room[0].order]  # to end, of those before
    for j in range(1, count):
        child = nodes[room[j].order]
        if child.placed_start < last.placed_end:
            if last.call >= 0:
                last.flags |= NO_CLIENT_SPAN
            if child.call >= 0:
                child.flags |= NO_CLIENT_SPAN
        if child.placed_end > last.placed_end:
            last = child


@compiled
def _comes_first(a: Any, b: Any) -> Any:
    if a.key != b.key:
        return a.key < b.key
    if a.second_key != b.second_key:
        return a.second_key < b.second_key
    return a.third_key < b.third_key


@compiled
def _sort(nodes: Any, room: Any, count: Any) -> None:
    """Sorts `room.order` by the nodes' keys: runs of 8 by insertion, then merged."""
    for first in range(0, count, 8):
        for i in range(first + 1, min(first + 8, count)):
            this, j = room[i].order, i
            while j > first and _comes_first(nodes[this], nodes[room[j - 1].order]):
                room[j].order = room[j - 1].order
                j -= 1
            room[j].order = this
    width = 8
    while width < count:
        for first in range(0, count, 2 * width):
            left, right = first, min(first + width, count)
            middle, last = right, min(first + 2 * width, count)
            for i in range(first, last):
                if left < middle and (
                    right >= last
                    or not _comes_first(nodes[room[right].order], nodes[room[left].order])
                ):
                    room[i].spare = room[left].order
                    left += 1
                else:
                    room[i].spare = room[right].order
                    right += 1
        for i in range(count):
            room[i].order = room[i].spare
        width *= 2


@compiled
def _find_retries(
    i: Any, first: Any, tau: Any, nodes: Any, children: Any, room: Any, asked: Any
) -> Any:
    """Marks the children that are attempts which were repeated; gives the number of pauses
    between attempts, which lie in `room`, in the root's clock. `asked`: by request the parent
    that asked last, and its child."""
    parent = nodes[i]
    pauses = 0
    for j in range(parent.first_child, parent.last_child):
        child = nodes[children[j]]
        if parent.retried:
            child.retried = not child.late
            continue
        if child.kind != _CLIENT or child.call >= 0:
            continue
        last = asked[child.request]
        if last[0] == first + i:
            earlier = nodes[last[1]]
            repeats = child.resent or (earlier.failed and child.start >= earlier.end - tau)
            if repeats and not earlier.late:
                earlier.retried = True
                earlier.flags |= RETRY
                room[pauses].pause_low = earlier.end - parent.shift
                room[pauses].pause_high = child.start - parent.shift
                pauses += 1
        last[0], last[1] = first + i, children[j]
    return union(room.pause_low, room.pause_high, pauses)


@compiled
def _walk_node(
    i: Any, tau: Any, pauses: Any, nodes: Any, children: Any, missing_bounds: Any, missing: Any,
    room: Any,
) -> None:  # fmt: skip
    node = nodes[i]
    count = node.last_child - node.first_child
    for j in range(count):
        room[j].order = children[node.first_child + j]
        child = nodes[room[j].order]
        if child.placed_end > node.end and not child.late:
            over = min(child.placed_end - node.end, child.placed_end - child.placed_start)
            node.clipped = min(node.clipped + over, LONGEST_NS)
        child.key, child.second_key, child.third_key = (
            -child.placed_end, child.placed_start, child.span_id,
        )  # fmt: skip
    _sort(nodes, room, count)
    own, concurrent, chosen, segments = _walk(node.start, node.end, count, tau, nodes, room)
    node.local = min(own, LONGEST_NS)
    if node.window_low >= node.window_high:
        return
    if node.window_low != node.start or node.window_high != node.end:
        own, concurrent, chosen, segments = _walk(
            node.window_low, node.window_high, count, tau, nodes, room
        )
    for j in range(chosen):
        child = nodes[room[j].chosen]
        theta = child.start - child.placed_start
        child.window_low = room[j].chosen_low + theta
        child.window_high = room[j].chosen_high + theta
    node.own, node.concurrent, node.doubtful = own, concurrent, concurrent
    if node.missing >= 0:
        first, last = missing_bounds[node.missing], missing_bounds[node.missing + 1]
        _hide(node, segments, count, missing[first:last], nodes, room)
    if node.retried:
        node.retry = own
    elif pauses:
        node.retry = overlap(
            room, segments, node.shift, room.pause_low[:pauses], room.pause_high[:pauses]
        )


@compiled
def _hide(node: Any, segments: Any, count: Any, missing: Any, nodes: Any, room: Any) -> None:
    """What fragments may hide of a node's own time."""
    node.hidden = overlap(room, segments, node.shift, missing.low, missing.high)
    if not node.hidden:
        return
    node.doubtful = node.hidden
    if node.concurrent:
        # Only what meets the node's own time matters: a trace can have very many fragments.
        fragments, i = 0, 0
        for segment in range(segments - 1, -1, -1):
            i = first_after(missing.high, i, room[segment].segment_low - node.shift)
            while i < len(missing) and missing[i].low < room[segment].segment_high - node.shift:
                room[fragments].low, room[fragments].high = missing[i].low, missing[i].high
                fragments += 1
                i += 1
        for j in range(count):
            child = nodes[room[j].order]
            room[fragments + j].low = child.placed_start - node.shift
            room[fragments + j].high = child.placed_end - node.shift
        merged = union(room.low, room.high, fragments + count)
        node.doubtful = overlap(room, segments, node.shift, room.low[:merged], room.high[:merged])


@compiled
def _walk(low: Any, high: Any, count: Any, tau: Any, nodes: Any, room: Any) -> Any:
    """`critical_path.walk` over the children in `room.order`: own, concurrent, and how many
    chosen and segments there are in `room`."""
    cursor, reach = high, high
    explained, covered, chosen, segments = 0, 0, 0, 0
    above, above_start, above_end = -1, low, low
    for j in range(count + 1):
        child, start, end = -1, low, low
        if j < count:
            child = room[j].order
            start = max(nodes[child].placed_start, low)
            end = min(nodes[child].placed_end, high)
            if end <= start:
                continue
            if start < reach:
                covered += min(end, reach) - start
                reach = start
            if start >= cursor:
                continue
            if end > cursor:
                if end <= cursor + tau:
                    above, above_start, above_end = child, start, end
                continue
        usable = above >= 0 and above_start < cursor and above_end - cursor <= tau
        if usable and (child < 0 or above_end - cursor < cursor - end):
            room[chosen].chosen = above
            room[chosen].chosen_low, room[chosen].chosen_high = above_start, cursor
            chosen += 1
            explained += cursor - above_start
            cursor, above = above_start, -1
            # The same child again, under the lowered cursor.
            if start >= cursor or end > cursor + tau:
                continue
            if end > cursor:
                above, above_start, above_end = child, start, end
                continue
        if child >= 0:
            if end < cursor:
                room[segments].segment_low, room[segments].segment_high = end, cursor
                segments += 1
            room[chosen].chosen = child
            room[chosen].chosen_low, room[chosen].chosen_high = start, end
            chosen += 1
            explained += end - start
            cursor = start
    if low < cursor:
        room[segments].segment_low, room[segments].segment_high = low, cursor
        segments += 1
    return high - low - explained, covered - explained, chosen, segments
