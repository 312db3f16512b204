"""The state of a running simulation as flat arrays: frames, requests, resources, the queue of
events. All of it grows by copying into larger arrays.

A *frame* is one execution of a node; it waits for the frame it started, or for time to pass.
"""

from __future__ import annotations

from typing import Any, Final, NamedTuple

import numpy as np
import numpy.typing as npt

from hopwatch.attribution.columnar.jit import compiled

ADVANCE, FINISH, ARRIVED, REPLIED, TIMED_OUT, GRANTED, CONSUMED, REQUEST, AWAIT = range(9)
"""What an event is."""

FRAME: Final = np.dtype(
    [
        ("key", np.uint64),
        # What chance below it depends on; its own key, but for what is `transparent`: there
        # that of the frame above, and `turn` tells its repetitions apart.
        ("below", np.uint64),
        ("turn", np.uint64),
        ("trace", np.uint64),
        ("visible", np.uint64),  # key of the nearest span that is recorded; 0: none
        # arrived: when it began to wait for a worker; start: -1 until it begins.
        *((name, np.int64) for name in ("serial", "start", "end", "arrived")),
        # What it comes to, once its request is over: see `causes`.
        *(
            (name, np.int64)
            for name in ("cut", "blamed", "local", "retried", "queue", "out", "balance")
        ),
        # owner: the nearest frame with a span, itself included. step: how many children were
        # begun; left: how often the last of them is still to be done. called: the frame of the
        # other side. next: in its request; waiting: in a resource's queue.
        *(
            (name, np.int32)
            for name in (
                "node", "parent", "owner", "unit", "request", "process", "step", "left", "attempt",
                "attempts", "pending", "called", "next", "waiting", "record",
            )
        ),
        *(
            (name, np.bool_)
            for name in (
                "failed", "done", "blocking", "retry", "holds", "detached", "on_path", "near",
            )
        ),
    ]
)  # fmt: skip
SLOT: Final = np.dtype(
    [
        ("number", np.int64),
        *((name, np.int32) for name in ("first", "last", "open", "frames", "next")),
    ]
)
"""A request in flight. open: frames that are not done."""
RESOURCE: Final = np.dtype([(name, np.int32) for name in ("free", "first", "last")])
STATE: Final = np.dtype(
    [
        *((name, np.uint64) for name in ("seed",)),
        # now: ns since the beginning. began: requests so far; wanted: of how many. most: frames
        # that one event may make. modulated: until when the load's state holds.
        *(
            (name, np.int64)
            for name in (
                "now",
                "serial",
                "events",
                "began",
                "wanted",
                "records",
                "completed",
                "unbalanced",
                "free_frames",
                "free_slots",
                "most",
                "modulated",
                "switches",
            )
        ),
        *((name, np.int32) for name in ("frame", "slot", "first_done", "last_done")),
        *((name, np.float64) for name in ("drift", "pace_level", "pace")),
        ("burst_until", np.int64),
        ("bursting", np.bool_),
    ]
)
LOAD: Final = np.dtype(
    [
        (name, np.float64)
        for name in (
            "rate", "factor", "calm", "burst", "drift_time", "drift_sigma", "pace_time",
            "pace_sigma",
        )
    ]
)  # fmt: skip
RECORD: Final = np.dtype(
    [
        *((name, np.uint64) for name in ("trace", "key", "parent", "link", "link_trace")),
        *(
            (name, np.int64)
            for name in (
                "request", "start", "end", "blamed", "local", "retried", "queue", "out", "calls",
                "spans",
            )
        ),
        # unit: the record of the root of its request or asynchronous work.
        *((name, np.int32) for name in ("node", "process", "attempt", "unit")),
        *((name, np.bool_) for name in ("failed", "detached")),
    ]
)  # fmt: skip
"""A span as it truly was: times in ns since the beginning; parts as in `truth`."""


class Machine(NamedTuple):
    """See the module's docstring. nodes, children, laws, routes, weights: of the program; events:
    a heap of (time, order, frame and what, serial of the frame)."""

    nodes: Any
    children: Any
    laws: Any
    routes: Any
    weights: Any
    load: Any
    frames: Any
    slots: Any
    resources: Any
    events: Any
    state: Any
    records: Any


def grown(array: npt.NDArray[Any], size: int) -> npt.NDArray[Any]:
    """The array with room for `size`."""
    larger = np.zeros((size, *array.shape[1:]), array.dtype)
    larger[: len(array)] = array
    return larger


@compiled
def cramped(m: Any) -> Any:
    """Whether there may be too little room for what one event makes."""
    state = m.state[0]
    room = state.most + 8
    return state.free_frames < room or len(m.events) - state.events < room or state.free_slots < 1


@compiled
def later(m: Any, time: Any, frame: Any, what: Any) -> None:
    """Puts an event into the queue."""
    state, events = m.state[0], m.events
    state.serial += 1
    place = state.events
    state.events += 1
    serial = m.frames[frame].serial if frame >= 0 else 0
    order = state.serial
    while place > 0:
        above = (place - 1) // 2
        if events[above, 0] < time or (events[above, 0] == time and events[above, 1] < order):
            break
        for column in range(4):
            events[place, column] = events[above, column]
        place = above
    events[place, 0], events[place, 1] = time, order
    events[place, 2], events[place, 3] = (frame + 1) * 16 + what, serial


@compiled
def drop_first(m: Any) -> None:
    """Takes the first event out of the queue."""
    state, events = m.state[0], m.events
    state.events -= 1
    count = state.events
    time, order = events[count, 0], events[count, 1]
    place = 0
    while True:
        below = 2 * place + 1
        if below >= count:
            break
        if below + 1 < count and (
            events[below + 1, 0] < events[below, 0]
            or (
                events[below + 1, 0] == events[below, 0] and events[below + 1, 1] < events[below, 1]
            )
        ):
            below += 1
        if time < events[below, 0] or (time == events[below, 0] and order < events[below, 1]):
            break
        for column in range(4):
            events[place, column] = events[below, column]
        place = below
    for column in range(4):
        events[place, column] = events[count, column]


@compiled
def new_frame(m: Any, node: Any, parent: Any, slot: Any, key: Any, now: Any) -> Any:
    """A frame of `node` that `parent` waits for; -1: the root of the request in `slot`."""
    state = m.state[0]
    f = state.frame
    frame = m.frames[f]
    state.frame = frame.next
    state.free_frames -= 1
    state.serial += 1
    frame.serial = state.serial
    of = m.nodes[node]
    frame.node, frame.parent, frame.request = node, parent, slot
    frame.step = frame.left = frame.attempts = frame.pending = frame.attempt = 0
    frame.called = frame.next = frame.waiting = frame.record = -1
    frame.failed = frame.done = frame.retry = frame.holds = frame.detached = frame.on_path = False
    frame.near = False
    frame.blocking = True
    frame.start, frame.end, frame.arrived = now, -1, now
    frame.cut = frame.blamed = frame.retried = frame.queue = frame.out = frame.balance = 0
    frame.local = 0
    frame.key = frame.below = key
    frame.turn = np.uint64(0)
    frame.owner, frame.unit = f, f
    frame.visible = frame.key if of.visible else np.uint64(0)
    if parent >= 0:
        above = m.frames[parent]
        frame.trace, frame.process, frame.unit = above.trace, above.process, above.unit
        frame.detached = above.detached
        if of.transparent:
            frame.below, frame.turn = above.below, above.turn
        if not of.has_span:
            frame.owner = above.owner
        if not of.visible:
            frame.visible = above.visible
    slots = m.slots[slot]
    slots.open += 1
    slots.frames += 1
    if slots.first < 0:
        slots.first = f
    else:
        m.frames[slots.last].next = f
    slots.last = f
    return f


@compiled
def done(m: Any, f: Any) -> None:
    """Marks a frame as done; the last of its request completes it."""
    frame, state = m.frames[f], m.state[0]
    frame.done = True
    slot = m.slots[frame.request]
    slot.open -= 1
    if slot.open == 0:
        slot.next = -1
        if state.first_done < 0:
            state.first_done = frame.request
        else:
            m.slots[state.last_done].next = frame.request
        state.last_done = frame.request
