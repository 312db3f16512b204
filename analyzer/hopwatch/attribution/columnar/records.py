"""What the walk is given, works on and leaves, as records.

All that is known of a node lies side by side in one record: the walk visits nodes in no order
that columns would serve, and few arguments make cheap calls.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np
import numpy.typing as npt

from hopwatch.attribution.columnar.jit import compiled

Records = npt.NDArray[np.void]

NODE: Final = np.dtype(
    [
        # Given. call: to a child in another process (see `offsets.Calls`), -1 for any other
        # node. missing: place of its trace in `Missing.bounds`, -1 for none. fragment: part of
        # one. root: of the unit, which late nodes are themselves (see `late`).
        *((name, np.int64) for name in ("start", "end", "span_id", "first_child", "last_child")),
        *((name, np.int32) for name in ("root", "process", "call", "request")),
        ("missing", np.int32),
        ("fragment", np.bool_),
        ("kind", np.int8),
        ("failed", np.bool_),
        ("resent", np.bool_),
        # Found on the way: the node in its parent's clock, the window it is blamed for, its
        # clock minus the root's, and keys to sort siblings by.
        ("retried", np.bool_),
        *(
            (name, np.int64)
            for name in (
                "placed_start", "placed_end", "window_low", "window_high", "shift",
                "key", "second_key", "third_key",
            )
        ),
        # Wanted: as in `units.SpanTime`, flags as bits.
        *(
            (name, np.int64)
            for name in (
                "own", "local", "concurrent", "hidden", "doubtful", "retry", "clipped",
            )
        ),
        ("late", np.bool_),
        ("flags", np.int8),
    ]
)  # fmt: skip
KNOWN: Final = np.dtype([("known", np.bool_), ("theta", np.int64), ("kappa", np.int64)])
"""What is known of θ, by call."""
SPENT: Final = np.dtype(
    [
        *((name, np.int64) for name in ("own", "local", "shift")),
        ("rare", np.int32),  # place among the `RARE`, -1 for none
        ("retried", np.bool_),
    ]
)
"""What is kept of a node (see `NODE`), in little room, for there may be many."""
RARE: Final = np.dtype([(name, np.int64) for name in ("concurrent", "hidden", "doubtful", "retry")])
"""What is kept of the nodes that have any of it."""


@compiled
def lay_out(
    nodes: Any, start: Any, end: Any, fragment: Any, child_bounds: Any, call: Any,
    missing: Any, row: Any, span_id: Any, process: Any, request: Any, content: Any, kind: Any,
    failed: Any, resent: Any,
) -> None:  # fmt: skip
    """Columns as records, in place: all by node, but from `span_id` on by row, and from `kind`
    on by content."""
    first_child = child_bounds[0]
    for i in range(len(nodes)):
        node = nodes[i]
        node.start, node.end, node.root, node.fragment = start[i], end[i], i, fragment[i]
        node.first_child = child_bounds[i] - first_child
        node.last_child = child_bounds[i + 1] - first_child
        node.call, node.missing = call[i], missing[i]
        this = row[i]
        node.span_id, node.process, node.request = span_id[this], process[this], request[this]
        node.kind, node.failed, node.resent = (
            kind[content[this]], failed[content[this]], resent[content[this]],
        )  # fmt: skip
        node.retried, node.late, node.flags = False, False, 0
        node.window_low = node.window_high = node.shift = 0
        node.own = node.local = node.concurrent = node.hidden = node.doubtful = 0
        node.retry = node.clipped = 0


@compiled
def hand_over(nodes: Any, spent: Any, rare: Any, before: Any) -> Any:
    """Keeps of the nodes what is wanted of them: in `spent`, and `rare`, of which there are
    some `before`. Gives how many of `rare` are filled."""
    filled = 0
    for i in range(len(nodes)):
        node, kept = nodes[i], spent[i]
        kept.own, kept.local, kept.shift = node.own, node.local, node.shift
        kept.retried, kept.rare = node.retried, -1
        # What is doubtful is concurrent or hidden.
        if node.concurrent or node.hidden or node.retry:
            kept.rare = before + filled
            some = rare[filled]
            some.concurrent, some.hidden = node.concurrent, node.hidden
            some.doubtful, some.retry = node.doubtful, node.retry
            filled += 1
    return filled
