"""True spans -> spans as they are received: stamped by clocks that are off, sampled, lost, copied.

What befalls a span depends on its own key alone. Odd cases:

    lost        never received; what hangs below it becomes a fragment
    duplicates  received twice; conflicts: the second time with another end
    late        received some thousand spans later
    cycles      its parent's parent is the span itself
    shared_ids  a SERVER span has its CLIENT's id, as in Zipkin; what it calls, too
    negative    ends before it starts
"""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt

from hopwatch.simulation.clocks import Process
from hopwatch.simulation.contents import Contents
from hopwatch.simulation.drawing import all_mixed, chances
from hopwatch.simulation.expansion import CALL, SERVE
from hopwatch.simulation.program import Program
from hopwatch.simulation.scenario import Observation, Scenario
from hopwatch.simulation.stamps import STAMPS

Records = npt.NDArray[np.void]
Mask = npt.NDArray[np.bool_]

RECEIVED: Final = np.dtype(
    [
        ("content", np.int64),  # row of `Contents.table`
        ("trace", np.uint64, 2),
        ("link_trace", np.uint64, 2),
        *((name, np.uint64) for name in ("span", "parent", "link")),  # 0: none
        *((name, np.int64) for name in ("start", "duration")),  # Unix ns, ns
    ]
)
"""A span as it is received."""

LATE_SPANS: Final = 5_000
"""By how many spans one is late."""
_LOST, _COPIED, _CONFLICT, _LATE, _CYCLE, _SHARED, _NEGATIVE, _JITTER = range(40, 48)
_TRACE_HIGH, _TRACE_LOW, _SPAN = range(60, 63)
_RANDOM_BITS: Final = np.uint64(2**56 - 1)


class Observer:
    """Receives blocks of records in turn."""

    def __init__(
        self, scenario: Scenario, program: Program, processes: list[Process], seed: int
    ) -> None:
        self.contents = Contents(scenario, program, processes)
        self._scenario = scenario
        self._program = program
        self._processes = processes
        self._seed = np.uint64(seed)
        services = [scenario.services[process.service] for process in processes]
        odd = scenario.observation
        self._lost = np.array([odd.lost if s.lost is None else s.lost for s in services])
        self._stamp = np.array([STAMPS[s.stamps] for s in services], np.int64)
        self._whole = np.array([s.stamps == "javascript" for s in services])
        self._jitter = np.array([s.jitter for s in services], np.float64)
        self._seen = 0
        self._held = np.zeros(0, RECEIVED)
        self._due = np.zeros(0, np.int64)

    def recorded(self, records: Records) -> Mask:
        """Which records' spans are received."""
        process = records["process"]
        randomness = all_mixed(records["trace"], _TRACE_LOW) & _RANDOM_BITS
        kept: Mask = self._program.nodes["visible"][records["node"]]
        kept &= randomness >= self.contents.threshold[process]
        if self._lost.any():
            kept &= self._chances(records, _LOST) >= self._lost[process]
        return kept

    def receive(self, records: Records, recorded: Mask, *, last: bool) -> npt.NDArray[np.void]:
        """The spans that have been received by the end of a block, in the order in which they
        arrive; `last`: also those that are late."""
        odd = self._scenario.observation
        parents, span = self._ids(records)
        kept = np.flatnonzero(recorded)
        chosen = records[kept]
        received = np.zeros(len(kept), RECEIVED)
        received["content"] = self.contents.rows(chosen)
        received["trace"] = _trace_ids(chosen["trace"])
        received["span"], received["parent"] = span[kept], parents[kept]
        linked = chosen["link"] != 0
        received["link"][linked] = all_mixed(chosen["link"][linked], _SPAN)
        received["link_trace"][linked] = _trace_ids(chosen["link_trace"][linked])
        received["start"], received["duration"] = self._stamps(chosen)
        order = self._seen + kept
        self._seen += len(records)
        if odd.negative:
            self._turn_round(chosen, received, odd.negative)
        if odd.duplicates or odd.conflicts:
            received, order, chosen = self._copied(chosen, received, order, odd)
        if odd.late:
            order = order + LATE_SPANS * (self._chances(chosen, _LATE) < odd.late)
        waiting = np.concatenate([self._held, received])
        due = np.concatenate([self._due, order])
        sequence = np.argsort(due, kind="stable")
        ready = len(due) if last else int(np.count_nonzero(due < self._seen))
        now, later = sequence[:ready], sequence[ready:]
        self._held, self._due = waiting[later], due[later]
        return waiting[now]

    def _chances(self, records: Records, salt: int) -> npt.NDArray[np.float64]:
        found: npt.NDArray[np.float64] = chances(records["key"], self._seed, salt)
        return found

    def _ids(self, records: Records) -> tuple[npt.NDArray[np.uint64], npt.NDArray[np.uint64]]:
        """Parent's and own span ids, with those that are shared or lead round in a circle."""
        odd = self._scenario.observation
        span = all_mixed(records["key"], _SPAN)
        has_parent = records["parent"] != 0
        parent = np.where(has_parent, all_mixed(records["parent"], _SPAN), np.uint64(0))
        if not (odd.shared_ids or odd.cycles):
            return parent, span
        order = np.argsort(records["key"])
        keys = records["key"][order]
        place = np.minimum(np.searchsorted(keys, records["parent"]), len(keys) - 1)
        above = np.where(has_parent & (keys[place] == records["parent"]), order[place], -1)
        if odd.shared_ids:
            kind = self._program.nodes["kind"][records["node"]]
            sharing = (kind == SERVE) & (above >= 0) & (kind[above] == CALL)
            sharing &= self._chances(records, _SHARED) < odd.shared_ids
            shared = np.flatnonzero(sharing)
            span[shared] = span[above[shared]]
            parent[shared] = parent[above[shared]]
            below = np.flatnonzero((above >= 0) & sharing[above])
            parent[below] = span[above[below]]
        if odd.cycles:
            # No root takes part: each request keeps its root.
            inner = (above >= 0) & has_parent[above]
            chosen = np.flatnonzero(inner & (self._chances(records, _CYCLE) < odd.cycles))
            parent[above[chosen]] = span[chosen]
        return parent, span

    def _stamps(self, records: Records) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
        """Starts (Unix ns) and durations as the SDKs say."""
        process = records["process"]
        begin, end = records["start"], records["end"]
        start, duration = begin + self._scenario.start, end - begin
        for number in np.unique(process).tolist():
            clock, mine = self._processes[number], process == number
            start[mine] += clock.wall(begin[mine])
            duration[mine] += clock.continuous(end[mine]) - clock.continuous(begin[mine])
        if self._jitter.any():
            late = -np.log1p(-self._chances(records, _JITTER))
            duration += np.rint(late * self._jitter[process]).astype(np.int64)
        stamp, whole = self._stamp[process], self._whole[process]
        cut = start // stamp * stamp
        ending = (start + duration) // stamp * stamp
        return cut, np.where(whole, duration, ending - cut)

    def _turn_round(self, records: Records, received: npt.NDArray[np.void], share: float) -> None:
        turned = self._chances(records, _NEGATIVE) < share
        received["duration"][turned] = -1 - received["duration"][turned] // 2

    def _copied(
        self,
        records: Records,
        received: npt.NDArray[np.void],
        order: npt.NDArray[np.int64],
        odd: Observation,
    ) -> tuple[npt.NDArray[np.void], npt.NDArray[np.int64], Records]:
        twice = np.flatnonzero(self._chances(records, _COPIED) < odd.duplicates)
        differing = np.flatnonzero(self._chances(records, _CONFLICT) < odd.conflicts)
        others = received[differing]
        others["duration"] += 1 + others["duration"] // 4
        return (
            np.concatenate([received, received[twice], others]),
            np.concatenate([order, order[twice], order[differing]]),
            np.concatenate([records, records[twice], records[differing]]),
        )


def _trace_ids(traces: npt.NDArray[np.uint64]) -> npt.NDArray[np.uint64]:
    ids: npt.NDArray[np.uint64] = np.stack(
        [all_mixed(traces, _TRACE_HIGH), all_mixed(traces, _TRACE_LOW)], axis=1
    )
    return ids
