"""What a completed request truly waited for.

While it runs, each frame knows whom it waited for: the steps of a body one after the other; of
parallel branches those of the lane that was ready last, for the others were there before; of what
it left behind (fire and forget, consumers, the rest of a call after its time-out) nothing. A
frame counts if every frame from the root down waited for the next, until the first of these
stopped waiting (`cut`). What a counted frame did itself, work, a leaf, a way, a queue, goes to
the span that it is part of. No span's times are compared: this is no critical-path walk. `local` is
the same for each span by itself, as if it were the root.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from hopwatch.attribution.columnar.jit import compiled
from hopwatch.simulation.expansion import CALL, CONSUME, LEAF, PAUSE, SEND, SERVE, WAIT, WORK


@compiled
def settle(m: Any) -> Any:
    """Writes the spans of the first completed request and forgets it; False where there is too
    little room for records."""
    state = m.state[0]
    slot = m.slots[state.first_done]
    if len(m.records) - state.records < slot.frames:
        return False
    f = slot.first
    while f >= 0:
        _trace_back(m, f)
        f = m.frames[f].next
    f = slot.first
    while f >= 0:
        if m.nodes[m.frames[f].node].has_span:
            _record(m, f, slot.number)
        f = m.frames[f].next
    f = slot.first
    while f >= 0:
        frame = m.frames[f]
        following = frame.next
        if frame.unit == f and frame.balance != frame.end - frame.start:
            state.unbalanced += 1
        frame.serial = 0
        frame.next = state.frame
        state.frame = f
        state.free_frames += 1
        f = following
    place = state.first_done
    state.first_done = slot.next
    slot.next = state.slot
    state.slot = place
    state.free_slots += 1
    state.completed += 1
    return True


@compiled
def _trace_back(m: Any, f: Any) -> None:
    """Whether the unit's root waited for frame `f`, how long, and for what in it."""
    frame = m.frames[f]
    frame.near = bool(m.nodes[frame.node].has_span)
    if frame.unit == f:
        frame.on_path, frame.cut = True, frame.end
    else:
        above = m.frames[frame.parent]
        frame.near |= above.near and frame.blocking
        frame.on_path = above.on_path and frame.blocking
        frame.cut = min(frame.end, above.cut)
        frame.retry |= above.retry
    if frame.start < 0:
        return
    owner = m.frames[frame.owner]
    if frame.near:
        owner.local += _own(m, f, frame.end)
    if not frame.on_path:
        frame.out = frame.queue = 0
        return
    own = _own(m, f, frame.cut)
    owner.blamed += own
    if frame.retry:
        owner.retried += own
    m.frames[frame.unit].balance += own


@compiled
def _own(m: Any, f: Any, cut: Any) -> Any:
    """What of a frame's time until `cut` is its own."""
    frame = m.frames[f]
    kind = m.nodes[frame.node].kind
    if kind == CALL:
        return _way(m, f, cut)
    if kind in (WORK, LEAF, SEND, WAIT, PAUSE):
        return max(np.int64(0), cut - frame.start)
    return np.int64(0)


@compiled
def _way(m: Any, f: Any, cut: Any) -> Any:
    """What of a call its callee does not explain: the way there, its queue, the way back."""
    frame = m.frames[f]
    if frame.called < 0:
        frame.out = max(np.int64(0), cut - frame.start)
        return frame.out
    callee = m.frames[frame.called]
    served = min(callee.start, cut)
    frame.out = max(np.int64(0), served - frame.start)
    frame.queue = max(np.int64(0), served - max(callee.arrived, frame.start))
    return frame.out + max(np.int64(0), cut - max(callee.end, frame.start))


@compiled
def _record(m: Any, f: Any, number: Any) -> None:
    state, frame = m.state[0], m.frames[f]
    frame.record = state.records
    record = m.records[state.records]
    state.records += 1
    kind = m.nodes[frame.node].kind
    record.trace, record.key, record.request = frame.trace, frame.key, number
    record.parent = record.link = record.link_trace = np.uint64(0)
    root = m.frames[frame.unit]
    if frame.parent >= 0:
        above = m.frames[frame.parent]
        if above.trace == frame.trace:
            record.parent = above.visible
        else:
            record.link, record.link_trace = above.visible, above.trace
    record.start, record.end = frame.start, frame.end
    record.blamed, record.retried = frame.blamed, frame.retried
    record.queue, record.out = frame.queue, frame.out
    record.node, record.process, record.attempt = frame.node, frame.process, frame.attempt
    record.unit = root.record
    record.failed, record.detached = frame.failed, frame.detached
    enters = kind in (CALL, LEAF, SEND, WAIT)
    enters = enters or kind in (SERVE, CONSUME)
    late = frame.unit != f and frame.start >= root.end
    record.calls, record.spans = np.int64(enters and not late), np.int64(not late)
    record.local = np.int64(0) if late else frame.local
