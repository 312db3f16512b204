"""When requests arrive, and how the load wanders."""

from __future__ import annotations

import math
from typing import Any, Final

import numpy as np

from hopwatch.attribution.columnar.jit import compiled
from hopwatch.simulation.drawing import mixed, normal, uniform
from hopwatch.simulation.machine import AWAIT, REQUEST, later

_STEP_NS: Final = 100_000_000
"""For so long the rate and the pace keep a value."""
_BURSTS, _DRIFT, _PACE, _GAP = range(20, 24)


@compiled
def modulate(m: Any) -> None:
    """Brings the state of the load to the present."""
    state = m.state[0]
    while state.now >= state.modulated:
        _step(m)


@compiled
def _step(m: Any) -> None:
    state, load = m.state[0], m.load[0]
    key = mixed(state.seed, np.uint64(2**63 + state.modulated // _STEP_NS))
    if load.drift_sigma > 0:
        state.drift = _wander(state.drift, load.drift_time, mixed(key, _DRIFT))
    if load.pace_sigma > 0:
        state.pace_level = _wander(state.pace_level, load.pace_time, mixed(key, _PACE))
        sigma = load.pace_sigma
        state.pace = math.exp(sigma * state.pace_level - sigma * sigma / 2)
    while load.factor > 0 and state.modulated >= state.burst_until:
        state.bursting = not state.bursting
        state.switches += 1
        mean = load.burst if state.bursting else load.calm
        chance = uniform(mixed(state.seed, _BURSTS), np.uint64(state.switches))
        state.burst_until += 1 + np.int64(-mean * math.log(1.0 - chance))
    state.modulated += _STEP_NS


@compiled
def _wander(level: Any, time: Any, key: Any) -> Any:
    """One step of an Ornstein-Uhlenbeck process of variance 1."""
    kept = math.exp(-_STEP_NS / time)
    return kept * level + math.sqrt(1.0 - kept * kept) * normal(key, 0)


@compiled
def await_request(m: Any, key: Any) -> None:
    """Puts the next arrival into the queue of events: exponential by the rate of the moment. Where
    the rate may change before, it is drawn anew then; the law has no memory."""
    state, load = m.state[0], m.load[0]
    rate, changes = load.rate, False
    if load.factor > 0:
        changes = True
        if state.bursting:
            rate *= load.factor
    if load.drift_sigma > 0:
        changes = True
        sigma = load.drift_sigma
        rate *= math.exp(sigma * state.drift - sigma * sigma / 2)
    chance = uniform(key, np.uint64(_GAP + state.modulated))
    time = state.now + np.int64(-math.log(1.0 - chance) * 1e9 / rate)
    if changes and time >= state.modulated:
        later(m, state.modulated, -1, AWAIT)
    else:
        later(m, time, -1, REQUEST)
