"""What begins after the root of its unit has ended: asynchronous work, a unit of its own.

    root    |-----------|
    child      |---------------|         runs on; nobody waits for what is beyond the root's end
    late                   |-------|     begins when the root has ended: a unit
    below                    |--|        goes with it

This depends on the clocks, which the calls of whole trees tell, so it is the last repair of a
forest. A late span is placed among its siblings still and tells what its parent's span is (a call
to another process, say), but is no part of any window: whatever its parent does beyond the root's
end is in no ledger, so nothing is counted twice.

What hangs below a missing parent stays together: how long the root lasted is not known.
"""

from __future__ import annotations

from hopwatch.attribution.clocks import Clocks
from hopwatch.attribution.model import Forest, Span, Unit
from hopwatch.attribution.placement import place_children


def set_apart(forest: Forest, clocks: Clocks) -> Forest:
    """Makes units of the topmost late spans, in place; of those in these units again."""
    for trace in forest.traces:
        units = (*trace.requests, *trace.detached)
        late = [span for unit in units for span in _late(unit.root, clocks)]
        trace.detached += [Unit(span, "detached") for span in late]
        trace.detached.sort(key=lambda unit: (unit.root.start, unit.root.id))
    return forest


def _late(root: Span, clocks: Clocks) -> list[Span]:
    """Takes the late spans below a root off their parents."""
    found = []
    # Of each span how far its clock is ahead of its unit's root's, and when that ended.
    stack = [(root, 0, root.end)]
    while stack:
        parent, shift, end = stack.pop()
        for child in place_children(parent, clocks):
            span = child.span
            if child.start - shift >= end and child.end - shift > end:
                span.parent, span.begun_by = None, parent
                span.flags.add("late")
                parent.late.append(span)
                stack.append((span, 0, span.end))
            else:
                stack.append((span, shift + span.start - child.start, end))
        if parent.late:
            parent.children = [child for child in parent.children if child.parent is parent]
            found += parent.late
    return found
