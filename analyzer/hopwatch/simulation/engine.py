"""Runs a program to its end, a block of completed requests at a time, in bounded memory."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import numpy as np
import numpy.typing as npt

from hopwatch.errors import ConservationError, UsageError
from hopwatch.simulation.drawing import normal
from hopwatch.simulation.expansion import PARALLEL
from hopwatch.simulation.kernel import CRAMPED, ENOUGH, IDLE, run
from hopwatch.simulation.machine import (
    FRAME,
    LOAD,
    RECORD,
    REQUEST,
    RESOURCE,
    SLOT,
    STATE,
    Machine,
    grown,
)
from hopwatch.simulation.program import Program
from hopwatch.simulation.scenario import Load

BLOCK_REQUESTS: Final = 4096
_MOST_FRAMES: Final = 2_000_000
_FIRST_ROOM: Final = 1024


def execute(
    program: Program, load: Load, seed: int, requests: int, block: int = BLOCK_REQUESTS
) -> Iterator[npt.NDArray[np.void]]:
    """The spans (`machine.RECORD`) of `requests` requests in the order in which these are
    completed, `block` requests at a time. How they are cut into blocks changes nothing else.

    Raises UsageError where more and more requests are in flight, or wait for each other.
    """
    machine = _machine(program, load, seed, requests)
    completed = 0
    while completed < requests:
        wanted = min(completed + block, requests)
        machine.state["records"] = 0
        while (why := run(machine, wanted)) != ENOUGH:
            if why == IDLE:
                break
            machine = _with_room(machine, cramped=why == CRAMPED)
        state = machine.state[0]
        if state["unbalanced"]:
            raise ConservationError(
                f"simulation: {state['unbalanced']} requests whose causes do not add up to their "
                "time; please report this with the scenario"
            )
        if state["completed"] < wanted:
            raise UsageError(
                f"{state['began'] - state['completed']} requests wait for each other for ever: "
                "workers or pools are held while the same ones are asked for"
            )
        completed = wanted
        yield machine.records[: state["records"]].copy()


def _machine(program: Program, load: Load, seed: int, requests: int) -> Machine:
    state = np.zeros(1, STATE)
    state["seed"], state["wanted"], state["pace"] = seed, requests, 1.0
    state["first_done"] = -1
    # The load begins anywhere in its wanderings, not in their middle.
    for salt, level in enumerate(("drift", "pace_level")):
        state[level] = normal(np.uint64(seed), np.uint64(salt))
    lanes = program.nodes["limit"][program.nodes["kind"] == PARALLEL]
    state["most"] = int(lanes.max(initial=0)) + 2
    machine = Machine(
        nodes=program.nodes,
        children=program.children,
        laws=program.laws,
        routes=program.routes,
        weights=program.weights,
        load=_load(load),
        frames=np.zeros(0, FRAME),
        slots=np.zeros(0, SLOT),
        resources=_resources(program),
        events=np.zeros((0, 4), np.int64),
        state=state,
        records=np.zeros(0, RECORD),
    )
    machine = _with_room(_with_room(machine, cramped=True), cramped=False)
    # The first arrival.
    machine.events[0] = (0, 0, REQUEST, 0)
    state["events"] = 1
    return machine


def _load(load: Load) -> npt.NDArray[np.void]:
    factor, calm, burst = load.bursts or (0.0, 0, 0)
    drift, pace = load.drift or (0, 0.0), load.pace or (0, 0.0)
    return np.array([(load.rate, factor, calm, burst, *drift, *pace)], LOAD)


def _resources(program: Program) -> npt.NDArray[np.void]:
    resources = np.zeros(len(program.capacity), RESOURCE)
    resources["free"] = program.capacity
    resources["first"] = -1
    return resources


def _with_room(machine: Machine, *, cramped: bool) -> Machine:
    """The machine with twice the room for what is in flight, or else for records."""
    if not cramped:
        size = max(_FIRST_ROOM, 2 * len(machine.records))
        return machine._replace(records=grown(machine.records, size))
    if len(machine.frames) > _MOST_FRAMES:
        state = machine.state[0]
        raise UsageError(
            f"{state['began'] - state['completed']} requests are in flight after "
            f"{state['now'] / 1e9:.1f} s: the services are overloaded; give them more workers or "
            "lower load.rate"
        )
    least = 4 * int(machine.state[0]["most"]) + 64
    return machine._replace(
        frames=_freed(machine, max(_FIRST_ROOM, least, 2 * len(machine.frames)), "frame"),
        slots=_freed(machine, max(_FIRST_ROOM, 2 * len(machine.slots)), "slot"),
        events=grown(machine.events, max(_FIRST_ROOM, least, 2 * len(machine.events))),
    )


def _freed(machine: Machine, size: int, name: str) -> npt.NDArray[np.void]:
    """The frames or slots with more room, the new ones in the list of the free."""
    array: npt.NDArray[np.void] = machine.frames if name == "frame" else machine.slots
    before = len(array)
    larger = grown(array, size)
    larger["next"][before:-1] = np.arange(before + 1, size)
    state = machine.state
    larger["next"][-1] = state[name][0] if state[f"free_{name}s"][0] else -1
    state[name] = before
    state[f"free_{name}s"] += size - before
    return larger
