"""The discrete-event simulation: what happens, event by event, in true time.

A frame goes through its node's children one after the other and waits for each; branches of a
PARALLEL node are frames of their own (lanes). Workers and pools are resources with a queue, first
come first served, so that waits arise as they do in life: from the arrivals.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from hopwatch.attribution.columnar.jit import compiled
from hopwatch.simulation.arrivals import await_request, modulate
from hopwatch.simulation.causes import settle
from hopwatch.simulation.drawing import drawn, mixed, uniform
from hopwatch.simulation.expansion import (
    ACQUIRE,
    BACKGROUND,
    CALL,
    CONSUME,
    INNER,
    LANE,
    LEAF,
    PARALLEL,
    PAUSE,
    SEND,
    SERVE,
    WAIT,
)
from hopwatch.simulation.machine import (
    ADVANCE,
    ARRIVED,
    AWAIT,
    CONSUMED,
    FINISH,
    GRANTED,
    REPLIED,
    REQUEST,
    TIMED_OUT,
    cramped,
    done,
    drop_first,
    later,
    new_frame,
)

IDLE, CRAMPED, WRITE, ENOUGH = range(4)
"""Why `run` returned: nothing is left to happen; more room is needed for what is in flight, or
for records; as many requests are completed as wanted."""

# What is drawn for a frame, each with a salt of its own.
_TIME, _BACK, _FAILS, _HAPPENS, _TIMES, _PROCESS, _ROUTE, _ARRIVAL, _LINK = range(1, 10)


@compiled
def run(m: Any, enough: Any) -> Any:
    """Simulates until `enough` requests are completed in all, or something else is needed."""
    state = m.state[0]
    while True:
        while state.first_done >= 0:
            if state.completed == enough:
                return ENOUGH
            if not settle(m):
                return WRITE
        if state.events == 0:
            return IDLE
        if cramped(m):
            return CRAMPED
        time, packed, serial = m.events[0, 0], m.events[0, 2], m.events[0, 3]
        drop_first(m)
        f, what = packed // 16 - 1, packed % 16
        if f >= 0 and m.frames[f].serial != serial:
            continue  # of a frame that is gone
        state.now = time
        modulate(m)
        f = _happen(m, f, what, time)
        while f >= 0:
            f = _advance(m, f, time)


@compiled
def _happen(m: Any, f: Any, what: Any, now: Any) -> Any:
    """What an event does at once; gives the frame that goes on, -1 for none."""
    if what == REQUEST:
        return _begin_request(m, now)
    if what == AWAIT:
        key = mixed(m.state[0].seed, np.uint64(m.state[0].began - 1))
        await_request(m, mixed(key, _ARRIVAL))
        return -1
    if what == ARRIVED:  # a call that timed out on its way is taken back
        return -1 if m.frames[f].done else _ask(m, f, now)
    if what == GRANTED:
        return _granted(m, f, now)
    if what == FINISH:
        return _finish(m, f, now)
    if what in (REPLIED, TIMED_OUT):
        if m.frames[f].done:
            return -1
        m.frames[f].failed = what == TIMED_OUT or m.frames[m.frames[f].called].failed
        return _finish(m, f, now)
    if what == CONSUMED:
        m.frames[f].start = now
    return f


@compiled
def _begin_request(m: Any, now: Any) -> Any:
    state = m.state[0]
    number = state.began
    state.began += 1
    key = mixed(state.seed, np.uint64(number))
    route = _route(m.weights, key)
    slot = state.slot
    of = m.slots[slot]
    state.slot = of.next
    state.free_slots -= 1
    of.number, of.first, of.last, of.open, of.frames = number, -1, -1, 0, 0
    node = m.routes[route]
    f = new_frame(m, node, -1, slot, mixed(key, m.nodes[node].salt), now)
    m.frames[f].trace = mixed(key, _LINK)
    m.frames[f].process = _process(m, node, m.frames[f].key)
    if state.began < state.wanted:
        await_request(m, mixed(key, _ARRIVAL))
    return _enter(m, f, now)


@compiled
def _route(weights: Any, key: Any) -> Any:
    chance = uniform(key, _ROUTE)
    route = 0
    while route < len(weights) - 1 and weights[route] <= chance:
        route += 1
    return route


@compiled
def routes_of(weights: Any, seed: Any, requests: Any) -> Any:
    """By the numbers of requests, the number of the route of each."""
    found = np.empty(len(requests), np.int64)
    for i in range(len(requests)):
        found[i] = _route(weights, mixed(seed, np.uint64(requests[i])))
    return found


@compiled
def _step_key(frame: Any, salt: Any) -> Any:
    """What chance depends on of a step of a frame, by the step's salt."""
    key = mixed(frame.below, salt)
    return key if frame.turn == 0 else mixed(key, frame.turn)


@compiled
def _process(m: Any, node: Any, key: Any) -> Any:
    """Which process of the node's service it falls to."""
    of = m.nodes[node]
    return of.service + np.int64(uniform(key, _PROCESS) * of.instances)


@compiled
def _ask(m: Any, f: Any, now: Any) -> Any:
    """The call of frame `f` reaches the service that it asks."""
    frame = m.frames[f]
    node = m.children[m.nodes[frame.node].child]
    g = new_frame(m, node, f, frame.request, mixed(frame.key, m.nodes[node].salt), now)
    frame.called = g
    m.frames[g].process = _process(m, node, _step_key(frame, m.nodes[node].salt))
    return _enter(m, g, now)


@compiled
def _enter(m: Any, f: Any, now: Any) -> Any:
    """A request reaches a process: it is served at once, or waits for a worker."""
    r = _resource(m, f)
    if r < 0 or _take(m, r, f):
        m.frames[f].holds = r >= 0
        m.frames[f].start = now
        return f
    m.frames[f].start = -1
    return -1


@compiled
def _resource(m: Any, f: Any) -> Any:
    """The resource that a frame needs, of its process; -1: none."""
    of = m.nodes[m.frames[f].node]
    return -1 if of.resource < 0 else of.resource + m.frames[f].process - of.service


@compiled
def _take(m: Any, r: Any, f: Any) -> Any:
    """Takes one of a resource; where none is free, puts `f` into its queue."""
    resource = m.resources[r]
    if resource.free > 0:
        resource.free -= 1
        return True
    m.frames[f].waiting = -1
    if resource.first < 0:
        resource.first = f
    else:
        m.frames[resource.last].waiting = f
    resource.last = f
    return False


@compiled
def _release(m: Any, r: Any, now: Any) -> None:
    """Gives one of a resource back, to the first in its queue."""
    resource = m.resources[r]
    if resource.first < 0:
        resource.free += 1
        return
    f = resource.first
    resource.first = m.frames[f].waiting
    later(m, now, f, GRANTED)


@compiled
def _granted(m: Any, f: Any, now: Any) -> Any:
    frame = m.frames[f]
    if m.nodes[frame.node].kind == WAIT:
        m.frames[frame.parent].holds = True
        return _finish(m, f, now)
    frame.holds = True
    frame.start = now
    return f


@compiled
def _advance(m: Any, f: Any, now: Any) -> Any:
    """The next step of a frame; gives the frame that goes on, -1 where time has to pass."""
    frame = m.frames[f]
    of = m.nodes[frame.node]
    if frame.failed or (frame.left == 0 and frame.step == of.children):
        return _finish(m, f, now)
    if frame.left == 0:
        child = m.children[of.child + frame.step]
        frame.step += 1
        step = m.nodes[child]
        key = _step_key(frame, step.salt)
        if uniform(key, _HAPPENS) < step.probability:
            choices = step.most - step.least + 1
            frame.left = step.least + np.int64(uniform(key, _TIMES) * choices)
        return f
    if cramped(m):
        later(m, now, f, ADVANCE)
        return -1
    frame.left -= 1
    return _begin(m, f, m.children[of.child + frame.step - 1], now)


@compiled
def _begin(m: Any, f: Any, node: Any, now: Any) -> Any:
    """Begins a child of frame `f`."""
    above, of = m.frames[f], m.nodes[node]
    nth = np.uint64(above.left * 128 + above.attempts)
    g = new_frame(m, node, f, above.request, mixed(_step_key(above, of.salt), nth), now)
    frame = m.frames[g]
    if of.transparent and nth > 0:
        frame.turn = mixed(above.turn, nth)
    frame.attempt = above.attempts
    kind = of.kind
    if kind == CALL:
        later(m, now + drawn(m.laws, of.law, frame.key, _TIME, 1.0), g, ARRIVED)
        if of.timeout >= 0:
            later(m, now + of.timeout, g, TIMED_OUT)
        return -1
    if kind == INNER:
        return g
    if kind == PARALLEL:
        return _fork(m, g, now)
    if kind == BACKGROUND:
        frame.blocking = False
        later(m, now, g, ADVANCE)
        return f
    if kind == ACQUIRE:
        frame.step = 1
        wait = m.children[of.child]
        w = new_frame(m, wait, g, above.request, mixed(frame.key, m.nodes[wait].salt), now)
        if not _take(m, _resource(m, g), w):
            return -1
        frame.holds = True
        return _finish(m, w, now)
    later(m, now + drawn(m.laws, of.law, frame.key, _TIME, m.state[0].pace), g, FINISH)
    return -1


@compiled
def _fork(m: Any, f: Any, now: Any) -> Any:
    """Begins the lanes of a PARALLEL frame, which take its branches in turn."""
    frame = m.frames[f]
    of = m.nodes[frame.node]
    if of.children == 0:
        return f
    lanes = min(of.limit, of.children)
    frame.pending, frame.step = lanes, lanes
    for i in range(lanes):
        node = m.children[of.child + i]
        key = mixed(frame.key, m.nodes[node].salt)
        lane = new_frame(m, node, f, frame.request, key, now)
        m.frames[lane].blocking = False
        later(m, now, lane, ADVANCE)
    return -1


@compiled
def _finish(m: Any, f: Any, now: Any) -> Any:
    """Ends a frame; gives the frame that goes on, -1 for none."""
    frame = m.frames[f]
    of = m.nodes[frame.node]
    kind, p = of.kind, frame.parent
    if kind == LANE and _takes_another(m, f):
        return f
    frame.end = now
    if frame.holds:
        _release(m, _resource(m, f), now)
    if kind in (LEAF, INNER) and uniform(frame.key, _FAILS) < of.fail:
        frame.failed = True
    if kind == SEND:
        _publish(m, f, now)
    goes_on = -1
    if kind == SERVE and p >= 0:
        _reply(m, f, now)
    elif kind == LANE:
        above = m.frames[p]
        above.failed |= frame.failed
        above.pending -= 1
        if above.pending == 0:
            frame.blocking = True  # the others were ready before
            above.step = m.nodes[above.node].children
            goes_on = p
    elif p >= 0 and frame.blocking and kind != CONSUME:
        _judge(m, f, now)
        goes_on = -1 if frame.retry and kind != PAUSE else p
    done(m, f)
    return goes_on


@compiled
def _takes_another(m: Any, f: Any) -> Any:
    """Whether a lane has taken the next branch of its PARALLEL frame."""
    frame = m.frames[f]
    above = m.frames[frame.parent]
    of = m.nodes[above.node]
    if frame.failed or above.step >= of.children:
        return False
    frame.node = m.children[of.child + above.step]
    frame.key = mixed(above.key, m.nodes[frame.node].salt)
    frame.step = 0
    above.step += 1
    return True


@compiled
def _publish(m: Any, f: Any, now: Any) -> None:
    """Begins the consumer of a message, in its own time."""
    frame = m.frames[f]
    of = m.nodes[frame.node]
    node = m.children[of.child]
    key = mixed(frame.key, m.nodes[node].salt)
    g = new_frame(m, node, f, frame.request, key, now)
    consumer = m.frames[g]
    consumer.process = _process(m, node, key)
    consumer.unit, consumer.detached = g, True
    if m.nodes[node].linked:
        consumer.trace = mixed(key, _LINK)
    later(m, now + drawn(m.laws, of.back, frame.key, _BACK, 1.0), g, CONSUMED)


@compiled
def _reply(m: Any, f: Any, now: Any) -> None:
    """The answer of a served call goes back to who waits for it."""
    frame = m.frames[f]
    caller = m.frames[frame.parent]
    of = m.nodes[caller.node]
    if uniform(caller.key, _FAILS) < of.fail:
        frame.failed = True
    if not caller.done:
        later(m, now + drawn(m.laws, of.back, caller.key, _BACK, 1.0), frame.parent, REPLIED)


@compiled
def _judge(m: Any, f: Any, now: Any) -> None:
    """What the end of a step means for who waited for it: go on, repeat it after a pause, or
    fail."""
    frame = m.frames[f]
    above, of = m.frames[frame.parent], m.nodes[frame.node]
    if of.kind == PAUSE:
        return
    if frame.failed and frame.attempt + 1 < of.attempts:
        frame.retry = True
        above.attempts += 1
        above.left += 1
        pause = new_frame(
            m, of.pause, frame.parent, frame.request, mixed(frame.key, m.nodes[of.pause].salt), now
        )
        m.frames[pause].retry = True
        law = m.nodes[of.pause].law
        later(m, now + drawn(m.laws, law, m.frames[pause].key, _TIME, 1.0), pause, FINISH)
        return
    above.attempts = 0
    above.failed |= frame.failed
